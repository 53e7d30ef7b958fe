"""What does a smaller version cost, what does it save, and does the gate see a damaged one?

The shipped model is quantized on the made-up county, proved, sabotaged layer by layer and proved
again, and measured on labelled scenes where those are there. Speed and memory are taken side by
side in one run. Writes bench/results/quantization.json and the reports in docs/concepts/int8.md.
Run: ``python bench/quantization.py [--data ../shared/data] [--base FLOAT32_BUNDLE]``.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from satseek.embed.embedder import Embedder
from satseek.engines.machine import this_machine
from satseek.engines.onnxruntime import OnnxEngine
from satseek.evaluate.agreement import overlap_at_k, row_cosines, top1_agreement
from satseek.evaluate.gating import THRESHOLDS
from satseek.imagery.decode import decode_image
from satseek.model.bundle import open_bundle, starter_bundle
from satseek.model.preprocessing import preprocess
from satseek.model.reports import read_report
from satseek.model.tokenizer import Tokenizer
from satseek.quantize.calibrating import Options
from satseek.quantize.observing import Runner, observe
from satseek.quantize.proving import prove
from satseek.quantize.quantizing import quantize_bundle
from satseek.quantize.ranges import METHODS
from satseek.quantize.rewriting import Tower, write_tower
from satseek.quantize.sampling import CALIBRATION_SEED, PROOF_SEED, Sample, county_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from satseek.model.bundle import Bundle
    from satseek.model.reports import GateReport
    from satseek.types import Pixels

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results" / "quantization.json"
PAGE = ROOT / "docs" / "concepts" / "int8.md"
SHOWN_LAYER = "vision_model.encoder.layers.0.mlp.fc1"
HIDDEN_LAYER = "vision_model.encoder.layers.3.self_attn.q_proj"
BATCH = 8
PRUNED = (0.05, 0.1, 0.25)


def main() -> None:
    """Measure, write the figures, put the reports into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--base", type=Path, help="float32 bundle of Git-RSCLIP-base's shape")
    parser.add_argument("--chips", type=int, default=256)
    parser.add_argument("--base-chips", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    seen, proof = (
        county_sample(seed=seed, images=asked.chips, texts=asked.chips)
        for seed in (CALIBRATION_SEED, PROOF_SEED)
    )
    figures: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": dataclasses.asdict(this_machine()),
        "load_before": round(os.getloadavg()[0], 1),
    }
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        figures["starter"] = _starter(folder, seen, proof, asked)
        if asked.base:
            figures["base"] = _base(folder, asked, seen, proof)
    RESULTS.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(figures, ensure_ascii=False))


def _starter(
    folder: Path, seen: Sample, proof: Sample, asked: argparse.Namespace
) -> dict[str, Any]:
    starter, real = starter_bundle(), folder / "int8"
    seconds = _quantized(starter, real, seen, proof)
    report = read_report(real)
    assert report is not None
    damaged = _damaged(real, starter, proof, folder)
    shown, hidden = (damaged.pop(f"report {at}") for at in ("shown", "hidden"))
    _into_page(
        {
            "thresholds": _thresholds(),
            "real": _table(report),
            "sabotaged": _table(shown),
            "hidden": _table(hidden),
        }
    )
    refit = folder / "finetuned"
    _quantized(starter, refit, seen, proof, options=Options(finetune=True))
    return {
        "seconds_to_quantize": round(seconds),
        "bytes": {"float": _size(starter.folder), "int8": _size(real)},
        "gate": _figures(report),
        "gate_finetuned": _figures(read_report(refit)),
        "sabotaged": damaged,
        "ranges_and_bits": _ranges_and_bits(starter, seen, proof),
        "pruned": _pruned(starter, proof, folder),
        "labelled": _labelled(asked.data, starter, open_bundle(real)),
        "speed": _speed({"float": starter, "int8": open_bundle(real)}, proof, asked),
    }


