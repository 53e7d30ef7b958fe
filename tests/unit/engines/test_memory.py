"""Memory that really runs out: a process under a limit of address space.

OpenVINO is left out: where memory is short it was seen to end the process ("pure virtual method
called"), or to give its last answer again, which the engine recognises by the number of rows.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from satseek.engines.choosing import install_line, installed

SCRIPT = """
import logging, resource, sys
import numpy as np
from satseek.engines.choosing import EngineChoice, open_engine
from satseek.model.bundle import starter_bundle

runtime, spare, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
logging.basicConfig(format="%(name)s: %(message)s")
bundle = starter_bundle()
engine = open_engine(bundle, EngineChoice(runtime=runtime, threads=1))
size = bundle.card.image_size
images = np.random.default_rng(0).uniform(-1, 1, (rows, 3, size, size)).astype(np.float32)
few = engine.image_features(images[:4])
status = open("/proc/self/status").read().split()
used = int(status[status.index("VmSize:") + 1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + spare, used + spare))
found = engine.image_features(images)
assert found.shape == (rows, bundle.card.dim), found.shape
cosines = (found[:4] * few).sum(1) / np.linalg.norm(found[:4], axis=1) / np.linalg.norm(few, axis=1)
assert cosines.min() > 0.99999, cosines
"""

SPARE = 250_000_000
"""Bytes left: too few for 512 images of the starter, enough for some."""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is not on this machine")
@pytest.mark.parametrize("runtime", ["onnxruntime", "torch"])
def test_a_call_that_does_not_fit_is_halved(runtime: str) -> None:
    if not installed(runtime):  # type: ignore[arg-type]
        pytest.skip(install_line(runtime))  # type: ignore[arg-type]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, runtime, str(SPARE), "512"],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("satseek.engines")]
    assert len(said) == 1
    assert "memory is too short for 512 images in one call" in said[0]
