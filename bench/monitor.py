"""Does watching the land do what it should, on truth made up and on real imagery?

Runs the scripts of bench/monitoring/ that measure it and prints one table: what was asked, what
came of it, whether that is enough. ``--json`` prints the table and all figures of the scripts as
one JSON object; ``--from FILE`` takes the figures of such a one and only tells them again. What no
number was set for is told without a verdict, and what needs imagery that is absent as not measured.
Half an hour on two cores; single parts by name: ``bench/monitor.py watch damage``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HERE = Path(__file__).parent / "monitoring"
PARTS = {
    "areas": (),
    "damage": ("--usual",),
    "landuse": ("0", "23", "24", "25", "26", "27"),
    "watch": ("--counties", "3"),
}
"""Scripts and what they are told: usual settings, the county of the demonstration (0), which some
defaults were chosen on, and counties that none was."""
SETTLED = 0.15
"""By how much the average precision of a watch should exceed that of a bare cosine."""

CLOUDED = 0.5
"""Share of a scene under cloud from which nothing can be said of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the table."""

    about: str
    """What was measured."""
    aim: str
    """What it should be; empty: no number was set."""
    found: str
    """What it is."""
    reached: bool | None
    """Whether that is enough; None: no number was set, or it was not measured."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--json", action="store_true", help="print all figures")
    parser.add_argument("--from", dest="kept", type=Path, help="figures of an earlier --json")
    asked = parser.parse_args()
    unknown = set(asked.parts) - set(PARTS)
    if unknown:
        parser.error(f"expected parts of {', '.join(PARTS)}, came {', '.join(sorted(unknown))}")
    if asked.kept:
        kept = json.loads(asked.kept.read_text(encoding="utf-8"))
        figures = kept.get("figures", kept)["parts"]
    else:
        figures = {name: measured(name) for name in asked.parts or PARTS}
    lines = [line for name in figures for line in told(name, figures[name])]
    if asked.json:
        print(json.dumps({"table": [asdict(line) for line in lines], "parts": figures}))
        return
    print(table(lines))