def _base(folder: Path, asked: argparse.Namespace, seen: Sample, proof: Sample) -> dict[str, Any]:
    parent, made = open_bundle(asked.base), folder / "base"
    step = len(seen.images) // asked.base_chips
    few = [
        dataclasses.replace(
            one, images=one.images[::step], texts=one.texts[::step], truth=one.truth[::step]
        )
        for one in (seen, proof)
    ]
    seconds = _quantized(parent, made, *few)
    report = read_report(made)
    resident = {
        name: int(_own(name, folder_))
        for name, folder_ in (("transformers", asked.base), ("onnxruntime", made))
    }
    return {
        "seconds_to_quantize": round(seconds),
        "bytes": {"float": _size(parent.folder), "int8": _size(made)},
        "gate": _figures(report),
        "details": report.details if report else {},
        "resident_mb": resident,
        "resident_ratio": round(resident["onnxruntime"] / resident["transformers"], 3),
        "speed": _speed({"float": parent, "int8": open_bundle(made)}, proof, asked),
    }


def _quantized(parent: Bundle, folder: Path, seen: Sample, proof: Sample, **more: Any) -> float:
    folder.mkdir()
    started = time.monotonic()
    quantize_bundle(parent, folder, images=seen.images, texts=seen.texts, proof=proof, **more)
    return time.monotonic() - started


def _damaged(real: Path, starter: Bundle, proof: Sample, folder: Path) -> dict[str, Any]:
    """Shuffle the scales of one layer after the other, and see who notices."""
    few = dataclasses.replace(
        proof, images=proof.images[:96], texts=proof.texts[:64], truth=proof.truth[:96]
    )
    layers = [
        (file, linear.name)
        for file in ("image.onnx", "text.onnx")
        for linear in Tower.read(starter.folder / file).linears()
    ]
    refused, by_vectors, least = 0, 0, np.inf
    kinds = {SHOWN_LAYER: "shown", HIDDEN_LAYER: "hidden"}
    shown: dict[str, Any] = {}
    for file, layer in layers:
        bad = folder / "bad"
        shutil.copytree(real, bad)
        _shuffle(bad / file, layer)
        report = prove(open_bundle(bad), starter, proof=proof if layer in kinds else few)
        if layer in kinds:
            shown[f"report {kinds[layer]}"] = report
        failed = {check.name for check in report.checks if not check.passed}
        refused += not report.passed
        by_vectors += any("worst gain" not in name for name in failed)
        gains = [check.value for check in report.checks if "worst gain" in check.name]
        least = min(least, *[max(gains)])
        shutil.rmtree(bad)
    return {
        "layers": len(layers),
        "refused": refused,
        "refused_by_vectors_alone": by_vectors,
        "least_worst_gain": round(float(least), 4),
        **shown,
    }


def _shuffle(path: Path, layer: str) -> None:
    model = onnx.load(str(path))
    (tensor,) = [t for t in model.graph.initializer if t.name == f"{layer}.weight.scale"]
    mixed = np.random.default_rng(0).permutation(onnx.numpy_helper.to_array(tensor))
    tensor.CopyFrom(onnx.numpy_helper.from_array(mixed, tensor.name))
    onnx.save(model, str(path))


def _ranges_and_bits(starter: Bundle, seen: Sample, proof: Sample) -> list[dict[str, Any]]:
    """Every way to choose ranges, with weights of 7 and of 8 bits."""
    rows: list[dict[str, Any]] = []
    pairs = (
        ("image", starter.image_tower, [_tensor(starter, one.images) for one in (seen, proof)]),
        ("text", starter.text_tower, [_ids(starter, one.texts) for one in (seen, proof)]),
    )
    for name, path, (shown, judged) in pairs:
        tower = Tower.read(path)
        histograms = observe(tower, shown, threads=0)
        reference = Runner(tower.built(), threads=0).features(judged)
        for method in METHODS:
            ranges = {entry: one.range(method) for entry, one in histograms.items()}
            row: dict[str, Any] = {"tower": name, "ranges": method}
            for bits, limit in ((7, 63), (8, 127)):
                model = tower.built(ranges=ranges, weight_limit=limit)
                cosines = row_cosines(Runner(model, threads=0).features(judged), reference)
                row[f"mean_cosine_{bits}_bits"] = round(float(cosines.mean()), 6)
                row[f"least_cosine_{bits}_bits"] = round(float(cosines.min()), 6)
                row[f"mean_cosine_{bits}_bits_rounded_only"] = round(
                    float(row_cosines(_rounded(tower, limit, judged), reference).mean()), 6
                )
            rows.append(row)
    return rows


