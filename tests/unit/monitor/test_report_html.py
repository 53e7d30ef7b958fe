"""The page needs nothing from outside, says all it is given, and is read without eyes, too."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image as Pillow
from reportmaking import (
    LATER,
    class_map,
    every_block,
    gone_image,
    make_chart,
    make_map,
    make_pair,
    make_report,
    make_table,
)

from satseek.errors import FolderNotFound, InvalidRequest
from satseek.monitor.reports.blocks import Column, Image, Map, Pairs, Table, Text
from satseek.monitor.reports.html_style import STYLE
from satseek.monitor.reports.report import Section
from satseek.monitor.reports.writing import write_report

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.monitor.reports.report import Report
    from satseek.monitor.reports.writing import Written

VOID = {"meta", "img", "br", "link", "input"}
NASTY = "<script>alert('1')</script> & \"quotes\""


class Page(HTMLParser):
    """Elements with their attributes, checked to be closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    def every(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.found if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def written(report: Report, folder: Path, name: str = "report.html") -> tuple[str, Written]:
    told = write_report(report, folder / name)
    return (folder / name).read_text(encoding="utf-8"), told


def page_of(report: Report, folder: Path) -> Page:
    content, _ = written(report, folder)
    page = Page()
    page.feed(content)
    page.close()
    assert [] == page.open
    return page


def test_nothing_is_loaded_from_outside(tmp_path: Path) -> None:
    content, _ = written(make_report(), tmp_path)

    links = re.findall(r'(?:src|href|xlink:href)="([^"]*)"', content)
    assert links
    assert all(link.startswith(("data:image/jpeg;base64,", "#")) for link in links)
    assert "url(" not in content
    assert "<script" not in content
    assert "default-src 'none'" in content


def test_all_that_is_given_is_said(tmp_path: Path) -> None:
    report = make_report()

    text = page_of(report, tmp_path).text

    for said in (
        report.title,
        report.subtitle,
        report.next_step,
        "Visit no. 1.",
        "Cells are 128 m wide.",
        "2 of 40",
        "Clouds hide half of it.",
        "1,234.6",
        "25%",
        "open-pit mine",
        "No. 1: forest → mine",
        "2024-05-03, scene May",
        "4.20 ha",
        "Area of mines",
        "an open-pit mine; a quarry",
        "quantile of the background",
        "starter@0123456789ab",
        "ab" * 32,
        "2024-06-02 12:00 UTC",
        "a.tester",
    ):
        assert said in text
    assert "empty" not in text


def test_what_to_do_stands_before_the_contents_and_they_before_the_rest(tmp_path: Path) -> None:
    text = page_of(make_report(), tmp_path).text

    places = [text.index(one) for one in ("What to do next", "Contents", "1. What was found")]
    assert sorted(places) == places


def test_foreign_text_stays_text(tmp_path: Path) -> None:
    table = Table(caption=NASTY, columns=(Column(name=NASTY),), rows=((NASTY,),))
    blocks = (
        Text(paragraphs=(NASTY,)),
        table,
        make_map(title=NASTY, alt=NASTY),
        Pairs(pairs=(make_pair(title=NASTY, before_caption=NASTY),)),
        make_chart(title=NASTY, alt=NASTY, unit=NASTY, places=(NASTY,) * 3),
    )

    page = page_of(make_report(*blocks, title=NASTY, next_step=NASTY), tmp_path)

    assert [] == page.every("script")
    assert NASTY in page.text


def test_it_is_read_without_eyes(tmp_path: Path) -> None:
    page = page_of(make_report(), tmp_path)

    assert all(image["alt"] for image in page.every("img"))
    assert all(image["aria-label"] for image in page.every("svg"))
    (main,) = page.every("main")
    assert main
    assert {"col", "row"} == {head["scope"] for head in page.every("th")}
    assert len(page.every("table")) == len(page.every("caption"))
    levels = [int(tag[1]) for tag, _ in page.found if re.fullmatch("h[1-6]", tag)]
    assert 1 == levels.count(1) == levels[0]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    names = [one["id"] for _, one in page.found if "id" in one]
    assert len(set(names)) == len(names)
    asked = [one["aria-labelledby"] for _, one in page.found if "aria-labelledby" in one]
    assert set(asked) <= set(names)
    targets = [one["href"][1:] for one in page.every("a")]
    assert targets
    assert set(targets) <= set(names)


def test_chinese_reports_say_their_own_words_in_chinese(tmp_path: Path) -> None:
    page = page_of(make_report(language="zh", next_step="先去一号。"), tmp_path)

    assert "zh-Hans" == page.every("html")[0]["lang"]
    for said in ("下一步怎么做", "目录", "来源与依据", "之前", "阈值"):
        assert said in page.text
    for english in ("Contents", "What to do next", "Thresholds", "Before"):
        assert english not in page.text


def test_the_same_report_is_the_same_bytes_and_another_one_has_another_digest(
    tmp_path: Path,
) -> None:
    first, told = written(make_report(), tmp_path)
    again, told_again = written(make_report(), tmp_path)
    _, other = written(make_report(actions=("Visit no. 2.",)), tmp_path)

    assert first == again
    assert (told.sha256, told.digest) == (told_again.sha256, told_again.digest)
    assert told.digest in first
    assert other.digest != told.digest


def test_time_and_command_count_for_no_digest(tmp_path: Path) -> None:
    report = make_report()
    later = replace(report, provenance=replace(report.provenance, made_at=LATER))
    otherwise = replace(report, provenance=replace(report.provenance, command="typed"))

    assert written(otherwise, tmp_path)[1].digest == written(report, tmp_path)[1].digest
    first, told = written(report, tmp_path)
    then, told_then = written(later, tmp_path)

    assert told.digest == told_then.digest
    assert "2025-01-01 07:30 UTC" in then
    assert first.replace("2024-06-02 12:00 UTC", "") == then.replace("2025-01-01 07:30 UTC", "")


def test_other_images_are_another_report(tmp_path: Path) -> None:
    pair = make_pair()
    assert pair.before is not None
    other = replace(pair, before=replace(pair.before, identity="another"))

    digests = {
        written(make_report(Pairs(pairs=(one,))), tmp_path)[1].digest for one in (pair, other)
    }

    assert 2 == len(digests)


def test_images_are_small_and_what_they_were(tmp_path: Path) -> None:
    pixels = np.zeros((900, 600, 3), np.uint8)
    pixels[:450, :, 0] = 255
    image = Image(identity="x", alt="a red half", read=lambda: pixels)

    content, told = written(make_report(Pairs(pairs=(make_pair(before=image),))), tmp_path)

    (jpeg,) = re.findall(r'alt="a red half"[^>]*base64,([^"]*)"', content)
    shown = Pillow.open(io.BytesIO(base64.b64decode(jpeg)))
    assert (256, 384) == shown.size
    assert shown.getpixel((100, 50)) == pytest.approx((255, 0, 0), abs=5)
    assert shown.getpixel((100, 350)) == pytest.approx((0, 0, 0), abs=5)
    assert (2, 0) == (told.images, told.missing_images)


def test_gone_images_are_told_where_they_would_stand(tmp_path: Path) -> None:
    pair = make_pair(before=gone_image(), after=None)

    content, told = written(make_report(Pairs(pairs=(pair,))), tmp_path)

    assert "a pit nobody can see any more: cannot be read any more" in content
    assert "nothing was seen" in content
    assert (0, 1) == (told.images, told.missing_images)


def test_hundreds_of_images_are_never_in_memory_together(tmp_path: Path) -> None:
    alive: list[int] = [0, 0]

    class Counted(np.ndarray):
        def __del__(self) -> None:
            alive[0] -= self.base is None

    def read() -> np.ndarray:  # type: ignore[type-arg]
        made = Counted((64, 64, 3), np.uint8)
        made[:] = 90
        alive[0] += 1
        alive[1] = max(alive)
        return made

    image = Image(identity="x", alt="ground", read=read)
    pairs = tuple(make_pair(at, before=image, after=image) for at in range(150))

    _, told = written(make_report(Pairs(pairs=pairs)), tmp_path)

    assert 300 == told.images
    assert alive[1] <= 2


def test_maps_without_ground_say_so(tmp_path: Path) -> None:
    page = page_of(make_report(make_map(shapes=())), tmp_path)

    assert "the imagery has no georeference" in page.text
    assert [] == page.every("svg")


def test_class_maps_are_drawn_and_named(tmp_path: Path) -> None:
    asked = Map(title="Classes", alt="Forest in the west.", classes=class_map())

    page = page_of(make_report(asked), tmp_path)

    assert 1 == len(page.every("image"))
    assert "forest mine" in page.text
    assert "water" not in page.text


def test_sections_are_numbered_and_claim_sheets_begin_a_page(tmp_path: Path) -> None:
    inner = Section(title="Policy 7", blocks=(make_table(),), begins_page=True)
    report = make_report(sections=(Section(title="Sheets", sections=(inner,)),))

    content, _ = written(report, tmp_path)

    assert '<section class="begins-page" id="s1-1"' in content
    assert "1.1. Policy 7" in content
    assert '<a href="#s1-1">Policy 7</a>' in content


def test_progress_ends_where_it_said(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []

    write_report(make_report(), tmp_path / "r.html", on_progress=lambda *step: steps.append(step))

    blocks = len(every_block())
    assert (1, blocks) == steps[0]
    assert (blocks, blocks) == steps[-1]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("report.docx", InvalidRequest, r"expected a file that ends in \.html or \.htm or \.pdf"),
        ("missing/report.html", FolderNotFound, "no such folder"),
        ("folder.html", InvalidRequest, "came a folder"),
    ],
)
def test_places_where_no_report_can_be_are_refused(
    tmp_path: Path, name: str, error: type[Exception], message: str
) -> None:
    (tmp_path / "folder.html").mkdir()

    with pytest.raises(error, match=message):
        write_report(make_report(), tmp_path / name)


