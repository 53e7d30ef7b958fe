"""What do hard negatives and answers add to a bare cosine, and does a watch tell what it should?

On Sentinel-2 chips of the Amazon (../shared/data/mining48) gold mines are ranked among other
ground, river banks, landslides, industry and ponds: by the cosine with one prompt, by a watch's
score against hard negatives and usual land covers, and by the same before and after people answered
some of the chips, of those that nobody answered. The fifth of the chips that the shipped model was
not trained on is held out; constants of the score were chosen on the others (``dev``). Counted as
they lie (4 in 10 are mines), and with mines as rare as 1 in 100; beside it what probes reach that
learn from all labels. Aerial images (aerial19, and the test split of aerial30) and published
features of four models (features19) likewise, class by class. Mines that opened between two dates
(mining_pairs) are told from natural change and from what else people do. On whole made-up counties
the watch is run over both dates: alerts, which are mines, and what the quarries do; then killed at
random. Prints one JSON object; parts whose imagery is absent are left out.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pairs import _before_and_after, _write_site, auc, indexed
from PIL import Image

from satseek.assemble import Assembly, Layout
from satseek.imagery.county import make_county
from satseek.jobs.watching import opened_watches, tools_for, watch_now
from satseek.model.prompts import DISTRACTORS, TEMPLATES
from satseek.monitor.delivery.outbox import Outbox
from satseek.monitor.findings.keeping import Findings
from satseek.monitor.opening import opened_findings
from satseek.monitor.tables import FOLDER
from satseek.monitor.watch.judging import judge
from satseek.monitor.watch.keeping import Watches
from satseek.monitor.watch.probe import Words, probe_of, words_of
from satseek.monitor.watch.watch import OperatingPoint, Watch, WatchedConcept
from satseek.search.demonstrating import CountyTruth
from satseek.search.directions import Examples
from satseek.search.indexing import index_folder
from satseek.settings import Settings
from satseek.train.reading import is_held_out
from satseek.types import GridSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.types import Vectors

MINING = Path(__file__).parents[3] / "shared" / "data" / "mining48"
FEATURES = MINING.parent / "features19"
SITES = MINING.parent / "mining_pairs"
AERIAL = (MINING.parent / "aerial19", MINING.parent / "aerial30")
CLIP_SCALE = 100.0
"""What CLIP and its kind multiply cosines by (arXiv 2103.00020, 2.5)."""
LABEL = "gold mine"
PROMPTS = ("a gold mine",)
NEGATIVES = ("a river bank", "a landslide", "an industrial area", "aquaculture ponds")
HELD_OUT = 0.2
"""Of examples/train/starter-2.toml: what the shipped model was not trained on."""
RARE = 0.01
DRAWS = 50
ANSWERS = (3, 10, 30)
"""Confirmed and rejected chips, drawn from those that the watch ranks highest, as inspectors come
to see them."""
AMONG = 5
"""So many times as many chips of either kind they are drawn from."""
STRENGTHS = (1.0, 10.0, 100.0)
WIDTHS = (0.35, 0.7, 1.4)
"""Of probes that learn from all labels: how free they are, and how far a chip speaks for others."""
STEPS = 12
AT_A_TIME = 500
"""Images decoded at a time."""
COUNTIES = (0, 1, 2)
KILLS = 8
LONGEST_S = 4.0
"""A run is killed between half a second, when it is still loading, and this."""
COUNTY_PX = 2048
CHIP_PX = 128
MINES = Watch(
    name="mines",
    collection="county",
    concept=WatchedConcept(
        label="mine",
        prompts=("a mine",),
        negatives=("a quarry",),
    ),
    operating_point=OperatingPoint(),
)


def average_precision(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Give the average precision of one ranking."""
    hits = truth[np.argsort(-scores, kind="stable")]
    places = np.flatnonzero(hits) + 1
    return float((np.arange(1, len(places) + 1) / places).mean())


