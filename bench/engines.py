"""How fast is each engine with a model of Git-RSCLIP's size, and how far from what the CPU can do?

Random weights in Git-RSCLIP-base's exact shape (12 layers × 768, 224 px), float32 and INT8, beside
transformers eager float32 with the same threads, in turn; the ceilings are matrix products of the
tower's own shapes through ONNX Runtime. With a GPU also base@224 and large@256 in bf16 and fp16.
Run: ``python bench/engines.py [--quick]``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from satseek.engines.candidates import candidates, reference
from satseek.engines.choice import EngineChoice
from satseek.engines.machine import this_machine
from satseek.engines.measuring import Plan, Reference, measure
from satseek.engines.probing import TEXTS, probes
from satseek.engines.probing import chips as made_up_chips
from satseek.model.bundle import open_bundle

if TYPE_CHECKING:
    from satseek.engines.machine import Machine
    from satseek.engines.measuring import Row, Table
    from satseek.model.bundle import Bundle

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from modelmaker import Shape, make_bundle

BATCH = 8
TOKENS = 196  # (224 / 16)²
PRODUCTS = ((768, 768, 4), (768, 3072, 1), (3072, 768, 1))
"""Rows × columns of a layer's weights, and how many products there are of each."""

LARGE = Shape(width=1024, inner=4096, layers=24, heads=16, image_size=256, vocabulary=32_000)
BASE = Shape(width=768, inner=3072, layers=12, heads=12, image_size=224, vocabulary=32_000)
SMALL = Shape(width=128, inner=256, layers=2, heads=4, image_size=64, vocabulary=256)

INT8_CHIPS = 64
SEARCH_SECONDS = 120.0
TARGET = 0.995
"""Mean cosine from which no layer goes back to float: the gate's own. Random towers lie just below
the 0.997 that `satseek model quantize` aims at, and would be timed half in float."""

FIRST_VECTOR = """
import sys, time
started = time.perf_counter()
import numpy as np
from pathlib import Path
from satseek.engines.choosing import EngineChoice, open_engine
from satseek.model.bundle import open_bundle
bundle = open_bundle(Path(sys.argv[1]))
size = bundle.card.image_size
open_engine(bundle, EngineChoice()).image_features(np.zeros((1, 3, size, size), np.float32))
print(time.perf_counter() - started)
"""


def main() -> None:
    """Print ceilings, a table for each precision, and what each reaches of its ceiling."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a small model and short turns, to try the script"
    )
    asked = parser.parse_args()
    machine = this_machine()
    plan = Plan(batches=(1, 4, 8, 16), texts=16, seconds=3.0, rounds=5)
    if asked.quick:
        plan = Plan(batches=(1, 4), texts=4, seconds=0.2, rounds=3)
    figures: dict[str, Any] = {
        "cpu": machine.cpu,
        "cores": machine.cores,
        "features": machine.features,
        "runtimes": dict(machine.runtimes),
        "load_before": round(os.getloadavg()[0], 1),
        "ceilings_gop_s": {kind: _ceiling(kind, machine.cores) for kind in ("float32", "int8")},
    }
    with tempfile.TemporaryDirectory() as folder:
        shape = SMALL if asked.quick else BASE
        whole = make_bundle(Path(folder) / "base", shape, precision="float32")
        figures["gflop_per_image"] = round(_gflop(shape), 4)
        figures["float"] = _bench(whole, whole, machine, plan, figures)
        small = _quantized(whole, Path(folder) / "int8", chips=16 if asked.quick else INT8_CHIPS)
        if small is not None:
            figures["int8"] = _bench(small, whole, machine, plan, figures)
            figures["int8_precision"] = small.card.precision
            figures["int8_first_vector_s"] = _first_vector_s(small)
            ours, card = figures["int8"]["rows"], figures["int8"]["reference"]
            least = min(row["resident_mb"] for row in ours)
            figures["int8_resident_ratio"] = round(least / card["resident_mb"], 3)
        if machine.gpus:
            figures["gpu"] = _gpu(whole, Path(folder), plan)
    figures["load_after"] = round(os.getloadavg()[0], 1)
    print(json.dumps(figures))


def _bench(
    bundle: Bundle, whole: Bundle, machine: Machine, plan: Plan, figures: dict[str, Any]
) -> dict[str, Any]:
    """Every engine over one bundle, beside the model card's way over the float one."""
    on_cpu = replace(machine, gpus=())
    table = measure(
        bundle,
        candidates(bundle, on_cpu, thorough=False),
        reference=Reference(bundle=whole, choice=reference(whole, on_cpu)),
        probes=probes(whole),
        plan=plan,
        report=_say,
    )
    kind = "int8" if bundle is not whole else "float32"
    return _figures(table, figures["gflop_per_image"], figures["ceilings_gop_s"][kind])