def test_a_report_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    def fail() -> np.ndarray:  # type: ignore[type-arg]
        raise RuntimeError("pulled out")

    content, _ = written(make_report(), tmp_path)
    broken = Image(identity="x", alt="x", read=fail)

    with pytest.raises(RuntimeError, match="pulled out"):
        written(make_report(Pairs(pairs=(make_pair(before=broken),))), tmp_path)

    assert content == (tmp_path / "report.html").read_text(encoding="utf-8")
    assert ["report.html"] == [one.name for one in tmp_path.iterdir()]


@pytest.mark.parametrize("changes", [{"title": " "}, {"next_step": ""}])
def test_a_report_says_what_it_is_about_and_what_to_do(changes: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match="a report needs its"):
        make_report(**changes)


def test_rows_have_as_many_cells_as_columns() -> None:
    with pytest.raises(InvalidRequest, match="expected 2 cells a row, came 1"):
        Table(caption="t", columns=(Column(name="a"), Column(name="b")), rows=(("x",),))


def _colours(block: str) -> dict[str, tuple[int, ...]]:
    found = re.findall(r"--(\w+): #([0-9a-f]{6})", block)
    return {name: tuple(bytes.fromhex(code)) for name, code in found}


def _luminance(colour: tuple[int, ...]) -> float:
    shares = [one / 255 for one in colour]
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("at", [0, 1, 2], ids=["light", "dark", "print"])
def test_words_stand_out_from_their_ground(at: int) -> None:
    colours = _colours(re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[at])

    for ground in ("ground", "paper", "card", "call"):
        for ink in ("ink", "soft", "good", "warning", "bad", "link"):
            low, high = sorted(_luminance(colours[name]) for name in (ground, ink))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (ground, ink)
