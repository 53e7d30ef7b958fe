"""More than a server can do, of everything at once, and its end in the middle of that.

``bench/soak.py`` goes on for ten minutes and watches memory too; here it is a short while.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from redisserving import needs_redis

pytest.importorskip("grpc", reason="grpc is not on this machine: pip install 'satseek[grpc]'")

sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))

from soak import soak

MINUTES = float(os.environ.get("SOAK_MINUTES", "0.2"))


@needs_redis
@pytest.mark.timeout(900)
def test_a_server_stands_more_than_it_can_do_and_ends(tmp_path: Path) -> None:
    found = soak(MINUTES, factor=1.2, folder=tmp_path)
    assert [] == found["failures"]
    assert set(found["outcomes"]) >= {"search text", "embed images", "gRPC Search", "garbage image"}
    assert 0 < found["drain"]["taken_by_the_log"] <= found["drain"]["right"]
