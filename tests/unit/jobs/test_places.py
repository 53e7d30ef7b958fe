"""Which folders a job may name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from satseek.errors import FolderNotFound, UnsafeReference
from satseek.jobs.places import folder_under

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "inner").mkdir(parents=True)
    (tmp_path / "outer").mkdir()
    (tmp_path / "root-too").mkdir()
    (root / "out").symlink_to(tmp_path / "outer")
    (root / "in").symlink_to(root / "inner")
    (root / "circle").symlink_to(root / "circle")
    return root


@pytest.mark.parametrize("asked", [".", "inner", "inner/", "./inner", "in"])
def test_below_a_root_is_found(root: Path, asked: str) -> None:
    expected = root if asked == "." else root / "inner"
    assert expected == folder_under(asked, [root])
    assert expected == folder_under(str(root / asked), [root])


@pytest.mark.parametrize(
    "asked",
    ["..", "inner/..", "../outer", "out", "out/deeper", "/", "/etc", "a\0b", "../root-too"],
)
def test_what_leads_out_is_refused(root: Path, asked: str) -> None:
    with pytest.raises(UnsafeReference):
        folder_under(asked, [root])


def test_a_root_is_no_prefix_of_letters(root: Path) -> None:
    with pytest.raises(UnsafeReference):
        folder_under(f"{root}-too", [root])


@pytest.mark.parametrize("asked", ["nothing", "circle", "x" * 300, "inner/x"])
def test_what_is_not_there_is_not_found(root: Path, asked: str) -> None:
    with pytest.raises((FolderNotFound, UnsafeReference)):
        folder_under(asked, [root])


def test_the_first_root_that_has_it_counts(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outer" / "inner").mkdir()
    assert tmp_path / "outer" / "inner" == folder_under("inner", [tmp_path / "outer", root])
    assert root / "inner" == folder_under("inner", [tmp_path / "root-too", root])


def test_without_roots_nothing_may_be_named(tmp_path: Path) -> None:
    for roots in ([], [tmp_path / "gone"]):
        with pytest.raises(UnsafeReference, match="which name none"):
            folder_under(".", roots)
