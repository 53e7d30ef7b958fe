"""A number of chips and a fleet → hours, terabytes, memory and money: the plan on paper.

What was measured is read from bench/results; what was not is assumed here, and named so.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scaling.simulation import Run, simulate

RESULTS = Path(__file__).parents[1] / "results"

SIZES = (10**7, 10**9, 10**10)

DIM = 768
VECTOR_BYTES = DIM * 2
"""float16."""

CODE_BYTES = 73
"""64 of codes, 8 of row numbers, the rest of the file; docs/concepts/index.md."""

CELLS = 2048
"""Cells of a partition of large work; satseek.search.partitioning.PIECE_CELLS."""

SHARD_CHIPS = 50_000_000
"""Chips of one collection at most: it is one SQLite database, merged by one process."""

SHARDS_PER_MACHINE = 10
"""Collections that a machine of 64 GB answers from: 37 GB of codes, the rest for pages."""

SERVER_GB = 64

MILVUS_CODE_BYTES = DIM // 2 // 2
"""SCANN keeps four bits for every two numbers."""

MILVUS_NODE_GB = 64
MILVUS_FILL = 0.7
"""Share of a query node's memory that codes may fill."""

SHRINK = 16
"""Of fleets beyond this many thousand partitions a sixteenth is simulated, with a sixteenth of the
work: workers live and die alone, so that nothing but the last minutes depends on their number."""

LARGE = 600_000
"""Partitions from which that is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Workers of one kind."""

    name: str
    """What they are."""
    chips_per_s: float
    """Of each."""
    measured: bool
    """Whether the rate was measured by us."""
    start_s: float
    """From asking for a worker to its first partition."""
    notice_s: float
    """From a death until another one is asked for, and its machine there."""
    price_per_hour: float
    """Of each, in any currency: assumed."""
    workers: dict[int, int]
    """How many, by the number of chips."""


def fleets() -> list[Fleet]:
    """Give the fleets that are compared."""
    core = int8_rate_per_core()
    return [
        Fleet(
            name="one core, Git-RSCLIP-base INT8",
            chips_per_s=core,
            measured=True,
            start_s=10,
            notice_s=180,
            price_per_hour=0.04,
            workers={10**7: 64, 10**9: 1024, 10**10: 4096},
        ),
        Fleet(
            name="one GPU with 16 cores that read",
            chips_per_s=1000.0,
            measured=False,
            start_s=60,
            notice_s=300,
            price_per_hour=1.5,
            workers={10**7: 1, 10**9: 16, 10**10: 64},
        ),
    ]


LIVES = {"owned": 30 * 24 * 3600.0, "spot": 6 * 3600.0}
"""Mean life of a worker in seconds: of machines that break now and then, and of machines that are
taken away. Assumed."""


def plan() -> list[dict[str, Any]]:
    """Work out every size with every fleet."""
    merge_per_s = written_per_s()
    return [
        {
            "chips": chips,
            "fleet": fleet.name,
            "rate_measured": fleet.measured,
            "workers": fleet.workers[chips],
            "chips_per_s": round(fleet.workers[chips] * fleet.chips_per_s, 1),
            "partition_s": round(CELLS / fleet.chips_per_s, 1),
            **{name: _embedding(chips, fleet, life) for name, life in LIVES.items()},
            "network_gbit_s": round(
                fleet.workers[chips] * fleet.chips_per_s * read_bytes() * 8 / 1e9, 2
            ),
            **_storage(chips, merge_per_s),
        }
        for chips in SIZES
        for fleet in fleets()
    ]


def _embedding(chips: int, fleet: Fleet, life_s: float) -> dict[str, float]:
    workers, partitions = fleet.workers[chips], math.ceil(chips / CELLS)
    shrink = SHRINK if partitions > LARGE else 1
    outcome = simulate(
        Run(
            partitions=[CELLS / fleet.chips_per_s] * (partitions // shrink),
            workers=max(1, workers // shrink),
            start_s=fleet.start_s,
            notice_s=fleet.notice_s,
            life_s=life_s,
        )
    )
    hours = outcome.embedding_s / 3600
    return {
        "hours": round(hours, 2),
        "workers_died": outcome.deaths * shrink,
        "share_lost": round(outcome.lost_s / (outcome.embedding_s * max(1, workers // shrink)), 5),
        "share_at_work": round(outcome.busy, 4),
        "given_up": outcome.given_up * shrink,
        "cost": round(hours * workers * fleet.price_per_hour),
    }


def _storage(chips: int, merge_per_s: float) -> dict[str, float]:
    rows = folder_bytes() - VECTOR_BYTES - CODE_BYTES
    shards = math.ceil(chips / SHARD_CHIPS)
    return {
        "vectors_gb": round(chips * VECTOR_BYTES / 1e9),
        "rows_gb": round(chips * rows / 1e9),
        "codes_gb": round(chips * CODE_BYTES / 1e9, 1),
        "shards": shards,
        "merge_hours_each": round(min(chips, SHARD_CHIPS) / merge_per_s / 3600, 2),
        "search_machines": math.ceil(shards / SHARDS_PER_MACHINE),
        "milvus_codes_gb": round(chips * MILVUS_CODE_BYTES / 1e9, 1),
        "milvus_query_nodes": math.ceil(
            chips * MILVUS_CODE_BYTES / 1e9 / (MILVUS_NODE_GB * MILVUS_FILL)
        ),
    }


def assumed() -> dict[str, Any]:
    """Tell what the plan rests on."""
    return {
        "fleets": [asdict(fleet) for fleet in fleets()],
        "lives_s": LIVES,
        "folder_bytes_per_chip": round(folder_bytes(), 1),
        "written_and_coded_chips_per_cpu_s": round(written_per_s()),
        "read_bytes_per_chip": round(read_bytes()),
        "read_chips_per_s_and_core": _figures("ingest")["starter"]["reading_chips_per_s"],
        "cells_per_partition": CELLS,
        "shard_chips": SHARD_CHIPS,
        "server_gb": SERVER_GB,
    }


def int8_rate_per_core() -> float:
    """Images per second and core of the best engine for INT8 weights that was measured."""
    told = _figures("engines")
    best = max(row["images_per_s"] for row in told["int8"]["rows"])
    return float(best) / int(told["cores"])


def folder_bytes() -> float:
    """Bytes of a collection's folder per chip, at a million of them."""
    told = _figures("filters")
    return float(told["folder_bytes"]) / int(told["rows"])


def written_per_s() -> float:
    """Chips per second of one processor, written and coded."""
    told = _figures("filters")
    return int(told["rows"]) / (float(told["write_cpu_s"]) + float(told["codes_cpu_s"]))


def read_bytes() -> float:
    """Bytes of a Sentinel-2 file of 13 bands per chip of 256 pixels."""
    told = _figures("ingest")["starter"]
    return float(told["file_mb"]) * 1e6 / int(told["chips"])


def _figures(name: str) -> dict[str, Any]:
    told = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return dict(told["figures"])
