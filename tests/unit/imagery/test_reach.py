"""Where a catalog may lead, and where it may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from satseek.errors import InvalidSettings, UnsafeReference
from satseek.imagery.reach import Reach

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = ("data.example.org", "127.0.0.1:8080", "s3://bucket")
REACH = Reach(hosts=HOSTS)
FAR = "https://data.example.org/a/catalog.json"


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("./b.tif", "https://data.example.org/a/b.tif"),
        ("../b.tif?sig=1", "https://data.example.org/b.tif?sig=1"),
        ("/b.tif", "https://data.example.org/b.tif"),
        ("//127.0.0.1:8080/b.tif", "https://127.0.0.1:8080/b.tif"),
        ("http://127.0.0.1:8080/b.tif", "http://127.0.0.1:8080/b.tif"),
        ("s3://bucket/a/b.tif", "s3://bucket/a/b.tif"),
        ("s3://bucket/../other/b.tif", None),
        ("s3://other/b.tif", None),
        ("http://data.example.org:81/b.tif", None),
        ("https://data.example.org@evil.example/b.tif", None),
        ("https://evil.example/b.tif", None),
        ("file:///etc/passwd", None),
        ("FILE:///etc/passwd", None),
        ("ftp://data.example.org/b.tif", None),
        ("a\nb.tif", None),
        ("", None),
        ("a" * 5000, None),
    ],
)
def test_from_a_host_only_listed_hosts_and_buckets_are_reached(
    href: str, expected: str | None
) -> None:
    if expected is None:
        with pytest.raises(UnsafeReference):
            REACH.follow(href, base=FAR)
    else:
        assert expected == REACH.follow(href, base=FAR)


def test_files_are_reached_below_their_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "in" / "b c").mkdir(parents=True)
    (tmp_path / "in" / "b c" / "a%20b.tif").touch()
    (tmp_path / "in" / "d.tif").touch()
    (tmp_path / "out.tif").touch()
    (tmp_path / "in" / "link.tif").symlink_to(tmp_path / "out.tif")
    base = str(tmp_path / "in" / "b c" / "item.json")
    reach = Reach.of([tmp_path / "in"])
    assert f"{tmp_path}/in/d.tif" == reach.follow("../d.tif", base=base)
    assert f"{tmp_path}/in/d.tif" == reach.follow(f"{tmp_path}/in/d.tif", base=base)
    assert f"{tmp_path}/in/d.tif" == reach.follow(f"file://{tmp_path}/in/d.tif", base=base)
    assert f"{tmp_path}/in/b c/a%20b.tif" == reach.follow("a%20b.tif", base=base)
    assert f"{tmp_path}/in/b c/a%20b.tif" == reach.follow("../b%20c/a%2520b.tif", base=base)
    for href in ("../../out.tif", "../link.tif", "/etc/passwd", "~/a.tif", "a\0b"):
        if href.startswith("~"):
            assert reach.follow(href, base=base).startswith(f"{tmp_path}/in/")
            continue
        with pytest.raises(UnsafeReference):
            reach.follow(href, base=base)


def test_what_somebody_names_is_allowed_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "a" / "catalog.json"
    file.parent.mkdir()
    file.touch()
    assert (tmp_path / "a",) == Reach().and_named(str(file)).roots
    assert (tmp_path / "a",) == Reach().and_named(str(file.parent)).roots
    assert ("127.0.0.1:81=127.0.0.1",) == Reach().and_named("http://127.0.0.1:81/a.json").hosts
    with pytest.raises(UnsafeReference):
        Reach().and_named("http://user:word@127.0.0.1/a.json")


def test_a_scene_keeps_only_the_entries_that_it_needs() -> None:
    assert ("data.example.org",) == REACH.entries_for("https://data.example.org/b.tif")
    assert ("s3://bucket",) == REACH.entries_for("s3://bucket/b.tif")
    assert () == REACH.entries_for("/srv/b.tif")


@pytest.mark.parametrize("entry", ["s3://", "s3://a/b", "a b:c", "host:99:1", "10.0.0.1=x"])
def test_entries_that_cannot_be_are_refused(entry: str) -> None:
    with pytest.raises(InvalidSettings, match="stac_hosts"):
        Reach.of([entry])
