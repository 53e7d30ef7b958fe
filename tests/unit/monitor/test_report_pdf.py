"""Paper says what the page says, knows its own pages, and hides no lack of fonts."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from reportmaking import (
    LATER,
    gone_image,
    make_chart,
    make_map,
    make_pair,
    make_report,
    make_table,
)

from satseek.errors import DependencyMissing, InvalidRequest
from satseek.monitor.reports import fonts
from satseek.monitor.reports.blocks import Column, Pairs, Table, Text
from satseek.monitor.reports.report import Section
from satseek.monitor.reports.writing import write_report

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.monitor.reports.report import Report
    from satseek.monitor.reports.writing import Written

pytest.importorskip("fpdf", reason="fpdf2 is not on this machine: pip install 'satseek[pdf]'")
pdfium = pytest.importorskip(
    "pypdfium2", reason="pypdfium2 is not on this machine: pip install --group test"
)

HAS_CHINESE = {one.regular.path.name for one in fonts.families()} & {
    regular for (regular, _), _ in fonts._CHINESE
}
needs_chinese = pytest.mark.skipif(
    not HAS_CHINESE, reason=f"a font for Chinese is not on this machine: {fonts.INSTALL}"
)


@pytest.fixture(autouse=True)
def _no_fonts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without fonts, unless a test asks for those of this one: they load slowly."""
    if "machine_fonts" not in request.fixturenames:
        monkeypatch.setattr(fonts, "FOLDERS", ())


@pytest.fixture
def machine_fonts() -> tuple[Path, ...]:
    return fonts.FOLDERS


def written(report: Report, folder: Path) -> tuple[list[str], Written]:
    told = write_report(report, folder / "report.pdf")
    return texts(folder / "report.pdf"), told


def texts(path: Path) -> list[str]:
    """Words of each page."""
    with closing(pdfium.PdfDocument(path)) as document:
        pages = []
        for page in document:
            words = page.get_textpage()
            pages.append(" ".join(words.get_text_bounded().split()))
            words.close()
            page.close()
        return pages


def test_all_that_is_given_is_said(tmp_path: Path) -> None:
    report = make_report()

    pages, told = written(report, tmp_path)

    whole = " ".join(pages)
    for said in (
        report.title,
        report.next_step,
        "1. Visit no. 1.",
        "Cells are 128 m wide.",
        "Clouds hide half of it.",
        "1,234.6",
        "25%",
        "open-pit mine",
        "No. 1: forest -> mine",
        "2024-05-03, scene May",
        "4.20 ha",
        "Area of mines",
        "an open-pit mine; a quarry",
        "starter@0123456789ab",
    ):
        assert said in whole
    assert "empty" not in whole
    assert told.digest in whole.replace(" ", "")
    assert report.next_step in pages[0]
    assert (len(pages), 2, 0, "") == (
        told.pages,
        told.images,
        told.missing_images,
        told.missing_characters,
    )


def test_the_contents_know_their_pages_and_every_page_its_number(tmp_path: Path) -> None:
    sections = tuple(
        Section(title=f"Part {name}", blocks=(make_table(45),), begins_page=True)
        for name in ("one", "two", "three")
    )

    pages, _ = written(make_report(sections=sections), tmp_path)

    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
    for number, section in enumerate(sections, 1):
        heading = f"{number}. {section.title}"
        begins = next(at for at, page in enumerate(pages, 1) if at > 1 and heading in page)
        assert f"{heading} {begins}" in pages[0]


def test_a_long_table_has_its_head_on_every_page_and_all_its_rows(tmp_path: Path) -> None:
    report = make_report(make_table(120))

    pages, _ = written(report, tmp_path)

    rows = [page for page in pages if "class 1" in page and "area (ha)" in page]
    assert len([page for page in pages if "area (ha)" in page]) >= 3
    assert rows
    whole = " ".join(pages)
    assert all(f"class {at} " in whole for at in range(120))


def test_a_cell_that_no_page_has_room_for_goes_on(tmp_path: Path) -> None:
    said = " ".join(f"word{at}" for at in range(900))
    columns = (Column(name="a"), Column(name="b"))
    table = Table(caption="t", columns=columns, rows=((said, said),))

    pages, _ = written(make_report(table), tmp_path)

    whole = " ".join(pages)
    assert all(f"word{at}" in whole for at in range(900))


def test_a_paragraph_longer_than_a_page_goes_on(tmp_path: Path) -> None:
    said = " ".join(f"word{at}" for at in range(900))

    pages, _ = written(
        make_report(Text(paragraphs=(said,), tone="warning"), next_step=said), tmp_path
    )

    assert 2 == sum("word899" in page for page in pages)


