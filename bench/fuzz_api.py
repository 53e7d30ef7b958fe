"""Does any generated request bring the HTTP interface to fall, or to answer what it does not say?

Starts the real server over a small collection, has schemathesis generate cases for every route of
its own OpenAPI document, valid and invalid ones, and counts what it finds. Run as::

    python bench/fuzz_api.py --cases 20000

Checked of every answer: no 5xx, a documented status, content type, headers and body; invalid
requests are refused, undeclared methods are 405. Not checked is that everything which fits the
schema is accepted: whether words make sense or a cursor is of this list is in no schema (422).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import httpx
import numpy as np
import serving
from findingmaking import make_finding, square

from satseek.monitor.findings.keeping import Findings
from satseek.monitor.samples.drawing import SamplingFrame
from satseek.monitor.samples.keeping import Samples
from satseek.monitor.tables import FOLDER

RESULTS = Path(__file__).parent / "results" / "fuzz_api.json"
HOOKS = Path(__file__).parent / "fuzzing" / "hooks.py"

PARCELS = json.dumps(
    {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"policy": "P-1"},
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [[[15, 48], [15.01, 48], [15.01, 48.01], [15, 48]]],
                },
            }
        ],
    }
)

CASES_AN_OPERATION = 100
"""Generated in one run of schemathesis; several runs, each with another seed, make up the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzed:
    """What came of it."""

    cases: int
    """Requests generated and sent."""
    operations: int
    """Routes with their methods."""
    failures: int
    """Unique failures of all runs."""
    unexpected: int
    """Failures that the server's own log calls unforeseen."""
    rss_mb: tuple[float, float]
    """The server's resident memory after the first run and at the end."""
    seconds: float
    """In all."""
    report: str
    """What schemathesis said of its failures."""


def fuzz(cases: int, *, folder: Path, seed: int = 1, per_operation: int | None = None) -> Fuzzed:
    """Send at least so many cases to a server of its own."""
    data = folder / "data"
    serving.index(data, serving.make_scenes(folder / "scenes"), "small")
    reviewed = _reviewed(data)
    sent = operations = failures = 0
    said, memory = [], []
    started = time.perf_counter()
    roots = {"reference_roots": str(folder / "scenes")}
    with serving.running_server(data, **roots) as server:
        known = _known(server.url, reviewed)
        while sent < cases:
            count = per_operation or CASES_AN_OPERATION
            output = _run(server.url, seed=seed, count=count, known=known)
            sent += _number(r"(\d+) generated", output)
            operations = _number(r"Tested: (\d+)", output)
            found = _number(r"found (\d+) unique", output, missing=0)
            failures += found
            if found:
                said.append(output[output.find("= FAILURES") :])
            memory.append(_rss_mb(server.process.pid))
            seed += 1
        httpx.get(f"{server.url}/livez", timeout=20).raise_for_status()
        unexpected = sum('"traceback"' in line for line in server.lines().splitlines())
    return Fuzzed(
        cases=sent,
        operations=operations,
        failures=failures,
        unexpected=unexpected,
        rss_mb=(memory[0], memory[-1]),
        seconds=round(time.perf_counter() - started, 1),
        report="\n".join(said),
    )


def _run(url: str, *, seed: int, count: int, known: str) -> str:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"),
        *("--phases", "examples,coverage,fuzzing", "--mode", "all", "--no-color"),
        *("--max-examples", str(count), "--seed", str(seed), "--no-shrink"),
        *("--continue-on-failure", "--exclude-checks", "positive_data_acceptance"),
        *("--request-timeout", "60", "--suppress-health-check", "all"),
    ]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": HOOKS.stem,
        "PYTHONPATH": str(HOOKS.parent),
        "FUZZ_KNOWN": known,
    }
    with tempfile.TemporaryDirectory() as elsewhere:  # it leaves files where it is started
        done = subprocess.run(
            command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
        )
    if "generated" not in done.stdout:
        raise SystemExit(f"schemathesis did not run:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def _reviewed(data: Path) -> dict[str, str]:
    """Keep findings and a sample; returns their names."""
    findings = Findings(data / FOLDER)
    kept = findings.keep(make_finding(at, collection="small") for at in range(20))
    findings.close()
    cells, halves = [f"{at}_0" for at in range(20)], ["forest", "mine"] * 10
    frame = SamplingFrame(
        cells=cells,
        strata=halves,
        mapped=halves,
        areas_m2=np.full(len(cells), 65_536.0),
        footprints=[square(float(at)) for at in range(20)],
        chips=[(f"june/{cell}", f"july/{cell}") for cell in cells],
    )
    samples = Samples(data / FOLDER)
    sizes = {"forest": 5, "mine": 5}
    samples.make("june", frame, sizes, collection="small", subject="land use 2024-06")
    places = [one.place.id for one in samples.settled("june")]
    samples.close()
    ids = [one.finding.id for one in kept]
    return {"finding": "|".join(ids), "place": "|".join(places)}


def _known(url: str, reviewed: dict[str, str]) -> str:
    """Names of what the server has, for requests that are to reach something."""
    with httpx.Client(base_url=url, timeout=60) as http:
        http.get("/openapi.json").raise_for_status()  # made once; schemathesis waits for 10 s only
        chips = http.get("/v1/collections/small/chips").raise_for_status().json()["chips"]
        asked = {"task": "verify", "collection": "small"}
        job = http.post("/v1/jobs", json=asked).raise_for_status().json()["id"]
        nightly = {"cron": "30 3 * * *", "job": asked}
        http.put("/v1/schedules/nightly", json=nightly).raise_for_status()
        watch = {"collection": "small", "concept": {"label": "mine", "prompts": ["a mine"]}}
        http.put("/v1/watches/nightly", json=watch).raise_for_status()
        upload = http.post("/v1/parcels", content=PARCELS).raise_for_status().json()["id"]
        ref = http.get("/v1/models").raise_for_status().json()["in_force"]
    ids = "|".join(chip["chip"] for chip in chips[:4])
    known = reviewed | {
        "name": "small|nightly|june",
        "collection": "small",
        "chip_id": ids,
        "chip": ids,
        "job_id": job,
        "upload": upload,
        "ref": f"starter|{ref}",
        "folder": "2024-05-03 scene.tif",
        "text": "a harbour",
    }
    return "\n".join(f"{name}={values}" for name, values in known.items())


def _number(pattern: str, text: str, *, missing: int | None = None) -> int:
    found = re.search(pattern, text)
    if found is None:
        if missing is None:
            raise SystemExit(f"expected {pattern!r} in what schemathesis says:\n{text[-2000:]}")
        return missing
    return int(found[1])


def _rss_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return round(_number(r"VmRSS:\s+(\d+)", status) / 1024, 1)


def main() -> None:
    """Fuzz, print what was found, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = fuzz(asked.cases, folder=Path(folder), seed=asked.seed)
    print(found.report)
    told = {name: value for name, value in asdict(found).items() if name != "report"}
    told |= {"seed": asked.seed, "python": platform.python_version()}
    print(json.dumps(told, indent=2))
    RESULTS.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    sys.exit(bool(found.failures or found.unexpected))


if __name__ == "__main__":
    main()
