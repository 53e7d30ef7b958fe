"""Flag beats environment beats file beats default; unknown keys are errors; all are documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from satseek.errors import InvalidSettings
from satseek.settings import PROXIES, Settings, read_proxies, read_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SATSEEK_{name.upper()}", raising=False)


def test_defaults_say_that_they_are_defaults() -> None:
    known = read_settings()
    assert set(known.origins.values()) == {"default"}
    assert known.settings.port == 7860


def test_trusted_proxies_are_told_as_uvicorn_is_told_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(PROXIES, raising=False)
    assert read_proxies() is None
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.5,10.244.0.0/16")
    assert "10.0.0.5,10.244.0.0/16" == read_proxies()


def test_each_layer_beats_the_one_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "satseek.toml").write_text("port = 1\nbatch = 2\nthreads = 3\n", encoding="utf-8")
    monkeypatch.setenv("SATSEEK_BATCH", "20")
    monkeypatch.setenv("SATSEEK_THREADS", "30")
    known = read_settings({"threads": 300, "host": None})
    assert (known.settings.port, known.settings.batch, known.settings.threads) == (1, 20, 300)
    assert (known.origins["port"], known.origins["batch"]) == ("file", "environment")
    assert (known.origins["threads"], known.origins["host"]) == ("flag", "default")


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("colour = 1", "unknown setting 'colour' (file)"),
        ("port = 'x'", "setting 'port' (file)"),
        ("port = ", "not readable TOML"),
    ],
)
def test_wrong_file_is_one_clear_line(tmp_path: Path, content: str, wanted: str) -> None:
    (tmp_path / "satseek.toml").write_text(content, encoding="utf-8")
    with pytest.raises(InvalidSettings) as caught:
        read_settings()
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value).strip()


def test_unknown_environment_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATSEEK_COLOUR", "red")
    with pytest.raises(InvalidSettings, match=r"unknown setting 'colour' \(environment\)"):
        read_settings()


def test_named_file_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATSEEK_CONFIG", "/nowhere/satseek.toml")
    with pytest.raises(InvalidSettings, match="not a file"):
        read_settings()


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_setting_is_documented_with_its_variable_and_advice(name: str) -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert f"`{name}`" in page
    assert f"`SATSEEK_{name.upper()}`" in page
    assert Settings.model_fields[name].description