def test_the_same_report_is_the_same_bytes_and_the_time_counts_for_no_digest(
    tmp_path: Path,
) -> None:
    report = make_report()
    later = replace(report, provenance=replace(report.provenance, made_at=LATER))

    (_, first), (_, again), (_, then) = (
        written(one, tmp_path) for one in (report, make_report(), later)
    )

    assert first.sha256 == again.sha256
    assert first.sha256 != then.sha256
    assert first.digest == then.digest


def test_html_and_paper_carry_one_digest(tmp_path: Path) -> None:
    _, paper = written(make_report(), tmp_path)
    page = write_report(make_report(), tmp_path / "report.html")

    assert paper.digest == page.digest


def test_images_lie_where_they_should_and_are_what_they_were(tmp_path: Path) -> None:
    written(make_report(Pairs(pairs=(make_pair(),))), tmp_path)

    with closing(pdfium.PdfDocument(tmp_path / "report.pdf")) as document:
        page = document[1]
        shown = page.render(scale=2).to_numpy()
        images = [one for one in page.get_objects() if 3 == one.type]
        left, right = sorted(one.get_bounds() for one in images)
        page.close()
    height = shown.shape[0] / 2
    for (x0, y0, x1, y1), shade in ((left, 40), (right, 200)):
        middle = shown[round(2 * (height - (y0 + y1) / 2)), round(x0 + x1)]
        assert middle == pytest.approx([shade] * 3, abs=4)
    assert left[2] < right[0]


def test_gone_images_are_told_where_they_would_stand(tmp_path: Path) -> None:
    pair = make_pair(before=gone_image(), after=None)

    pages, told = written(make_report(Pairs(pairs=(pair,))), tmp_path)

    assert "cannot be read any more" in " ".join(pages)
    assert "nothing was seen" in " ".join(pages)
    assert (0, 1) == (told.images, told.missing_images)


def test_hundreds_of_pairs_stand_three_to_a_page(tmp_path: Path) -> None:
    pairs = tuple(make_pair(at) for at in range(1, 31))

    pages, told = written(make_report(Pairs(pairs=pairs)), tmp_path)

    assert 60 == told.images
    assert all(f"No. {at}: forest" in " ".join(pages) for at in range(1, 31))
    assert len(pages) <= 2 + 30 / 3 + 2


def test_maps_and_charts_leave_no_page_that_says_nothing(tmp_path: Path) -> None:
    blocks = (make_map(), make_chart(), make_chart(kind="stacked"), make_chart(kind="bars"))

    pages, _ = written(make_report(*blocks * 3), tmp_path)

    assert all(len(page) > 60 for page in pages)


@needs_chinese
@pytest.mark.usefixtures("machine_fonts")
def test_chinese_is_set_and_can_be_searched(tmp_path: Path) -> None:
    report = make_report(
        language="zh", title="某县矿山监测", next_step="请先核查第一处，再核查第二处。"
    )

    pages, told = written(report, tmp_path)

    assert "某县矿山监测" in pages[0]
    assert "请先核查第一处，再核查第二处。" in pages[0]
    assert "下一步怎么做" in pages[0]
    assert f"第 1 页，共 {len(pages)} 页" in pages[0]
    assert "" == told.missing_characters


def test_without_fonts_latin_is_set_all_the_same(tmp_path: Path) -> None:
    report = make_report(Text(paragraphs=("Größe ≥ 5 km² → Süden 矿",)))

    pages, told = written(report, tmp_path)

    assert "Größe >= 5 km² -> Süden ?" in " ".join(pages)
    assert "矿" == told.missing_characters


def test_a_chinese_report_without_a_font_for_it_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(DependencyMissing, match="a Chinese PDF needs a font that has Chinese"):
        written(make_report(language="zh"), tmp_path)

    assert [] == list(tmp_path.iterdir())


def make_font(path: Path) -> Path:
    """An OpenType font with PostScript outlines, as Noto's for Chinese are, of one character."""
    builder = pytest.importorskip("fontTools.fontBuilder").FontBuilder(1000, isTTF=False)
    pen = pytest.importorskip("fontTools.pens.t2CharStringPen").T2CharStringPen(1000, None)
    pen.moveTo((100, 0))
    for place in ((900, 0), (900, 800), (100, 800)):
        pen.lineTo(place)
    pen.closePath()
    square = pen.getCharString()
    names = (".notdef", "space", "mine")
    builder.setupGlyphOrder(list(names))
    builder.setupCharacterMap({0x20: "space", ord("矿"): "mine"})
    builder.setupCFF("Made", {"FullName": "Made"}, dict.fromkeys(names, square), {})
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 100)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Made", "styleName": "Regular", "fullName": "Made"})
    builder.setupOS2(sCapHeight=700)
    builder.setupPost()
    builder.save(path)
    return path