def _rounded(tower: Tower, limit: int, rows: NDArray[Any]) -> NDArray[np.float32]:
    """Features with weights rounded but computed in float: what no processor can saturate."""
    changes = {}
    for linear in tower.linears():
        weight = tower.weights[linear.weight]
        scales = np.maximum(np.abs(weight).max(axis=0) / limit, 1e-12)
        changes[linear.weight] = (np.rint(weight / scales) * scales).astype(np.float32)
    return Runner(tower.changed(changes).built(), threads=0).features(rows)


def _pruned(starter: Bundle, proof: Sample, folder: Path) -> list[dict[str, Any]]:
    """Drop the MLP channels of least weight, and ask the gate."""
    found = []
    for share in PRUNED:
        made = folder / f"pruned{share}"
        shutil.copytree(starter.folder, made)
        tower = Tower.read(starter.image_tower)
        changes: dict[str, NDArray[np.float32]] = {}
        linears = {linear.name: linear for linear in tower.linears()}
        for name in [name for name in linears if name.endswith("mlp.fc1")]:
            first = linears[name].weight
            second = linears[name.replace("fc1", "fc2")].weight
            worth = np.linalg.norm(tower.weights[first], axis=0)
            worth = worth * np.linalg.norm(tower.weights[second], axis=1)
            gone = np.argsort(worth)[: round(share * len(worth))]
            changes[second] = tower.weights[second].copy()
            changes[second][gone] = 0  # as if the channel were not there
        write_tower(tower.changed(changes).built(), made / "image.onnx")
        report = prove(open_bundle(made), starter, proof=proof)
        kept = {k: v for k, v in _figures(report)["values"].items() if "text" not in k}
        found.append({"share": share, "passed": report.passed, "values": kept})
    return found


def _labelled(data: Path, *pair: Bundle) -> dict[str, Any]:
    """Zero-shot accuracy before and after on real labelled scenes, and how far both agree."""
    found = {}
    for name, split in (("aerial30", "test"), ("aerial19", None)):
        if not (data / name / "labels.csv").is_file():
            continue
        with (data / name / "labels.csv").open(encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if split in (None, row.get("split"))]
        found[name] = _compared(data / name, rows, pair)
    return found


def _compared(
    folder: Path, rows: Sequence[dict[str, str]], pair: Sequence[Bundle]
) -> dict[str, Any]:
    names = sorted({row["label"] for row in rows})
    truth = np.array([names.index(row["label"]) for row in rows])
    captions = [json.loads(row.get("captions") or "[]")[:1] for row in rows[::4]]
    texts = [text for some in captions for text in some] or names
    parts = [rows[at : at + 64] for at in range(0, len(rows), 64)]
    named, asked = [], []
    for bundle in pair:
        embedder = _embedder(bundle)
        vectors = np.concatenate([embedder.embed_images(_read(folder, one)) for one in parts])
        named.append(vectors @ embedder.label_vectors(names).T)
        asked.append(embedder.embed_texts(texts) @ vectors.T)
    before, after = (float((one.argmax(axis=1) == truth).mean()) for one in named)
    return {
        "images": len(rows),
        "top1_before": round(before, 4),
        "top1_after": round(after, 4),
        "loss_points": round((before - after) * 100, 2),
        "top1_agreement": round(top1_agreement(*named), 4),
        "queries": len(texts),
        "overlap_at_10": round(overlap_at_k(*asked, k=10), 4),
    }