def _figures(table: Table, gflop: float, ceiling: float) -> dict[str, Any]:
    return {
        "reference": _row(table.reference, gflop, ceiling),
        "rows": [_row(row, gflop, ceiling) for row in table.rows],
        "failed": [f"{one.choice.name}: {one.reason}" for one in table.failed],
    }


def _row(row: Row, gflop: float, ceiling: float) -> dict[str, Any]:
    one = row.measured
    return {
        "engine": one.choice.name,
        "threads_x_calls": one.choice.layout,
        "batch": one.choice.batch,
        "images_per_s": round(one.images_per_s, 2),
        "texts_per_s": round(one.texts_per_s, 2),
        "image_ms": round(one.image_ms, 1),
        "text_ms": round(one.text_ms, 1),
        "image_ratio": round(row.image_ratio, 2),
        "text_ratio": round(row.text_ratio, 2),
        "of_ceiling": round(one.images_per_s * gflop / ceiling, 3),
        "least_cosine": round(one.least_cosine, 6),
        "resident_mb": round(row.resident_bytes / 1e6),
        "peak_mb": round(one.peak_bytes / 1e6),
        "open_to_first_vector_s": round(row.opened_s, 2),
        "by_batch": {part.batch: round(part.images_per_s, 2) for part in row.batches},
        "stopped": row.stopped,
    }