def test_a_font_that_is_given_is_taken(tmp_path: Path) -> None:
    font = make_font(tmp_path / "made.otf")
    report = make_report(Text(paragraphs=("a 矿 b",)))

    told = write_report(report, tmp_path / "report.pdf", fonts=(font,))

    assert "" == told.missing_characters
    assert "a 矿 b" in " ".join(texts(tmp_path / "report.pdf"))


def test_a_font_that_is_none_is_refused_in_a_line(tmp_path: Path) -> None:
    font = tmp_path / "mine.ttf"
    font.write_bytes(b"no font at all")

    with pytest.raises(InvalidRequest, match=r"mine\.ttf: expected a font for a PDF"):
        write_report(make_report(), tmp_path / "report.pdf", fonts=(font,))

    assert not (tmp_path / "report.pdf").exists()


def test_images_are_read_once(tmp_path: Path) -> None:
    reads: list[int] = []
    pair = make_pair()
    assert pair.before is not None

    def read() -> np.ndarray:  # type: ignore[type-arg]
        reads.append(1)
        return np.zeros((8, 8, 3), np.uint8)

    pair = replace(pair, before=replace(pair.before, read=read))
    written(make_report(Pairs(pairs=(pair,))), tmp_path)

    assert [1] == reads


@pytest.mark.parametrize("rows", [20, 28, 36])
def test_a_heading_stands_with_what_it_heads(tmp_path: Path, rows: int) -> None:
    sections = (
        Section(title="Areas", blocks=(make_table(rows),)),
        Section(title="Ground", blocks=(make_map(),)),
        Section(title="Parts", sections=(Section(title="Inner", blocks=(make_chart(),)),)),
    )

    pages, _ = written(make_report(sections=sections), tmp_path)

    for heading, below in (("2. Ground", "Where it changed"), ("3. Parts", "Area of mines")):
        (page,) = (one for one in pages[1:] if heading in one)
        assert below in page


def test_no_word_or_figure_of_a_table_is_broken(tmp_path: Path) -> None:
    columns = (
        Column(name="policy"),
        *(Column(name=f"a long name of figures {at}", kind="number") for at in range(8)),
        Column(name="why", weight=3.0),
    )
    why = "thirty percent of the area seen is affected, which is moderate by the table of losses"
    rows = tuple((f"P-{at}-1001", *[123_456 + at] * 8, why) for at in range(3))
    table = Table(caption="t", columns=columns, rows=rows, total=("all", *[370_371] * 8, None))

    pages, _ = written(make_report(table), tmp_path)

    whole = " ".join(pages)
    for said in ("P-0-1001", "P-2-1001", "123,456", "123,458", "370,371", "percent", "moderate"):
        assert said in whole


def test_words_and_figures_of_a_wide_table_are_not_broken(tmp_path: Path) -> None:
    names = ("Residential", "Industry", "Transport", "Farmland", "Grassland", "Unused", "Wetlands")
    table = Table(
        caption="districts",
        columns=(
            Column(name="district", weight=2.0),
            *(Column(name=name, kind="number", decimals=2) for name in names),
            Column(name="seen", kind="share"),
            Column(name="id"),
        ),
        rows=(("Oberneukirchen", *[12_345.67] * len(names), 1.0, "592be015c8077d3934ab"),),
    )
    report = replace(make_report(), sections=(Section(title="Wide", blocks=(table,)),))
    (said,) = [page for page in written(report, tmp_path)[0] if "Oberneukirchen" in page]
    words = said.split()
    wanted = {*names, "district", "12,345.67", "100%"}
    assert set() == wanted - set(words)


def test_a_short_table_is_not_torn(tmp_path: Path) -> None:
    rows = tuple((f"class {at}", float(at)) for at in range(12))
    columns = (Column(name="class"), Column(name="area (ha)", kind="number"))
    table = Table(caption="matrix", columns=columns, rows=rows)
    filled = Text(paragraphs=tuple(f"line {at}" for at in range(30)))
    report = replace(make_report(), sections=(Section(title="Torn", blocks=(filled, table)),))
    pages, _ = written(report, tmp_path)
    counted = [sum(f"class {at}" in page for at in range(12)) for page in pages]
    assert [12] == [one for one in counted if one]
