from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from towers import CARD, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.evaluate.calibration import Reliability
from satseek.search.evaluating import Evaluation, evaluate_set
from satseek.search.evaluating_sets import read_set
from satseek.search.plotting import bar, confusion_grid, reliability_plot, safe
from satseek.search.reporting import report_page, write_report

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 5, 4, 3, 2, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script> \"x\" 'y' & <img src=http://evil.example/a>"
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Checks that tags close in order; gathers tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert tag == self._open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data


def _write_set(folder: Path, lines: list[str]) -> None:
    rng = np.random.default_rng(2)
    for at in range(12):
        pixels = rng.integers(0, 255, (30, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"a'b&{at}.png")
    text = "\n".join(lines) + "\n"
    (folder / "labels.csv").write_text(text, encoding="utf-8")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """Labels, captions and file names that try to become part of the page."""
    folder = tmp_path_factory.mktemp("set")
    lines = ["path,label,captions"]
    for at in range(12):
        label = ("harbour", HOSTILE, "field")[at % 3]
        lines.append(f"a'b&{at}.png,{_quoted(label)},{_quoted(HOSTILE + str(at))}")
    lines.append('"<b>gone</b>.png",field,')
    _write_set(folder, lines)
    embedder = Embedder(ColourEngine(), make_tokenizer())
    return evaluate_set(read_set(folder), embedder=embedder)


def _page(*results: Evaluation) -> str:
    return report_page(results, card=CARD, command="satseek evaluate '<i>'", date=NOW)


def test_page_needs_nothing_from_outside(found: Evaluation) -> None:
    text = _page(found)
    page = Page(text)
    assert {"script", "link", "iframe", "object", "form"}.isdisjoint(page.tags)
    sources = [value or "" for name, value in page.attributes if name in {"src", "href"}]
    assert sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    style = re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL)
    assert len(style) == 1
    assert "url(" not in style[0]
    assert "@import" not in style[0]
    assert "prefers-color-scheme: dark" in style[0]


def test_foreign_text_stays_text(found: Evaluation) -> None:
    page = Page(_page(found))
    assert page.text.count(HOSTILE) > 3
    assert "<b>gone</b>.png" in page.text
    assert "satseek evaluate '<i>'" in page.text
    assert page.tags.count("img") == sum(
        [
            *map(len, (found.examples.right, found.examples.wrong, found.examples.far_off)),
            2 * len(found.examples.late),
        ]
    )


def test_page_holds_what_the_evaluation_says(found: Evaluation) -> None:
    text = Page(_page(found)).text
    assert found.zero_shot is not None
    assert found.calibration is not None
    for value in (
        f"{found.top_1:.3f}",
        f"{found.zero_shot.mean_average_precision:.3f}",
        f"{found.calibration.share.ece:.3f}",
        "colours@0123456789ab",
        found.digest,
        "2026-05-04 03:02 UTC",
        "12 images, 3 labels, 12 captions, 1 refused",
    ):
        assert value in text
    assert "confidence" not in text.lower()


def test_page_without_labels_or_without_captions_leaves_those_sections_out(
    found: Evaluation,
) -> None:
    captioned = replace(found, zero_shot=None, calibration=None, labels=0)
    text = Page(_page(captioned)).text
    assert "Retrieval" in text
    assert "Confusion" not in text
    assert "Calibration" not in text
    labelled = Page(_page(replace(found, retrieval=None, captions=0))).text
    assert "Retrieval" not in labelled
    assert "Confusion" in labelled


def test_true_label_and_wrong_first_label_stand_out(found: Evaluation) -> None:
    text = _page(found)
    shown = [
        *found.examples.right,
        *found.examples.wrong,
        *found.examples.far_off,
    ]
    named = sum(one.label in {first.label for first in one.first} for one in shown)
    missed = sum(one.first[0].label != one.label for one in shown)
    assert (named, missed) == (text.count('<li class="hit">'), text.count('<li class="miss">'))
    assert min(named, missed) > 0


def test_several_sets_share_a_page(found: Evaluation) -> None:
    text = Page(_page(found, replace(found, split="test"))).text
    assert text.count("Most confused") == 2
    assert ", split test" in text


def test_image_that_is_gone_by_now_becomes_grey(found: Evaluation, tmp_path: Path) -> None:
    one = replace(found.examples.right[0], path=tmp_path / "gone.png")
    lost = replace(found, examples=replace(found.examples, right=(one,)))
    assert Page(_page(lost)).tags.count("img") > 0


def test_report_replaces_a_file_in_one_step(found: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    path.write_text("old", encoding="utf-8")
    write_report(path, [found], card=CARD, command="c", date=NOW)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [path] == list(tmp_path.iterdir())


def test_names_of_half_characters_and_control_signs_are_spelled_out() -> None:
    assert safe("a\udcff\x00\u202e\nb<") == "a\\udcff\\x00\\u202e\\nb&lt;"


def test_grid_has_a_cell_for_each_pair_that_occurs() -> None:
    drawn = confusion_grid([[3, 1, 0], [0, 2, 0], [0, 0, 0]], ["a", "b<", "c"])
    assert drawn.count('class="hit"') == 2
    assert drawn.count('class="miss"') == 1
    assert "a taken for b&lt;: 1 of 4" in drawn
    Page(drawn)


def test_too_many_labels_are_not_drawn(found: Evaluation) -> None:
    assert found.zero_shot is not None
    many = tuple(found.zero_shot.by_label[0] for _ in range(121))
    none = tuple((0,) * 121 for _ in many)
    wide = replace(found, zero_shot=replace(found.zero_shot, by_label=many, confusion=none))
    text = Page(_page(wide)).text
    assert "121 labels are too many to draw" in text


def test_dots_lie_where_the_bins_are() -> None:
    told = Reliability()
    told.add([0.5] * 4, [True, True, True, False])
    drawn = reliability_plot(told.bins(), across="share", up="right")
    ((x, y),) = re.findall(r'<circle class="dot" cx="([\d.]+)" cy="([\d.]+)"', drawn)
    ((bottom,),) = [re.findall(r'class="ideal" x1="\d+" y1="(\d+)"', drawn)]
    # a square of 260 px: half way across, three quarters up
    assert float(x) == 44 + 130
    assert float(bottom) - float(y) == 195
    Page(drawn)


def test_bar_is_as_long_as_its_value() -> None:
    assert 'width:25.0%"></i>' in bar(0.25)
    assert "left:10.0%;width:30.0%" in bar(0.25, interval=(0.1, 0.4))
    assert bar(None) == ""
