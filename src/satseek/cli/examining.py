"""``satseek doctor``: what this machine is, what works on it, and what would be missed.

Knows no runtime: each is asked in a process of its own, so that one that crashes is a line here.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from satseek.cli.application import Json, app, assembly
from satseek.cli.printing import print_json, print_table, progress_bar
from satseek.errors import SatseekError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.assemble import Assembly
    from satseek.engines.choice import Runtime
    from satseek.types import Features

EXTRAS = {
    "nicegui": "web",
    "faiss-cpu": "faiss",
    "obstore": "s3",
    "openvino": "openvino",
    "onnx": "quantize",
    "torch": "torch",
    "transformers": "torch",
}
"""Optional packages and the extra that brings each."""

PACKAGES = ("numpy", "onnxruntime", "rasterio", "tokenizers", *EXTRAS)
"""Packages that bug reports ask for; without the optional ones less works, but nothing breaks."""

LEAST_FREE_BYTES = 1_000_000_000
"""Less free disk than this is worth a word: a million chips take about 2.5 GB."""

NEAR = 0.9999
"""Least cosine between two engines in float32 over the same weights; less is a broken runtime."""

NEAR_INT8 = 0.99
"""Likewise of INT8 graphs, where a number on the border of two steps may fall to either side."""

NVIDIA_SECONDS = 10
"""Longest wait for NVIDIA's own program, which hangs where a driver does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the answer."""

    check: str
    """What was looked at."""
    ok: bool
    """False where something that is needed is broken; what is optional is never false."""
    found: str
    """What is there, or what to do."""


@app.command()
def doctor(context: typer.Context, *, json: Json = False) -> None:
    """Check that this machine can do the work; say what is missing and how to get it.

    Example: satseek doctor
    """
    parts = assembly(context)
    checks: list[Check] = []
    with progress_bar("examining") as show:
        for check in _checks(parts):
            checks.append(check)
            show(check.check, len(checks), len(checks) + 1)
    if json:
        print_json(checks)
    else:
        rows = [[one.check, "ok" if one.ok else "NO", one.found] for one in checks]
        print_table(["check", "", "found"], rows)
    if not all(one.ok for one in checks):
        raise typer.Exit(1)


def _checks(parts: Assembly) -> Iterator[Check]:
    yield Check(check="python", ok=True, found=sys.version.split()[0])
    yield from _machine()
    yield from map(_package, PACKAGES)
    yield _providers()
    yield _data_folder(parts)
    restoring = _restoring(parts)
    if restoring is not None:
        yield restoring
        return  # what comes next would use the folder
    yield _file_system(parts)
    yield _queue(parts)
    model = _model(parts)
    yield model
    yield _choice(parts, model)
    if model.ok:
        yield from _parity(parts)
    yield _collections(parts)


def _machine() -> Iterator[Check]:
    from satseek.engines import machine  # noqa: PLC0415 (help must not wait for it)

    here, quota = machine.this_machine(), machine.cpu_quota()
    limit = f", container's quota {quota:g}" if quota is not None else ""
    yield Check(check="machine", ok=True, found=f"{platform.system()} {platform.machine()}")
    yield Check(check="cpu", ok=True, found=here.cpu)
    cores = f"{here.cores} usable of {os.cpu_count()}{limit}"
    yield Check(check="cores", ok=True, found=cores)
    memory, free = machine.memory_bytes(), machine.free_memory_bytes()
    found = f"{memory / 1e9:.1f} GB, {free / 1e9:.1f} GB free" if memory else "not known"
    yield Check(check="memory", ok=True, found=found)
    yield Check(check="cpu features", ok=True, found=_told(here.features))
    yield Check(check="gpus", ok=True, found=_gpus(here.gpus))


def _told(features: tuple[str, ...]) -> str:
    """CPU features by the names people know, and what follows for a model."""
    from satseek.engines.machine import BFLOAT16, FEATURES, INT8  # noqa: PLC0415

    names = (
        ", ".join(FEATURES[one] for one in features) or "none of those that inference gains from"
    )
    fast = INT8.intersection(features)
    int8 = "INT8 runs at full speed" if fast else "INT8 gains about half: no VNNI or AMX"
    halves = BFLOAT16.intersection(features)
    bfloat16 = "bfloat16 helps" if halves else "bfloat16 does not help"
    return f"{names}; {int8}; {bfloat16}"


def _gpus(names: tuple[str, ...]) -> str:
    program = shutil.which("nvidia-smi")
    if program:
        asked = "--query-gpu=name,driver_version,memory.total"
        command = [program, asked, "--format=csv,noheader"]
        try:
            done = subprocess.run(  # noqa: S603 - a fixed command
                command, capture_output=True, text=True, check=True, timeout=NVIDIA_SECONDS
            )
        except (OSError, subprocess.SubprocessError) as error:
            return f"{', '.join(names) or 'not known'}; nvidia-smi failed: {error}"
        return " · ".join(done.stdout.strip().splitlines()) or "none"
    return ", ".join(names) or "none"


def _package(name: str) -> Check:
    from satseek.engines.machine import installed_version  # noqa: PLC0415

    found = installed_version(name) or (
        installed_version("onnxruntime-gpu") if name == "onnxruntime" else ""
    )
    if found:
        return Check(check=name, ok=True, found=found)
    extra = EXTRAS.get(name)
    if extra:
        line = f"not installed, optional: pip install 'satseek[{extra}]'"
        return Check(check=name, ok=True, found=line)
    return Check(check=name, ok=False, found=f"not installed: pip install {name}")


