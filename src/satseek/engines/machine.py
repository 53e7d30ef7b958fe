"""Turns what the operating system tells into what matters to an engine: cores, memory, GPUs.

Does not load any runtime: it costs milliseconds.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Microseconds of processor time in each period, or ``max`` (Linux, control groups version 2)."""

MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""Bytes that the container may use, or ``max``."""

_MEMORY_USED = Path("/sys/fs/cgroup/memory.current")
_PROCESSORS = Path("/proc/cpuinfo")
_MEMORY = Path("/proc/meminfo")
_NVIDIA = Path("/proc/driver/nvidia/gpus")

RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "openvino", "torch", "transformers")
"""Packages whose version may change what is fastest."""

FEATURES = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX-VNNI",
    "avx512_bf16": "AVX-512 bfloat16",
    "amx_int8": "AMX int8",
    "amx_bf16": "AMX bfloat16",
    "asimddp": "dot product (ARM)",
    "i8mm": "int8 matrix product (ARM)",
    "bf16": "bfloat16 (ARM)",
}
"""Linux's name of a CPU feature that inference gains from, and how people call it."""

INT8 = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})
"""Features that multiply and add 8-bit numbers in one instruction."""

BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Features that multiply bfloat16 numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a measurement was made on: it holds for no other."""

    cpu: str
    """Name of the processor."""
    cores: int
    """Cores that this process may use."""
    features: tuple[str, ...]
    """Linux's names of those CPU features that inference gains from."""
    gpus: tuple[str, ...]
    """Names of the NVIDIA GPUs."""
    runtimes: tuple[tuple[str, str], ...]
    """Installed runtimes and their versions."""

    @property
    def fingerprint(self) -> str:
        """12 hex digits that change when anything above does."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def this_machine() -> Machine:
    """Describe the machine that this process runs on."""
    cpu, features = _processor()
    return Machine(
        cpu=cpu,
        cores=usable_cores(),
        features=features,
        gpus=_gpus(),
        runtimes=tuple((name, found) for name in RUNTIMES if (found := installed_version(name))),
    )


def usable_cores() -> int:
    """Count the cores that this process may use: its affinity, within a container's quota."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    quota = cpu_quota()
    return count if quota is None else max(1, min(count, int(quota)))


def cpu_quota() -> float | None:
    """Cores' worth of time that the container may use; None: as much as there is."""
    try:
        quota, period = CPU_QUOTA.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)


def memory_bytes() -> int:
    """Memory of the machine or of the container, whichever is less; 0: not known."""
    return min(
        (found for found in (_meminfo("MemTotal"), _limit(MEMORY_LIMIT)) if found), default=0
    )


def free_memory_bytes() -> int:
    """Memory that may still be used; 0: not known."""
    limit, used = _limit(MEMORY_LIMIT), _limit(_MEMORY_USED)
    inside = limit - used if limit and used else 0
    return min((found for found in (_meminfo("MemAvailable"), inside) if found), default=0)


def installed_version(package: str) -> str:
    """Version of a package; empty where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> tuple[str, tuple[str, ...]]:
    """Name and features of the first processor."""
    try:
        text = _PROCESSORS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine(), ()
    return parse_processor(text)


def parse_processor(text: str) -> tuple[str, tuple[str, ...]]:
    """Name and features of the first processor in what ``/proc/cpuinfo`` says."""
    pairs: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        pairs.setdefault(name.strip().lower(), value.strip())
    flags = (pairs.get("flags") or pairs.get("features") or "").split()
    name = pairs.get("model name") or platform.processor() or platform.machine()
    return name, tuple(flag for flag in FEATURES if flag in flags)


def _gpus() -> tuple[str, ...]:
    """What NVIDIA's driver lists: asking its own program would take a tenth of a second."""
    try:
        described = sorted(_NVIDIA.glob("*/information"))
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in described]
    except OSError:
        return ()
    pairs = (line.partition(":") for text in texts for line in text.splitlines())
    named = tuple(value.strip() for name, _, value in pairs if name.strip() == "Model")
    return named or tuple("NVIDIA GPU" for _ in Path("/dev").glob("nvidia[0-9]*"))


def _meminfo(name: str) -> int:
    try:
        lines = _MEMORY.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)


def _limit(path: Path) -> int:
    """A number of bytes that a control group says; 0: none."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return 0
    return int(text) if text.isdigit() else 0
