"""One policy of an assessment → its claim sheet: what is insured, what is seen, and the images.

Does not know pages. A sheet stands alone: whoever signs it needs no other part of the report.
Green parcels stand in its table; images are of those about which something is to be decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from satseek.errors import InvalidRequest
from satseek.monitor.damage.report_tables import light_mark, parcels_map, told_columns
from satseek.monitor.damage.tables import roll_up
from satseek.monitor.damage.words import grade_name, hectares, text, told, why
from satseek.monitor.reports.blocks import Column, Facts, Pair, Pairs, Table
from satseek.monitor.reports.images import chip_image
from satseek.monitor.reports.outlining_images import outlined_chip
from satseek.monitor.reports.report import Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.index.collection import Collection
    from satseek.monitor.damage.assessment import Assessment, ParcelDamage, Shown
    from satseek.monitor.damage.provenance import ReportTerms
    from satseek.monitor.damage.tables import RollUp
    from satseek.monitor.findings.finding import Side
    from satseek.monitor.labels.labelling import LabelSet
    from satseek.monitor.reports.blocks import Backdrop, Image
    from satseek.monitor.reports.report import Language

MOST_CLASSES: Final = 3
"""Labels of a parcel that are told beside its images; the tables have all."""


def policies_with_sheets(rolled: Sequence[RollUp]) -> list[RollUp]:
    """Keep the policies about which something is to be done: not all of them green."""
    return [one for one in rolled if one.lights["green"] < one.parcels]


def sheet_section(
    assessment: Assessment,
    policy: str,
    *,
    collections: Mapping[str, Collection],
    backdrop: Backdrop | None,
    terms: ReportTerms,
) -> Section:
    """Make the claim sheet of a policy.

    Raises:
        InvalidRequest: there is no such policy in the assessment.
        ChipNotFound: a collection was compacted since.
    """
    own = [one for one in assessment.damages if one.parcel.policy == policy]
    if not own:
        raise InvalidRequest(
            f"expected a policy of the assessment {assessment.name!r}, came {policy[:64]!r}"
        )
    language = terms.language
    pairs = tuple(
        pair
        for one in own
        if one.light != "green"
        for pair in _pairs(one, assessment.labels, collections, language)
    )
    return Section(
        title=text("sheet", language, policy=policy or "–"),
        blocks=(
            _facts(own, language),
            parcels_map(own, backdrop=backdrop, language=language, attribution=terms.attribution),
            _table(own, language),
            *((Pairs(pairs=pairs),) if pairs else ()),
            _decision(own, language),
        ),
        begins_page=True,
    )


def _facts(own: Sequence[ParcelDamage], language: Language) -> Facts:
    (total,) = roll_up(own, lambda _: "")
    crops, districts = (
        ", ".join(dict.fromkeys(said for one in own if (said := getattr(one.parcel, name))))
        for name in ("crop", "district")
    )
    affected = (
        ""
        if total.affected_share is None
        else f"{hectares(total.affected_ha)} ({total.affected_share:.0%})"
    )
    insured = "" if total.insured_ha is None else hectares(total.insured_ha)
    return Facts(
        rows=(
            (text("parcels", language), str(total.parcels)),
            (text("crop", language), crops),
            (text("district", language), districts),
            (text("area", language), hectares(total.area_ha)),
            (text("insured", language), insured),
            (text("affected_ha", language), affected),
        )
    )


def _table(own: Sequence[ParcelDamage], language: Language) -> Table:
    table = Table(
        caption=text("parcels", language),
        columns=(
            Column(name=text("parcel", language)),
            Column(name=text("crop", language)),
            Column(name=text("area", language), kind="number", decimals=2),
            Column(name=text("light", language)),
            Column(name=text("grade", language)),
            Column(name=text("share", language), kind="share"),
            Column(name=text("why", language), weight=3.0),
        ),
        rows=tuple(
            (
                one.parcel.id,
                one.parcel.crop or None,
                one.parcel.area_ha,
                light_mark(one.light, language),
                grade_name(one.grade, language) or None,
                one.affected_share if one.grade else None,
                why(one, language),
            )
            for one in own
        ),
    )
    return told_columns(table)


def _decision(own: Sequence[ParcelDamage], language: Language) -> Table:
    """Leave room for what people decide: a sheet is filed with its claim."""
    names = ("parcel", "settled", "remarks", "signed")
    return Table(
        caption=text("decided", language),
        columns=tuple(
            Column(name=text(name, language), weight=weight)
            for name, weight in zip(names, (1.0, 1.0, 3.0, 3.0), strict=True)
        ),
        rows=tuple((one.parcel.id, "." * 12, "." * 36, "." * 36) for one in own),
        note=text("decided_note", language),
    )


def _pairs(
    damage: ParcelDamage,
    labels: LabelSet,
    collections: Mapping[str, Collection],
    language: Language,
) -> Iterator[Pair]:
    """Show the cells of a parcel before and after, the most telling first."""
    cells = list(dict.fromkeys(one.cell for one in damage.shown))
    by_cell = {(one.cell, one.side): one for one in damage.shown}
    for number, cell in enumerate(cells, 1):
        before, after = by_cell.get((cell, "before")), by_cell.get((cell, "after"))
        yield Pair(
            title=text("pair", language, parcel=damage.parcel.id, number=number),
            before=_image(damage, before, "before", collections, language),
            after=_image(damage, after, "after", collections, language),
            before_caption=_caption(before, language),
            after_caption=_caption(after, language),
            facts=_told(damage, labels, language) if number == 1 else (),
            mark=light_mark(damage.light, language),
        )


def _told(
    damage: ParcelDamage, labels: LabelSet, language: Language
) -> tuple[tuple[str, str], ...]:
    names = {label.name: label.called(language) for label in labels.labels}
    largest = list(damage.classes.items())[:MOST_CLASSES]
    shows = ", ".join(f"{names.get(name, name)} {share:.0%}" for name, share in largest)
    seen = tuple(
        (text("seen", language, when=text(look.when, language)), f"{look.seen:.0%}")
        for look in sorted(damage.looks, key=lambda look: look.when == "after")
    )
    beside = damage.contrast
    compared = (
        ""
        if beside is None
        else text(
            "beside_value",
            language,
            own=beside.own,
            neighbours=beside.neighbours,
            count=beside.count,
            crop=f" ({beside.crop})" if beside.crop else "",
            difference=beside.difference,
        )
    )
    return (
        (text("why", language), told(damage.reasons[0], language)),
        (text("shows", language), shows),
        *seen,
        (text("beside", language), compared),
    )


def _image(
    damage: ParcelDamage,
    shown: Shown | None,
    side: Side,
    collections: Mapping[str, Collection],
    language: Language,
) -> Image | None:
    if shown is None:
        return None
    alt = text("image_alt", language, side=text(side, language), parcel=damage.parcel.id)
    collection = collections[shown.collection]
    (chip,) = collection.chips([collection.row_of(shown.chip_id)])
    image = chip_image(shown.chip_id, collection=collection, alt=alt)
    return outlined_chip(image, outline=damage.parcel.geometry, chip=chip.footprint)


def _caption(shown: Shown | None, language: Language) -> str:
    if shown is None:
        return ""
    day = text("no_date", language) if shown.datetime is None else f"{shown.datetime:%Y-%m-%d}"
    return text("caption", language, date=day, scene=shown.scene)
