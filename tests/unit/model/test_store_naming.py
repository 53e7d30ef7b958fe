"""Whatever is typed as a model's name stays inside the store, or is refused in so many words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versionmaker import store_version

from satseek.errors import DamagedData, InvalidName, InvalidRequest, ModelNotFound
from satseek.model.manifest import is_plain_file_name
from satseek.model.naming import Reference, check_model_name, is_version, parse_reference
from satseek.model.store import ModelStore

NAMES = st.text(st.sampled_from("abzAZ059-_."), min_size=1, max_size=100).filter(
    lambda name: not name.startswith(".")
)
DIGITS = st.text("0123456789abcdef", min_size=4, max_size=12)


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("base", "base", None),
        ("Git-RSCLIP_base.2", "Git-RSCLIP_base.2", None),
        ("base@4f1c", "base", "4f1c"),
        ("base@4F1C09AA3D52", "base", "4f1c09aa3d52"),
    ],
)
def test_a_reference_is_a_name_and_maybe_a_version(
    text: str, name: str, version: str | None
) -> None:
    assert parse_reference(text) == Reference(name=name, version=version)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a/b", "/a", "./a@b", "~", "a b", "a\0", "@4f1c", "ü", "x" * 101, "a\n"]
)
def test_what_cannot_be_a_name_may_be_a_path(text: str) -> None:
    assert parse_reference(text) is None


@pytest.mark.parametrize("version", ["", "4f1", "4f1c09aa3d520", "word", "4f1c@", "4f1c ", "../x"])
def test_what_cannot_be_a_version_is_said(version: str) -> None:
    with pytest.raises(InvalidRequest, match="4 to 12 hex digits"):
        parse_reference(f"base@{version}")


@given(NAMES, DIGITS)
def test_every_good_name_is_one_folder(name: str, digits: str) -> None:
    assert parse_reference(f"{name}@{digits}") == Reference(name=name, version=digits)
    assert Path("store", name).name == name
    assert is_version(digits) == (len(digits) == 12)


@given(st.text(max_size=120))
def test_a_name_that_is_let_in_is_one_folder(name: str) -> None:
    try:
        check_model_name(name)
    except InvalidName:
        return
    assert Path("store", name).parent == Path("store")
    assert name == Path("store", name).name
    assert len(name.encode()) <= 100


@given(st.text(max_size=80))
def test_a_carried_file_that_is_let_in_is_one_file(name: str) -> None:
    if is_plain_file_name(name):
        assert Path("store", name).parent == Path("store")
        assert name == Path("store", name).name


@given(
    st.text(max_size=300) | st.sampled_from(["x" * 5000, "a/" * 3000, "\0", "\udcff", "~", "//"])
)
def test_whatever_is_asked_for_is_answered_in_words(name: str) -> None:
    store = ModelStore(Path("/nonexistent/models"))
    for verb in (store.find, store.activate, store.verify):
        if name not in {"starter", "active"}:
            with pytest.raises((ModelNotFound, InvalidRequest, DamagedData)):
                verb(name)


def test_a_prefix_that_fits_two_versions_lists_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("satseek.model.naming.LEAST_DIGITS", 1)
    store = ModelStore(tmp_path / "models")
    versions = [store_version(store, seed).partition("@")[2] for seed in range(18)]
    digit = next(one[0] for one in versions if sum(v[0] == one[0] for v in versions) > 1)
    with pytest.raises(InvalidRequest, match="choose one: ") as caught:
        store.find(f"colours@{digit}")
    listed = str(caught.value).partition("choose one: ")[2].split(", ")
    assert listed == sorted(f"colours@{one}" for one in versions if one[0] == digit)
