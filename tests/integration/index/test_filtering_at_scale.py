"""The benchmark of filters, small: what a filter leaves is found as well as without one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from satseek.index import PlanLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).parents[3] / "bench" / "filters.py"


@pytest.fixture
def bench() -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("bench_filters", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_what_filters_leave_is_found_exactly(bench: Any) -> None:
    bench.VISITS, bench.SCENES_ACROSS = 10, 2  # each scene is a commit, which waits for the disk
    told = bench.run(4_000, 4, PlanLimits(matrix_bytes=0, codes_from=2**62))
    lines = {line["filter"]: line for line in told["lines"]}
    assert told["scenes"] == 40
    assert told["unfiltered_recall_at_10"] == 1.0
    for share in bench.SHARES[:1]:
        assert lines[f"area + dates {share:.2%}"]["share"] == pytest.approx(share, rel=0.3)
    assert 0.02 < lines["attributes"]["share"] < 0.3
    for line in lines.values():
        assert line["plan"] == f"exact scan of {line['passing']} chips left by the filter"
        assert line["recall_at_10"] == 1.0
