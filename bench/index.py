"""How does the index compare with what others search vectors with, at the same recall on words?

Grows published features, and generated ones, to a collection on the ground; asks it with images and
with texts, which lie far from all images; and asks every engine, each in a process of its own, in
turns. Each engine's effort is the cheapest of those tried that reaches the wanted recall on queries
kept for tuning; what is reported was measured on others. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from beside import measuring
from beside.geometry import MADE_UP, Ground, recall, true_rows, write_vectors
from beside.processes import GaveUpError, Process, environment, versions

KINDS = ("text", "image")
SHARES = (0.5, 0.1, 0.01, 0.001, 0.0001)
ENGINES = ("satseek", "flat", "hnsw32", "ivf", "usearch", "lancedb", "milvus-lite")
WITH_GENERATED = ("satseek", "hnsw32", "ivf")
"""Engines that are asked about generated features too, where no others are named."""
ROUNDS = 5
QUERIES = 100
"""Of each kind, for tuning and for asking each."""
FILTERED_S = 0.7
"""Seconds of a turn with a filter: there are seventy of them."""
BATCH = 1_000
BATCHES = 20
"""Batches committed while somebody searches."""


@dataclass(slots=True)
class Setting:
    """The cheapest effort that does for one kind of query."""

    effort: dict[str, Any]
    recall: float
    """On the queries for tuning."""
    reached: bool


@dataclass(slots=True)
class Entrant:
    """An engine and what is known of it so far."""

    process: Process
    line: dict[str, Any]
    settings: dict[str, Setting] = field(default_factory=dict)
    ms: dict[str, list[float]] = field(default_factory=dict)
    per_s: dict[str, list[float]] = field(default_factory=dict)
    cpu_ms: dict[str, list[float]] = field(default_factory=dict)
    found: dict[str, float] = field(default_factory=dict)


class Bench:
    """One set of vectors, asked of several engines."""

    def __init__(self, root: Path, name: str, asked: argparse.Namespace, others: Path) -> None:
        """Write vectors, queries and the true answers."""
        self._root, self._name, self._asked, self._others = root, name, asked, others
        self._ground = Ground(rows=asked.rows)
        images, texts = write_vectors(root / "vectors.npy", self._ground, name)
        count = min(asked.queries, len(texts) // 2)
        self._queries = {
            f"{kind}-{use}": np.ascontiguousarray(part[first : first + count])
            for kind, part in (("text", texts), ("image", images))
            for use, first in (("tune", 0), ("ask", count))
        }
        np.savez(root / "queries.npz", **self._queries)
        vectors = np.load(root / "vectors.npy", mmap_mode="r")
        self._float32 = vectors.nbytes
        squares = {share: self._ground.square(share).mask(asked.rows) for share in SHARES}
        self._passing = {share: int(mask.sum()) for share, mask in squares.items()}
        stacked = np.concatenate(list(self._queries.values()))
        found = true_rows(vectors, stacked, [None, *squares.values()])
        self._truth = {
            (part, share): lines[at * count : (at + 1) * count]
            for share, lines in zip((None, *SHARES), found, strict=True)
            for at, part in enumerate(self._queries)
        }

    def run(self, engines: list[str]) -> dict[str, Any]:
        """Build one after the other, then ask all in turns."""
        with ExitStack() as stack:
            entrants, refused = [], {}
            for name in engines:
                try:
                    entrants.append(self._entered(name, stack))
                    self._say(f"{name} is ready")
                except GaveUpError as error:
                    refused[name] = str(error)
                    self._say(f"{name} gave up: {error}")
            for number in range(self._asked.rounds):
                for entrant in entrants:
                    self._asked_once(entrant)
                self._say(f"round {number + 1} is over")
            lines = [self._told(entrant) for entrant in entrants]
            adding = [self._adding(entrant) for entrant in entrants if _adds(entrant)]
        return {
            "features": self._name,
            "rows": self._ground.rows,
            "dim": self._queries["text-ask"].shape[1],
            "queries": len(self._queries["text-ask"]),
            "float32_bytes": self._float32,
            "wanted_recall": self._asked.recall,
            "passing": {f"{share:.2%}": count for share, count in self._passing.items()},
            "engines": lines,
            "gave_up": refused,
            "adding": adding,
            "beside_hnsw32": _beside(lines, self._float32),
        }

    def _say(self, what: str) -> None:
        print(f"{self._name}: {what}", file=sys.stderr, flush=True)

    def _entered(self, name: str, stack: ExitStack) -> Entrant:
        """Build in one process, open in another, find the efforts, and measure filters."""
        patience = self._asked.patience
        with Process(name, self._root, others=self._others) as builder:
            took = builder.call("build", patience_s=patience)
        process = stack.enter_context(Process(name, self._root, others=self._others))
        opened = process.call("open", patience_s=patience)
        line = {
            "engine": name,
            "built": took,
            "disk_bytes": _bytes_below(self._root / name),
            "open_s": round(opened["open_s"], 4),
            "first_answer_s": round(opened["first_answer_s"], 4),
            "bare": opened["bare"],
        }
        entrant = Entrant(process=process, line=line)
        for kind in KINDS:
            entrant.settings[kind] = self._tuned(process, kind)
        return entrant

    def _tuned(self, process: Process, kind: str) -> Setting:
        """Find the cheapest effort that reaches the recall; the best one where none does."""
        offered = process.call("efforts", kind=kind)
        best, tried = None, list[tuple[float, Setting]]()
        for effort in offered["efforts"]:
            answer = process.call("ask", queries=f"{kind}-tune", effort=effort)
            found = self._recall(f"{kind}-tune", None, answer["rows"])
            reached = found >= self._asked.recall
            one = Setting(effort=effort, recall=found, reached=reached)
            tried.append((answer["cpu_s"], one))
            if best is None or found > best.recall:
                best = one
            if reached and offered["one_by_one"]:
                return one
        enough = [(cost, one) for cost, one in tried if one.reached]
        assert best is not None
        return min(enough, key=lambda pair: pair[0])[1] if enough else best

    def _asked_once(self, entrant: Entrant) -> None:
        """Ask both kinds, on one core and on two."""
        for kind in KINDS:
            effort = entrant.settings[kind].effort
            for threads in (1, 2):
                answer = entrant.process.call(
                    "ask", queries=f"{kind}-ask", effort=effort, threads=threads
                )
                key = f"{kind}, {threads}"
                entrant.per_s.setdefault(key, []).append(len(answer["ms"]) / answer["wall_s"])
                if threads == 1:
                    entrant.ms.setdefault(kind, []).extend(answer["ms"])
                    entrant.cpu_ms.setdefault(kind, []).append(
                        1_000 * answer["cpu_s"] / len(answer["ms"])
                    )
                    entrant.found[kind] = self._recall(f"{kind}-ask", None, answer["rows"])

    def _told(self, entrant: Entrant) -> dict[str, Any]:
        """Gather what was measured; filters last, as what they read stays in memory."""
        held = measuring.memory(entrant.process.pid)
        line, bare = entrant.line, entrant.line.pop("bare")
        line["memory"] = {
            "anon_bytes": held["anon"],
            "file_bytes": held["file"],
            "anon_without_any": bare["anon"],
            "anon_of_float32": round((held["anon"] - bare["anon"]) / self._float32, 4),
        }
        for kind in KINDS:
            setting = entrant.settings[kind]
            ms = sorted(entrant.ms[kind])
            line[kind] = {
                "effort": setting.effort,
                "reached": setting.reached,
                "recall_when_tuned": round(setting.recall, 4),
                "recall_at_10": round(entrant.found[kind], 4),
                "queries_per_s": round(statistics.median(entrant.per_s[f"{kind}, 1"]), 1),
                "queries_per_s_two_threads": round(
                    statistics.median(entrant.per_s[f"{kind}, 2"]), 1
                ),
                "cpu_ms": round(statistics.median(entrant.cpu_ms[kind]), 3),
                "p50_ms": round(ms[len(ms) // 2], 3),
                "p99_ms": round(ms[min(int(len(ms) * 0.99), len(ms) - 1)], 3),
                "way": entrant.process.call("tell", queries=f"{kind}-ask", effort=setting.effort),
            }
        line["filters"] = self._filtered(entrant)
        self._say(f"{line['engine']} was asked with filters")
        return line

    def _filtered(self, entrant: Entrant) -> Any:
        """Ask with each filter and without, in turns, at the same efforts."""
        lines = []
        for share in SHARES:
            shares: dict[str, Any] = {"kept": share, "passing": self._passing[share]}
            for kind in KINDS:
                effort, queries = entrant.settings[kind].effort, f"{kind}-ask"
                asked = {"queries": queries, "effort": effort, "enough_s": FILTERED_S}
                ratios, cpu_ratios, found = [], [], 0.0
                first = entrant.process.call("ask", **(asked | {"count": 1}), share=share)
                if "cannot" in first:
                    return first["cannot"]
                for _ in range(3):
                    plain = entrant.process.call("ask", **asked)
                    kept = entrant.process.call("ask", **asked, share=share)
                    ratios.append(statistics.median(kept["ms"]) / statistics.median(plain["ms"]))
                    cpu_ratios.append(kept["cpu_s"] / plain["cpu_s"])
                    found = self._recall(queries, share, kept["rows"])
                shares[kind] = {
                    "recall_at_10": round(found, 4),
                    "times_unfiltered": round(statistics.median(ratios), 3),
                    "cpu_times_unfiltered": round(statistics.median(cpu_ratios), 3),
                    "first_ms": first["ms"][0],
                    "way": entrant.process.call(
                        "tell", queries=queries, effort=effort, share=share
                    ),
                }
            lines.append(shares)
        return lines

    def _adding(self, entrant: Entrant) -> dict[str, Any]:
        """Search while another process commits batches to the same folder."""
        effort = entrant.settings["text"].effort
        quiet = entrant.process.call("ask", queries="text-ask", effort=effort, threads=2)["ms"]
        meanwhile: list[float] = []
        with Process(entrant.process.name, self._root, others=self._others) as writer:
            writer.order("add", batches=BATCHES, size=BATCH)
            while not writer.answered():
                part = entrant.process.call(
                    "ask", queries="text-ask", effort=effort, count=10, threads=2
                )
                meanwhile += part["ms"]
            took = writer.answer()
        meanwhile.sort()
        return {
            "engine": entrant.process.name,
            "batches": BATCHES,
            "batch": BATCH,
            "chips_per_s_while_searching": round(BATCH * BATCHES / sum(took["s"])),
            "chips_per_cpu_s": round(BATCH * BATCHES / took["cpu_s"]),
            "worst_batch_s": round(max(took["s"]), 3),
            "p50_ms_without": round(statistics.median(quiet), 3),
            "p50_ms_while": round(meanwhile[len(meanwhile) // 2], 3),
            "p99_ms_while": round(meanwhile[int(len(meanwhile) * 0.99)], 3),
            "asked_while": len(meanwhile),
        }

    def _recall(self, part: str, share: float | None, rows: list[list[int]]) -> float:
        return float(np.mean(recall(self._truth[part, share][: len(rows)], rows)))


def _adds(entrant: Entrant) -> bool:
    return entrant.process.name in {"satseek", "lancedb"}


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _beside(lines: list[dict[str, Any]], float32: int) -> dict[str, Any] | None:
    """Set satseek beside HNSW32, which is what was promised."""
    named = {line["engine"]: line for line in lines}
    if not {"satseek", "hnsw32"} <= named.keys():
        return None
    ours, graph = named["satseek"], named["hnsw32"]
    built = {step: took for step, took in ours["built"].items() if step != "tune"}
    return {
        **{
            f"times_queries_per_s_{kind}": round(
                ours[kind]["queries_per_s"] / graph[kind]["queries_per_s"], 2
            )
            for kind in KINDS
        },
        **{
            f"times_less_cpu_{kind}": round(graph[kind]["cpu_ms"] / ours[kind]["cpu_ms"], 2)
            for kind in KINDS
        },
        "times_faster_build_of_codes": _faster(graph, [ours["built"]["build"]]),
        "times_faster_build_with_writing": _faster(graph, list(built.values())),
        "anon_of_float32": ours["memory"]["anon_of_float32"],
        "anon_in_all_of_float32": round(ours["memory"]["anon_bytes"] / float32, 4),
    }


def _faster(graph: dict[str, Any], steps: list[dict[str, float]]) -> dict[str, float]:
    return {
        unit: round(graph["built"]["build"][unit] / sum(step[unit] for step in steps), 2)
        for unit in ("s", "cpu_s")
    }


def main() -> None:
    """Measure every set of features; print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--recall", type=float, default=0.98)
    parser.add_argument("--features", nargs="+", default=["GeoRSCLIP_ViT-L-14", MADE_UP])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, help="default: all")
    parser.add_argument("--others", type=Path, help="virtual environment of the other engines")
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    parser.add_argument("--patience", type=float, default=3_600, help="seconds for one build")
    asked = parser.parse_args()
    others = environment(asked.others)
    figures: dict[str, Any] = {"versions": versions(others), "sets": []}
    for name in asked.features:
        alone = asked.features.index(name) == 0
        engines = asked.engines or list(ENGINES if alone else WITH_GENERATED)
        root = Path(tempfile.mkdtemp(prefix="satseek-bench-", dir=asked.folder))
        try:
            figures["sets"].append(Bench(root, name, asked, others).run(engines))
        finally:
            shutil.rmtree(root)
    figures["load_average"] = os.getloadavg()[0]
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