def when_rare(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Give the mean average precision over draws in which 1 in 100 chips is a mine."""
    rng = np.random.default_rng(3)
    rest, mines = np.flatnonzero(~truth), np.flatnonzero(truth)
    count = min(max(1, round(len(rest) * RARE / (1 - RARE))), len(mines))
    found = []
    for _ in range(DRAWS):
        chosen = np.concatenate([rest, rng.choice(mines, count, replace=False)])
        found.append(average_precision(scores[chosen], truth[chosen]))
    return float(np.mean(found))


def measured(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> dict[str, float]:
    """Give both figures of one ranking."""
    return {
        "average_precision": round(average_precision(scores, truth), 3),
        "average_precision_at_1_percent": round(when_rare(scores, truth), 3),
    }


def mining(embedder: Embedder) -> dict[str, Any]:
    """Rank the chips of mining48 in each way."""
    listed, vectors = embedded(MINING, embedder)
    truth = np.array([label == LABEL for _, label in listed])
    unseen = np.array([is_held_out(path, HELD_OUT) for path, _ in listed])
    hard = words_of(PROMPTS, label=LABEL, negatives=NEGATIVES, embedder=embedder)
    soft = words_of(PROMPTS, label=LABEL, negatives=(), embedder=embedder)
    bare = embedder.embed_texts([f"a {LABEL}"])
    found: dict[str, Any] = {}
    for name, some in (("dev", ~unseen), ("held_out", unseen)):
        chips, right = vectors[some], truth[some]
        found[name] = {"chips": int(some.sum()), "mines": int(right.sum())}
        found[name] |= {
            "bare_cosine": measured(chips @ bare[0], right),
            "without_hard_negatives": measured(by_words(soft, chips), right),
            "watch": measured(by_words(hard, chips), right),
        }
        for answers in ANSWERS:
            told = f"after_{answers}_and_{answers}_answers"
            found[name][told] = answered(chips, right, hard, answers=answers)
        kinds = np.array([label for _, label in listed])[some]
        found[name]["mines_against"] = apart(chips, kinds, bare[0], hard)
    found["held_out"]["learnt_from_all_labels"] = at_best(vectors, truth, unseen)
    return found


def emergence(home: Path) -> dict[str, Any]:
    """Tell mines that opened between two dates from what else changes: AUC of several scores.

    How a site looks after, how far it rose from before, and the lower of both in units of their
    spread over all sites.
    """
    (home / "scenes").mkdir(parents=True)
    with (SITES / "pairs.csv").open(encoding="utf-8") as file:
        sites = list(csv.DictReader(file))
    for site in sites:
        for when, day in (("before", site["before_end"]), ("after", site["after_start"])):
            _write_site(home / "scenes" / f"{site['id']}--{day}--{when}.tif", SITES, site, when)
    kinds = {site["id"]: site["category"] for site in sites}
    grid = GridSpec(crs=None, chip_px=48, stride_px=48, pixel_size=None)
    with indexed(home / "scenes", home, grid, recipe="fixed16") as (index, embedder):
        seen = [
            dict(zip(one.cells, one.rows.tolist(), strict=True))
            for one in _before_and_after(index, "--before", "--after")
        ]
        cells = sorted(seen[0].keys() & seen[1].keys())
        rows = [np.array([when[cell] for cell in cells]) for when in seen]
        named = np.array([kinds[one.scene_id.split("--")[0]] for one in index.chips(rows[0])])
        before, after = (index.vectors(some) for some in rows)
        words = words_of(PROMPTS, label=LABEL, negatives=NEGATIVES, embedder=embedder)
        bare = embedder.embed_texts([f"a {LABEL}"])[0]
    ground = np.concatenate([before, after])
    nobody = Examples(liked=ground[:0], disliked=ground[:0])
    probe = probe_of(words, examples=nobody, background=ground)
    ways = {}
    for name, (was, now) in {
        "cosine": (before @ bare, after @ bare),
        "watch": (probe.scores(before), probe.scores(after)),
    }.items():
        both = np.stack([now, now - was])
        ways |= {f"{name}_after": now, f"{name}_rise": now - was}
        ways[f"{name}_lower_of_both"] = (
            (both - both.mean(axis=1, keepdims=True)) / both.std(axis=1, keepdims=True)
        ).min(axis=0)
    opened = named == "mining_emergence"
    return {
        kind: {
            name: auc(scores[opened | (named == kind)], opened[opened | (named == kind)])
            for name, scores in ways.items()
        }
        for kind in sorted(set(named.tolist()) - {"mining_emergence"})
    }


def embedded(folder: Path, embedder: Embedder) -> tuple[list[tuple[str, str]], Vectors]:
    """Embed the labelled images of a folder, of the split ``test`` where there are splits."""
    with (folder / "labels.csv").open(encoding="utf-8") as rows:
        listed = [
            (row["path"], row["label"])
            for row in csv.DictReader(rows)
            if row.get("split", "test") == "test"
        ]
    found = []
    for start in range(0, len(listed), AT_A_TIME):
        some = listed[start : start + AT_A_TIME]
        images = [np.asarray(Image.open(folder / path).convert("RGB")) for path, _ in some]
        found.append(embedder.embed_images(images))
    return listed, np.concatenate(found)


def by_words(words: Words, vectors: Vectors) -> NDArray[np.float32]:
    """Score chips before anybody answered."""
    nobody = Examples(liked=vectors[:0], disliked=vectors[:0])
    return probe_of(words, examples=nobody, background=vectors).scores(vectors)


def apart(
    vectors: Vectors, kinds: NDArray[np.str_], bare: NDArray[np.float32], words: Words
) -> dict[str, Any]:
    """Give the chance that a mine ranks above other ground, by kind: cosine, and watch."""
    ways = {"bare_cosine": vectors @ bare, "watch": by_words(words, vectors)}
    return {
        kind: {
            name: round(float((scores[kinds == LABEL][:, None] > scores[kinds == kind]).mean()), 3)
            for name, scores in ways.items()
        }
        for kind in sorted(set(kinds.tolist()) - {LABEL})
    }


def at_best(
    vectors: Vectors, truth: NDArray[np.bool_], unseen: NDArray[np.bool_]
) -> dict[str, float]:
    """Rank held out chips by what all labels of the others teach: a bound on any watch."""
    known, right = vectors[~unseen].astype(np.float64), truth[~unseen]
    asked = vectors[unseen].astype(np.float64)
    found = {}
    for strength in STRENGTHS:
        scores = asked @ logistic(known, right, strength=strength)
        found[f"logistic, C {strength:g}"] = average_precision(scores, truth[unseen])
        for width in WIDTHS:
            near = by_kernel(known, known, width)
            near[np.diag_indices_from(near)] += 1 / strength
            weights = np.linalg.solve(near, 2.0 * right - 1)
            scores = by_kernel(asked, known, width) @ weights
            name = f"kernel ridge, width {width:g}, C {strength:g}"
            found[name] = average_precision(scores, truth[unseen])
    return {name: round(one, 3) for name, one in found.items()}


def by_kernel(
    one: NDArray[np.float64], other: NDArray[np.float64], width: float
) -> NDArray[np.float64]:
    """Give the Gaussian kernel of unit rows."""
    return np.exp((one @ other.T - 1) / width**2)


def logistic(
    vectors: NDArray[np.float64], truth: NDArray[np.bool_], *, strength: float
) -> NDArray[np.float64]:
    """Learn a linear probe by Newton's steps; the larger ``strength``, the freer."""
    features = np.column_stack([vectors, np.ones(len(vectors))])
    found = np.zeros(features.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-features @ found))
        slope = features.T @ (truth - chance) - found / strength
        bend = (features.T * (chance * (1 - chance))) @ features + np.eye(len(found)) / strength
        found += np.linalg.solve(bend, slope)
    return found[:-1]


