"""What was typed stands in reports, which others read: no secret of an address goes with it."""

from __future__ import annotations

import pytest

from satseek.cli.recording import command_line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["landuse", "my scenes"], "satseek landuse 'my scenes'"),
        (
            ["assess", "p.gpkg", "--after", "https://ann:secret@example.org/stac"],
            "satseek assess p.gpkg --after https://***@example.org/stac",
        ),
        (
            ["landuse", "--stac-api=https://key@example.org", "--out", "a@b"],
            "satseek landuse --stac-api=https://***@example.org --out a@b",
        ),
    ],
)
def test_a_command_is_told_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.setattr("sys.argv", ["/opt/satseek/bin/satseek", *words])
    assert told == command_line()