def _read(folder: Path, rows: Sequence[dict[str, str]]) -> list[Pixels]:
    paths = [folder / row["path"] for row in rows]
    return [decode_image(path.read_bytes(), name=path.name).pixels for path in paths]


def _speed(bundles: dict[str, Bundle], proof: Sample, asked: argparse.Namespace) -> dict[str, Any]:
    """Images and texts a second, in turn; the ratio is of neighbours in time."""
    some = next(iter(bundles.values()))
    tensor, ids = _tensor(some, proof.images[:BATCH]), _ids(some, proof.texts[:32])
    found: dict[str, Any] = {"threads": asked.threads, "batch": BATCH}
    engines = {name: OnnxEngine(one, threads=asked.threads) for name, one in bundles.items()}
    for tower, call in (
        ("image", lambda engine: engine.image_features(tensor)),
        ("text", lambda engine: engine.text_features(ids)),
    ):
        for engine in engines.values():
            call(engine)
        rounds = [
            {name: _rate(call, engine) for name, engine in engines.items()}
            for _ in range(asked.rounds)
        ]
        found[tower] = {
            name: round(statistics.median(one[name] for one in rounds), 2) for name in engines
        }
        ratios = [one["int8"] / one["float"] for one in rounds]
        found[tower]["ratio"] = round(statistics.median(ratios), 2)
    return found


def _rate(call: Callable[[OnnxEngine], Any], engine: OnnxEngine) -> float:
    started = time.perf_counter()
    rows = len(call(engine))
    return rows / (time.perf_counter() - started)


def _own(kind: str, folder: Path) -> str:
    """Ask a process of its own what it takes."""
    command = [sys.executable, str(Path(__file__).with_name("resident.py")), kind, str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _tensor(bundle: Bundle, images: Sequence[Pixels]) -> NDArray[np.float32]:
    return preprocess(images, size=bundle.card.image_size, how=bundle.card.preprocessing)


def _ids(bundle: Bundle, texts: Sequence[str]) -> NDArray[np.int64]:
    return Tokenizer.from_bundle(bundle).encode(texts)


def _embedder(bundle: Bundle) -> Embedder:
    return Embedder(OnnxEngine(bundle), Tokenizer.from_bundle(bundle))


def _size(folder: Path) -> int:
    return sum((folder / name).stat().st_size for name in ("image.onnx", "text.onnx"))


def _figures(report: GateReport | None) -> dict[str, Any]:
    assert report is not None
    values = {check.name: round(check.value, 6) for check in report.checks}
    return {"passed": report.passed, "images": report.images, "values": values}


def _table(report: GateReport) -> str:
    verdict = "passed" if report.passed else "**refused**"
    shown = f"{report.images} chips, {report.texts} texts"
    lines = [
        f"`{report.model}` against `{report.reference}`, {shown}: {verdict}.",
        "",
        "| figure | value | threshold | |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {check.name} | {check.value:.5f} | {check.rule} {check.threshold:g} | "
        f"{'passed' if check.passed else '**failed**'} |"
        for check in report.checks
    ]
    return "\n".join(lines)


def _thresholds() -> str:
    sides = {"at least": "≥", "at most": "≤"}
    rows = [
        f"| {name} | {sides[one.rule]} {one.value:g} | {one.reason} |"
        for name, one in THRESHOLDS.items()
    ]
    return "\n".join(["| figure | threshold | why there |", "|---|---|---|", *rows])


def _into_page(blocks: dict[str, str]) -> None:
    """Replace what stands between a block's two marks."""
    text = PAGE.read_text(encoding="utf-8")
    for name, block in blocks.items():
        head, rest = text.split(f"<!-- {name} -->\n", 1)
        _, tail = rest.split(f"<!-- end {name} -->", 1)
        text = f"{head}<!-- {name} -->\n{block}\n<!-- end {name} -->{tail}"
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