def answered(
    vectors: Vectors, truth: NDArray[np.bool_], words: Words, *, answers: int
) -> dict[str, dict[str, float]]:
    """Rank what nobody has answered, before and after some were, over draws of answers."""
    rng = np.random.default_rng(5)
    first = by_words(words, vectors)
    ranked = np.argsort(-first)
    mines, rest_of = ranked[truth[ranked]], ranked[~truth[ranked]]
    found: dict[str, list[dict[str, float]]] = {"before": [], "after": []}
    for _ in range(DRAWS // 5):
        right = rng.choice(mines[: AMONG * answers], answers, replace=False)
        wrong = rng.choice(rest_of[: AMONG * answers], answers, replace=False)
        examples = Examples(liked=vectors[right], disliked=vectors[wrong])
        rest = np.ones(len(truth), dtype=np.bool_)
        rest[[*right, *wrong]] = False
        scores = probe_of(words, examples=examples, background=vectors).scores(vectors)
        found["before"].append(measured(first[rest], truth[rest]))
        found["after"].append(measured(scores[rest], truth[rest]))
    return {
        when: {name: round(float(np.mean([one[name] for one in all_])), 3) for name in all_[0]}
        for when, all_ in found.items()
    }


def published() -> dict[str, Any]:
    """Rank published features of four models by class, against the names of other classes."""
    found = {}
    for path in sorted(FEATURES.glob("*.npz")):
        with np.load(path) as read:
            images, labels = unit(read["image"].astype(np.float32)), read["labels"]
            words = unit(unit(read["text"].astype(np.float32)).mean(axis=0))
        found[path.stem] = by_class(images, labels, words, usual=words[:0], scale=CLIP_SCALE)
    return found


def photographs(embedder: Embedder) -> dict[str, Any]:
    """Rank aerial images that the shipped model was not trained on by class, likewise."""
    found = {}
    for folder in AERIAL:
        listed, images = embedded(folder, embedder)
        names = sorted({label for _, label in listed})
        labels = np.array([names.index(label) for _, label in listed])
        found[folder.name] = by_class(
            images,
            labels,
            embedder.label_vectors(names, templates=TEMPLATES),
            usual=embedder.label_vectors(list(DISTRACTORS), templates=TEMPLATES),
            scale=math.exp(embedder.card.logit_scale),
        )
    return found


def by_class(
    images: Vectors, labels: NDArray[np.int64], words: Vectors, *, usual: Vectors, scale: float
) -> dict[str, float]:
    """Give mean average precisions: three nearest classes, or all, as negatives; and answers."""
    nearest = np.argsort(-(words @ words.T) + 2 * np.eye(len(words)), axis=1)
    ways: dict[str, list[float]] = defaultdict(list)
    for one, vector in enumerate(words):
        truth = labels == one
        ways["bare_cosine"].append(average_precision(images @ vector, truth))
        for count in (3, len(words) - 1):
            asked = Words(
                wanted=vector[None], hard=words[nearest[one, :count]], usual=usual, scale=scale
            )
            scores = by_words(asked, images)
            ways[f"watch_with_{count}_negatives"].append(average_precision(scores, truth))
            if count != 3:
                continue
            answers = min(10, int(truth.sum()) // 2)
            turned = answered(images, truth, asked, answers=answers)
            for when, figures in turned.items():
                ways[f"{when}_10_and_10_answers"].append(figures["average_precision"])
    return {name: round(float(np.mean(all_)), 3) for name, all_ in ways.items()}


def unit(rows: np.ndarray) -> Vectors:
    """Scale rows to length one."""
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def county(folder: Path, seed: int) -> dict[str, Any]:
    """Watch a county of which the truth is known."""
    make_county(folder, seed=seed, width=COUNTY_PX, height=COUNTY_PX)
    truth = CountyTruth.read(folder)
    grid = GridSpec(crs=None, chip_px=CHIP_PX, stride_px=CHIP_PX, pixel_size=None)
    with closing(Assembly(Settings(data_dir=folder / "data", model="starter"))) as parts:
        with parts.writer("county", Layout(grid=grid)) as target:
            index_folder(
                folder / "scenes",
                collection=target,
                embedder=parts.bulk_embedder,
                workers=parts.workers,
                batch=parts.batch,
            )
        with opened_watches(parts.settings) as watches:
            watches.save(MINES)
        done = watch_now("mines", parts, on_stage=lambda *_: None).run
        with closing(opened_findings(parts.settings)) as findings:
            alerts = list(findings.all())
        with parts.reader("county").pinned() as index:
            chips = index.chips(range(len(index)))
        held = held_out(folder, parts)
    last = max(chip.datetime for chip in chips if chip.datetime)
    shares = {
        chip.cell: truth.shares(chip)
        for chip in chips
        if chip.datetime and chip.datetime.date() == last.date()
    }
    mines = {cell for cell, covers in shares.items() if covers.get("mine", 0) >= 0.5}
    quarries = {cell for cell, covers in shares.items() if covers.get("quarry", 0) >= 0.2}
    told = {cell for alert in alerts for cell in alert.cells}
    right = [alert for alert in alerts if set(alert.cells) & mines]
    return {
        "seed": seed,
        "cells": done.cells,
        "alerts": len(alerts),
        "alerts_on_mines": len(right),
        "first_seen": sorted({str(one.first_seen)[:10] for one in right}),
        "mine_cells": len(mines),
        "mine_cells_told": len(mines & told),
        "cells_told": len(told),
        "quarry_cells": len(quarries),
        "quarry_cells_told": len(quarries & told),
        "held_out": held,
        "seconds": round(done.seconds, 2),
    }


def held_out(folder: Path, parts: Assembly) -> dict[str, Any]:
    """Judge the watch on blocks of ground held out, by the truth of the later date."""
    path = max((folder / "truth").glob("*.geojson"))
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    mines = [one for one in features if one["properties"].get("class") == "mine"]
    with (
        opened_watches(parts.settings) as watches,
        closing(opened_findings(parts.settings)) as findings,
    ):
        tools = tools_for(MINES, parts, watches=watches, findings=findings)
        held = judge(MINES, tools, truth={"type": "FeatureCollection", "features": mines})
    return asdict(held)


def killed(folder: Path) -> dict[str, Any]:
    """Kill a watch at random moments until it is done, and count what was told.

    Args:
        folder: Of `county`, whose watch was not disturbed.
    """
    calm, room = folder / "data", folder / "killed"
    shutil.copytree(calm / "collections", room / "collections")
    with closing(Watches(room / FOLDER)) as watches:
        watches.save(replace(MINES, deliver=("nobody",)))
    command = [sys.executable, "-m", "satseek", "--data-dir", str(room), "--model", "starter"]
    chance, kills = random.Random(11), 0
    while True:
        process = subprocess.Popen([*command, "watch", "run", "mines"], stderr=subprocess.DEVNULL)
        try:
            process.wait(chance.uniform(0.5, LONGEST_S) if kills < KILLS else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            continue
        if kills >= KILLS:
            break
        with closing(Watches(room / FOLDER)) as watches:
            watches.look_again("mines")  # it was done before it was killed: once more
    told = Outbox(room / FOLDER).alerts(limit=1000)
    with closing(Findings(room / FOLDER)) as found, closing(Findings(calm / FOLDER)) as expected:
        ids, wanted = {one.id for one in found.all()}, {one.id for one in expected.all()}
    new = [one.finding for one in told if one.reason == "new"]
    return {
        "kills": kills,
        "alerts": len(wanted),
        "lost": len(wanted - ids),
        "strange": len(ids - wanted),
        "told_twice": len(new) - len(set(new)),
        "not_told": len(ids - set(new)),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counties", type=int, default=len(COUNTIES), help="how many")
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as room:
        with closing(Assembly(Settings(data_dir=Path(room) / "none", model="starter"))) as parts:
            found["model"] = parts.model().ref
            if MINING.is_dir():
                found["mining48"] = mining(parts.bulk_embedder)
                found["aerial"] = photographs(parts.bulk_embedder)
        if FEATURES.is_dir():
            found["features19"] = published()
        if SITES.is_dir():
            found["mining_pairs"] = emergence(Path(room) / "sites")
        found["counties"] = [
            county(Path(room) / f"county-{seed}", seed) for seed in COUNTIES[: asked.counties]
        ]
        if found["counties"]:
            found["killed"] = killed(Path(room) / f"county-{COUNTIES[0]}")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
