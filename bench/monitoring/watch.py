"""What do hard negatives and answers add to a bare cosine, and does a watch tell what it should?

On Sentinel-2 chips of the Amazon (../shared/data/mining48) gold mines are ranked among other
ground, river banks, landslides, industry and ponds: by the cosine with one prompt, by a watch's
score against hard negatives and usual land covers, and by the same after people answered some of
the chips. Counted on the fifth of the chips that the shipped model was not trained on, and on all
of them; as they lie (42 in 100 are mines), and with mines as rare as 1 in 100. Published features
of four models (../shared/data/features19) likewise, class by class. On whole made-up counties the
watch is run over both dates: alerts, which are mines, and what the quarries do; then killed at
random. Prints one JSON object; parts whose imagery is absent are left out.
"""

from __future__ import annotations

import argparse
import csv
import json
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
from PIL import Image

from satseek.assemble import Assembly, Layout
from satseek.imagery.county import make_county
from satseek.jobs.watching import opened_watches, tools_for, watch_now
from satseek.monitor.delivery.outbox import Outbox
from satseek.monitor.findings.keeping import Findings
from satseek.monitor.opening import opened_findings
from satseek.monitor.tables import FOLDER
from satseek.monitor.watch.judging import judge
from satseek.monitor.watch.keeping import Watches
from satseek.monitor.watch.probe import Probe, probe_of, words_of
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
    from satseek.monitor.watch.probe import Words
    from satseek.types import Vectors

MINING = Path(__file__).parents[3] / "shared" / "data" / "mining48"
FEATURES = MINING.parent / "features19"
CLIP_SCALE = 100.0
"""What CLIP and its kind multiply cosines by (arXiv 2103.00020, 2.5)."""
LABEL = "gold mine"
PROMPTS = ("a gold mine",)
NEGATIVES = ("a river bank", "a landslide", "an industrial area", "aquaculture ponds")
HELD_OUT = 0.2
"""Of examples/train/starter-2.toml: what the shipped model was not trained on."""
RARE = 0.01
DRAWS = 50
ANSWERS = ((3, 3), (10, 10), (30, 30))
"""Confirmed and rejected chips, drawn from those that the watch ranks highest, as inspectors come
to see them."""
AMONG = 5
"""So many times as many chips of either kind they are drawn from."""
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
    count = max(1, round(len(rest) * RARE / (1 - RARE)))
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
    with (MINING / "labels.csv").open(encoding="utf-8") as rows:
        listed = [(row["path"], row["label"]) for row in csv.DictReader(rows)]
    images = [np.asarray(Image.open(MINING / path).convert("RGB")) for path, _ in listed]
    vectors = embedder.embed_images(images)
    truth = np.array([label == LABEL for _, label in listed])
    unseen = np.array([is_held_out(path, HELD_OUT) for path, _ in listed])
    found: dict[str, Any] = {}
    for name, some in (("held_out", unseen), ("all", np.ones(len(listed), dtype=np.bool_))):
        found[name] = {"chips": int(some.sum()), "mines": int(truth[some].sum())}
        found[name] |= ways(vectors[some], truth[some], embedder)
    return found


def ways(vectors: Vectors, truth: NDArray[np.bool_], embedder: Embedder) -> dict[str, Any]:
    """Rank some chips in each way."""
    none = np.empty((0, embedder.card.dim), dtype=np.float32)
    nobody = Examples(liked=none, disliked=none)
    hard = words_of(PROMPTS, label=LABEL, negatives=NEGATIVES, embedder=embedder)
    soft = words_of(PROMPTS, label=LABEL, negatives=(), embedder=embedder)
    bare = embedder.embed_texts([f"a {LABEL}"])
    probe = probe_of(hard, examples=nobody, background=vectors)
    found: dict[str, Any] = {
        "bare_cosine": measured(vectors @ bare[0], truth),
        "without_hard_negatives": measured(
            probe_of(soft, examples=nobody, background=vectors).scores(vectors), truth
        ),
        "watch": measured(probe.scores(vectors), truth),
    }
    for right, wrong in ANSWERS:
        found[f"watch_after_{right}_and_{wrong}_answers"] = answered(
            vectors, truth, hard, first=probe.scores(vectors), answers=(right, wrong)
        )
    return found


def answered(
    vectors: Vectors,
    truth: NDArray[np.bool_],
    words: Words,
    *,
    first: NDArray[np.float32],
    answers: tuple[int, int],
) -> dict[str, float]:
    """Rank what nobody has answered, after some were, over draws of answers."""
    rng = np.random.default_rng(5)
    ranked = np.argsort(-first)
    mines, rest_of = ranked[truth[ranked]], ranked[~truth[ranked]]
    found = []
    for _ in range(DRAWS // 5):
        right = rng.choice(mines[: AMONG * answers[0]], answers[0], replace=False)
        wrong = rng.choice(rest_of[: AMONG * answers[1]], answers[1], replace=False)
        examples = Examples(liked=vectors[right], disliked=vectors[wrong])
        rest = np.ones(len(truth), dtype=np.bool_)
        rest[[*right, *wrong]] = False
        scores = probe_of(words, examples=examples, background=vectors).scores(vectors)
        found.append(measured(scores[rest], truth[rest]))
    return {name: round(float(np.mean([one[name] for one in found])), 3) for name in found[0]}


def classes() -> dict[str, Any]:
    """Rank published features of four models by class, against the names of the other classes."""
    found = {}
    for path in sorted(FEATURES.glob("*.npz")):
        with np.load(path) as read:
            images, labels = unit(read["image"].astype(np.float32)), read["labels"]
            words = unit(unit(read["text"].astype(np.float32)).mean(axis=0))
        nearest = np.argsort(-(words @ words.T) + 2 * np.eye(len(words)), axis=1)
        ways: dict[str, list[float]] = defaultdict(list)
        for one, vector in enumerate(words):
            truth = labels == one
            ways["bare_cosine"].append(average_precision(images @ vector, truth))
            for count in (3, len(words) - 1):
                probe = Probe(
                    towards=vector[None],
                    against=words[nearest[one, :count]],
                    shown=vector[None],
                    scale=CLIP_SCALE,
                )
                scores = probe.scores(images)
                ways[f"watch_with_{count}_negatives"].append(average_precision(scores, truth))
        found[path.stem] = {name: round(float(np.mean(one)), 3) for name, one in ways.items()}
    return found


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
        if FEATURES.is_dir():
            found["features19"] = classes()
        found["counties"] = [
            county(Path(room) / f"county-{seed}", seed) for seed in COUNTIES[: asked.counties]
        ]
        if found["counties"]:
            found["killed"] = killed(Path(room) / f"county-{COUNTIES[0]}")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
