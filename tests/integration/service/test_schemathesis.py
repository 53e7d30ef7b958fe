"""The document that the server gives of itself holds, whatever is asked.

``bench/fuzz_api.py`` sends twenty thousand cases; here a thousand.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))

from fuzz_api import fuzz

CASES = int(os.environ.get("FUZZ_CASES", "1000"))


@pytest.mark.timeout(900)
def test_no_generated_case_is_answered_otherwise_than_described(tmp_path: Path) -> None:
    found = fuzz(CASES, folder=tmp_path, per_operation=2)
    assert found.report == ""
    assert (0, 0) == (found.failures, found.unexpected)
    assert found.cases >= CASES
    assert found.operations >= 24
