"""One ground for all that is played here: made once, though several processes run the tests."""

from __future__ import annotations

import fcntl
import importlib.util
import os

import pytest
from chaos.ground import Ground, ground_in, make_ground


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not on this machine: pip install 'satseek[torch]'")
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        return make_ground(tmp_path_factory.mktemp("ground"))
    folder = tmp_path_factory.getbasetemp().parent / f"ground-{run}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            make_ground(folder)
            (folder / "made").touch()
    return ground_in(folder)
