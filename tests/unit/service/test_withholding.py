"""Messages as clients may read them."""

from __future__ import annotations

import logging

import pytest

from satseek.errors import CollectionNotFound, ModelNotFound
from satseek.service.withholding import told, without_folders


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/srv/my scenes/2024/north.tif: cut short", "north.tif: cut short"),
        ("/srv/a,b/c:d/north.tif: 3 of 4, then nothing", "north.tif: 3 of 4, then nothing"),
        ("no folder or file at /srv/scenes", "no folder or file at scenes"),
        ("cannot read '/srv/x/a.tif', see '/srv/x/b.tif'", "cannot read 'a.tif', see 'b.tif'"),
        ("x: (models are kept in /srv/data/models)", "x: (models are kept in models)"),
        (r"C:\Users\ann\scenes\north.tif: cut short", "north.tif: cut short"),
        ("north.tif: /srv/x/north.tif: empty", "north.tif: north.tif: empty"),
        ("path=/srv/x/north.tif", "path=north.tif"),
    ],
)
def test_folders_are_withheld(text: str, expected: str) -> None:
    assert without_folders(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "no chip '2025/north.tif/12_7'",
        "nowhere/at/all: expected a path or one of: starter",
        "expected application/json or multipart/form-data",
        "give bbox or area, not both",
        "see https://example.org/a/b",
    ],
)
def test_what_is_no_absolute_path_stays(text: str) -> None:
    assert without_folders(text) == text


def test_what_is_withheld_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="satseek"):
        assert told(ModelNotFound("/srv/models/a: no such folder")) == "a: no such folder"
        assert told(CollectionNotFound("no collection 'a'")) == "no collection 'a'"
    assert [one.getMessage() for one in caplog.records] == [
        "refused: /srv/models/a: no such folder"
    ]