def measured(name: str) -> Any:
    """Run one script; None where it fails, which it has said on stderr."""
    print(f"monitoring/{name} …", file=sys.stderr, flush=True)
    begun = time.perf_counter()
    command = [sys.executable, str(HERE / f"{name}.py"), *PARTS[name]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(f"… {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    return json.loads(done.stdout) if done.returncode == 0 else None


def told(name: str, figures: Any) -> Iterator[Line]:
    """Tell the lines of one script."""
    if figures is None:
        yield Line(about=name, aim="", found="the script failed", reached=False)
        return
    yield from TELLING[name](figures)


def table(lines: Sequence[Line]) -> str:
    """Set lines in columns."""
    rows = [("", "what", "aim", "found")]
    rows += [(VERDICTS[one.reached], one.about, one.aim, one.found) for one in lines]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


VERDICTS = {True: "reached", False: "NOT REACHED", None: ""}


def least(about: str, values: Sequence[float | None], aim: float) -> Line:
    """Tell figures that should all be at least so large."""
    return _line(about, values, f"≥ {aim:g}", lambda one: one >= aim)


def most(about: str, values: Sequence[float | None], aim: float) -> Line:
    """Tell figures that should all be at most so large."""
    return _line(about, values, f"≤ {aim:g}", lambda one: one <= aim)


def _line(
    about: str, values: Sequence[float | None], aim: str, enough: Callable[[float], bool]
) -> Line:
    known = [one for one in values if one is not None]
    if not known:
        return Line(about=about, aim=aim, found="not measured", reached=None)
    reached = len(known) == len(values) and all(enough(one) for one in known)
    shown = ", ".join("none" if one is None else f"{one:g}" for one in values)
    return Line(about=about, aim=aim, found=shown, reached=reached)


def plain(about: str, found: str) -> Line:
    """Tell what no number was set for."""
    return Line(about=about, aim="", found=found, reached=None)


def tell_areas(figures: Any) -> Iterator[Line]:
    """How often intervals hold the true area, of samples of either size and unit."""
    for size, one in figures["samples"].items():
        about = f"made-up counties: intervals (Wilson) hold the true area, {size}, "
        yield least(f"{about}{figures['counties']} seeds", [one["held"]["wilson"]], 0.9)


def tell_damage(figures: Any) -> Iterator[Line]:
    """Affected shares, clouds, and what real imagery gives."""
    for seed, one in figures["counties"].items():
        about = f"made-up county, {seed}: error of the affected share of parcels,"
        paired, mono = (one[f"{mode} usual"] for mode in ("paired", "mono"))
        yield most(f"{about} all", [paired["mean_absolute_error"]], 0.12)
        yield most(f"{about} flooded ones", [paired["of_flooded"]], 0.12)
        found = f"all {mono['mean_absolute_error']}, flooded ones {mono['of_flooded']}"
        yield plain(f"{about} without imagery before", found)
    others = [one for seed, one in figures["counties"].items() if seed not in figures["chosen_on"]]
    pairs = [one["paired usual"] for one in others]
    wet = sum(one["of_flooded"] * one["flooded"] for one in pairs)
    about = f"{len(others)} counties that nothing was chosen on: error of flooded parcels' share"
    yield most(about, [round(wet / sum(one["flooded"] for one in pairs), 3)], 0.12)
    for kind, one in figures["clouds"].items():
        about = f"cloud ({kind}) over parcels: insufficient evidence, share of {one['under']}"
        yield least(about, [round(one["not_seen"] / one["under"], 3)], 1.0)
    tornado = figures["tornado_pairs"]
    if tornado:
        names = ("red", "amber", "green", "insufficient evidence")
        lights = ", ".join(f"{tornado[name]} {name}" for name in names)
        yield plain(f"tornado_pairs, two CRSs, {tornado['parcels']} squares", lights)
    for name, one in figures["flood_series"].items():
        lights = ", ".join(f"{one[key]} {key}" for key in ("red", "amber", "green"))
        clouded = one["under_cloud"] > CLOUDED
        yield Line(
            about=f"flood_series, {name}, {one['dates']}: {one['parcels']} squares, "
            f"{one['under_cloud']:.0%} under cloud, mask marks {one['marked_as_changed']:.0%}",
            aim="no green" if clouded else "no red",
            found=f"affected share {one['mean_affected_share']}; {lights}, "
            f"{one['insufficient_evidence']} insufficient evidence",
            reached=one["green" if clouded else "red"] == 0,
        )


def tell_landuse(figures: Any) -> Iterator[Line]:
    """Classes of each date, and changed cells."""
    for seed, one in figures.items():
        if not seed.startswith("seed "):
            continue
        dates = [date["macro_f1"] for date in one["together"].values() if isinstance(date, dict)]
        yield least(f"made-up county, {seed}: land-use macro-F1 of each date", dates, 0.75)
        about = f"made-up county, {seed}: cells at least half changed,"
        found = one["patches"]
        yield least(f"{about} recall", [found["recall"]], 0.8)
        yield least(f"{about} precision", [found["precision"]], 0.7)
    others = figures["patches"]["others"]
    about = "counties that no default was chosen on, together: cells at least half changed,"
    yield least(f"{about} recall", [others["recall"]], 0.8)
    yield least(f"{about} precision", [others["precision"]], 0.7)


def tell_watch(figures: Any) -> Iterator[Line]:
    """Mines told once and quarries never; hard negatives beside a bare cosine."""
    for one in figures["counties"]:
        others = one["alerts"] - one["alerts_on_mines"]
        once = one["alerts_on_mines"] == len(one["first_seen"]) == 1
        yield Line(
            about=f"made-up county, seed {one['seed']}: alerts of the mine; quarry cells told",
            aim="1; 0",
            found=f"{one['alerts_on_mines']}, first seen {', '.join(one['first_seen'])}; "
            f"{one['quarry_cells_told']} ({others} alerts of other ground)",
            reached=once and one["quarry_cells_told"] == 0,
        )
    for name, one in figures.get("mining_pairs", {}).items():
        found = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in one.items())
        yield plain(f"mining_pairs, emergence against {name.replace('_', ' ')}: AUC", found)
    if "mining48" in figures:
        yield from tell_mining(figures["mining48"]["held_out"])
    for name, models in (("features19", "features19"), ("aerial", "shipped model")):
        for model, one in figures.get(name, {}).items():
            gain = one["watch_with_3_negatives"] - one["bare_cosine"]
            yield plain(
                f"{models}, {model}: average precision, cosine → watch, three hard negatives",
                f"{one['bare_cosine']} → {one['watch_with_3_negatives']} ({gain:+.3f})",
            )
    if "killed" in figures:
        lost, twice = figures["killed"]["lost"], figures["killed"]["told_twice"]
        yield most(f"killed {figures['killed']['kills']} times: lost, twice", [lost, twice], 0)


def tell_mining(found: Any) -> Iterator[Line]:
    """Hard negatives and answers on gold mines."""
    bare, watch = (found[name]["average_precision"] for name in ("bare_cosine", "watch"))
    yield Line(
        about=f"mining48, {found['chips']} chips held out: average precision, cosine → watch",
        aim=f"+{SETTLED:g}",
        found=f"{bare} → {watch} ({watch - bare:+.3f})",
        reached=watch - bare >= SETTLED,
    )
    best = max(found["learnt_from_all_labels"].items(), key=lambda one: one[1])
    yield plain("mining48: the best that all labels of the others teach", f"{best[1]} ({best[0]})")
    for name, one in found.items():
        if name.startswith("after_"):
            before, after = (one[when]["average_precision"] for when in ("before", "after"))
            yield Line(
                about=f"mining48, {name.replace('_', ' ')}: average precision of the rest",
                aim="not less",
                found=f"{before} → {after}",
                reached=after >= before,
            )


TELLING = {
    "areas": tell_areas,
    "damage": tell_damage,
    "landuse": tell_landuse,
    "watch": tell_watch,
}


if __name__ == "__main__":
    main()