def _gflop(shape: Shape) -> float:
    """Multiplications and additions of one image, in 10⁹: products and attention, no more."""
    tokens = (shape.image_size // 16) ** 2
    width, inner = shape.width, shape.inner
    layer = 2 * tokens * (4 * width * width + 2 * width * inner) + 4 * tokens * tokens * width
    ends = 2 * tokens * (3 * 16 * 16 * width + 2 * width * width)  # patches; the pooling head
    return (shape.layers * layer + ends) / 1e9


def _ceiling(kind: str, threads: int) -> float:
    """10⁹ operations a second of a layer's products with all cores, weighted as they occur."""
    rows, operations, seconds = BATCH * TOKENS, 0.0, 0.0
    for inner, columns, count in PRODUCTS:
        operations += 2.0 * rows * inner * columns * count
        seconds += _product_s(kind, rows, inner, columns, threads) * count
    return round(operations / seconds / 1e9, 1)


def _product_s(kind: str, rows: int, inner: int, columns: int, threads: int) -> float:
    """Least time of one product; weights are constant, as a tower's are."""
    rng = np.random.default_rng(0)
    if kind == "float32":
        left = rng.standard_normal((rows, inner)).astype(np.float32)
        right = rng.standard_normal((inner, columns)).astype(np.float32)
        node, entry, end = "MatMul", TensorProto.FLOAT, TensorProto.FLOAT
    else:
        left = rng.integers(0, 256, (rows, inner), dtype=np.uint8)
        right = rng.integers(-63, 64, (inner, columns), dtype=np.int8)
        node, entry, end = "MatMulInteger", TensorProto.UINT8, TensorProto.INT32
    graph = helper.make_graph(
        [helper.make_node(node, ["left", "right"], ["product"])],
        "product",
        [helper.make_tensor_value_info("left", entry, [rows, inner])],
        [helper.make_tensor_value_info("product", end, [rows, columns])],
        [onnx.numpy_helper.from_array(right, "right")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), sess_options=options, providers=["CPUExecutionProvider"]
    )
    return min(_timed(session, left) for _ in range(12))


def _timed(session: Any, left: Any) -> float:
    started = time.perf_counter()
    session.run(["product"], {"left": left})
    return time.perf_counter() - started


def _quantized(whole: Bundle, folder: Path, *, chips: int) -> Bundle | None:
    """An INT8 bundle of it, where this installation can make one."""
    try:
        from satseek.quantize.calibrating import Options  # noqa: PLC0415
        from satseek.quantize.quantizing import quantize_bundle  # noqa: PLC0415
        from satseek.quantize.sampling import Sample  # noqa: PLC0415
    except ImportError as error:
        _say(f"no INT8: {error}", 0, 0)
        return None
    folder.mkdir()
    # Random weights have seen no place: made-up chips set their ranges as well as real ones would.
    shown, proof = (
        Sample(images=tuple(made_up_chips(chips, seed=seed)), texts=tuple(_texts(chips, seed)))
        for seed in (1, 2)
    )
    quantize_bundle(
        whole,
        folder,
        images=shown.images,
        texts=shown.texts,
        proof=proof,
        options=Options(search_seconds=SEARCH_SECONDS, target=TARGET),
        report=_say,
    )
    return open_bundle(folder)


def _texts(count: int, seed: int) -> list[str]:
    return [f"{TEXTS[i % len(TEXTS)]} number {seed * count + i}" for i in range(count)]


def _first_vector_s(bundle: Bundle) -> float:
    """Median of five processes: from the first import of ours to one image's features."""
    command = [sys.executable, "-c", FIRST_VECTOR, str(bundle.folder)]
    waits = [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    ]
    return round(sorted(waits)[2], 2)


def _gpu(base: Bundle, folder: Path, plan: Plan) -> dict[str, Any]:
    """base@224 and large@256 by batch, and the share of the GPU's own matrix product."""
    import torch  # noqa: PLC0415 - only where there is a GPU

    figures: dict[str, Any] = {"name": torch.cuda.get_device_name(0)}
    grown = replace(plan, batches=(1, 8, 32, 64, 128, 256, 512))
    wide = {
        "base@224": base,
        "large@256": make_bundle(folder / "large", LARGE, precision="float16"),
    }
    for name, bundle in wide.items():
        shape = LARGE if name.startswith("large") else BASE
        for precision in ("bfloat16", "float16"):
            ceiling = _gpu_ceiling(getattr(torch, precision))
            choices = [
                EngineChoice(runtime="torch", device="cuda", precision=precision, mode=mode)
                for mode in ("default", "compiled")
            ]
            table = measure(
                bundle,
                choices,
                reference=Reference(
                    bundle=bundle, choice=EngineChoice(runtime="torch", device="cuda", mode="eager")
                ),
                probes=probes(bundle),
                plan=grown,
                report=_say,
            )
            figures[f"{name} {precision}"] = {
                "ceiling_gop_s": ceiling,
                **_figures(table, _gflop(shape), ceiling),
            }
    return figures


def _gpu_ceiling(dtype: Any) -> float:
    """10⁹ operations a second of a large product on the GPU."""
    import torch  # noqa: PLC0415 - only where there is a GPU

    edge, turns = 8192, 20
    left, right = (torch.randn(edge, edge, device="cuda", dtype=dtype) for _ in range(2))
    for _ in range(3):
        left @ right
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(turns):
        left @ right
    torch.cuda.synchronize()
    return round(2.0 * edge**3 * turns / (time.perf_counter() - started) / 1e9, 1)


def _say(note: str, done: int, total: int) -> None:
    print(f"{done}/{total} {note}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