def _providers() -> Check:
    from satseek.engines.onnxruntime import onnx_devices  # noqa: PLC0415 (loads a runtime)

    devices = onnx_devices()
    more = (
        "" if "cuda" in devices else "; for NVIDIA GPUs: pip install onnxruntime-gpu in its place"
    )
    return Check(check="onnxruntime runs on", ok=True, found=f"{', '.join(devices)}{more}")


def _data_folder(parts: Assembly) -> Check:
    folder = parts.settings.data_dir
    there = folder
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    writable = os.access(there, os.W_OK)
    note = f"{folder}, {free / 1e9:.1f} GB free{'' if writable else ', not writable'}"
    return Check(check="data folder", ok=writable and free > LEAST_FREE_BYTES, found=note)


def _restoring(parts: Assembly) -> Check | None:
    """Tell of a restore that is at work in the data folder, or was killed there; None: none is."""
    from satseek.backup.underway import check_whole  # noqa: PLC0415 (help must not wait for it)

    try:
        check_whole(parts.settings.data_dir)
    except SatseekError as error:
        return Check(check="restore", ok=False, found=str(error))
    return None


def _file_system(parts: Assembly) -> Check:
    """Try what collections and jobs need of the data folder's file system."""
    from satseek.index.placing import examined, place_of  # noqa: PLC0415

    folder = parts.settings.data_dir
    try:
        place = examined(folder) if folder.is_dir() else place_of(folder)
    except SatseekError as error:
        return Check(check="file system", ok=False, found=str(error))
    found = f"{place.kind or 'of a kind not known'}, "
    found += "shared with other machines" if place.shared else "this machine's alone"
    if place.missing:
        found += f"; cannot hold collections: {'; '.join(place.missing)}"
    return Check(check="file system", ok=not place.missing, found=found)


def _queue(parts: Assembly) -> Check:
    """Ask the queue of jobs whether it loses none."""
    from satseek.jobs.queues import examined, open_queue  # noqa: PLC0415

    try:
        with closing(open_queue(parts.settings)) as queue:
            return Check(check="queue", ok=True, found=examined(queue))
    except SatseekError as error:
        return Check(check="queue", ok=False, found=str(error))


def _model(parts: Assembly) -> Check:
    """Embed a word, so that a bundle that loads but does not run is found out."""
    try:
        card = parts.bundle.card
        parts.embedder.embed_texts(["a river"])
    except SatseekError as error:
        return Check(check="model", ok=False, found=str(error))
    found = f"{card.ref}, {card.precision}, {card.dim}-d, {card.image_size} px"
    return Check(check="model", ok=True, found=found)


def _choice(parts: Assembly, model: Check) -> Check:
    """Which engine answers, and whether that was measured."""
    from satseek.engines.choosing import Asked, choose_engines  # noqa: PLC0415

    if not model.ok:
        return Check(check="engine", ok=True, found="not known without a model")
    settings = parts.settings
    asked = Asked(
        engine=settings.engine,
        device=settings.device,
        precision=settings.precision,
        threads=settings.threads,
    )
    chosen = choose_engines(parts.bundle.card, asked, folder=settings.data_dir)
    how = "measured here" if chosen.measured else "not measured here: satseek model bench"
    single, bulk = chosen.single, chosen.bulk
    found = f"{single.name} {single.layout}, for long work {bulk.name} {bulk.layout}; {how}"
    return Check(check="engine", ok=True, found=found)


def _parity(parts: Assembly) -> Iterator[Check]:
    """Run the model through every installed engine, on the same chips and texts."""
    import numpy as np  # noqa: PLC0415

    from satseek.engines.candidates import candidates  # noqa: PLC0415
    from satseek.engines.choice import RUNTIMES  # noqa: PLC0415
    from satseek.engines.choosing import QUANTIZED  # noqa: PLC0415
    from satseek.engines.machine import this_machine  # noqa: PLC0415
    from satseek.engines.measuring import least_cosine  # noqa: PLC0415
    from satseek.engines.probing import probes  # noqa: PLC0415

    rows = probes(parts.bundle, images=4)
    bar = NEAR_INT8 if parts.bundle.card.precision in QUANTIZED else NEAR
    machine = replace(this_machine(), gpus=())
    there = {one.runtime for one in candidates(parts.bundle, machine, thorough=False)}
    first: dict[str, Features] = {}
    with tempfile.TemporaryDirectory(prefix="satseek-doctor-") as folder:
        given = Path(folder) / "probes.npz"
        np.savez(given, image=rows.images, text=rows.texts)
        for runtime in (one for one in RUNTIMES if one in there):
            try:
                found = _features(parts, runtime, given)
            except SatseekError as error:
                yield Check(check=f"parity {runtime}", ok=False, found=str(error))
                continue
            first = first or found
            least = min(least_cosine(first[tower], found[tower]) for tower in found)
            note = (
                f"least cosine {least:.7f} to the first, over 4 chips and {len(rows.texts)} texts"
            )
            yield Check(check=f"parity {runtime}", ok=least >= bar, found=note)


def _features(parts: Assembly, runtime: Runtime, probes: Path) -> dict[str, Features]:
    from satseek.engines.choice import EngineChoice  # noqa: PLC0415
    from satseek.engines.workers import TimedEngine  # noqa: PLC0415

    with TimedEngine(parts.bundle, EngineChoice(runtime=runtime), probes=probes) as engine:
        engine.open()
        return engine.features()[0]


def _collections(parts: Assembly) -> Check:
    names = parts.collections()
    try:
        sizes = [f"{name} ({len(parts.reader(name))} chips)" for name in names]
    except SatseekError as error:
        return Check(check="collections", ok=False, found=str(error))
    return Check(check="collections", ok=True, found=", ".join(sizes) or "none yet")
