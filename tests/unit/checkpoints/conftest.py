from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = "reading checkpoints needs it: pip install 'satseek[torch]'"
modelmaker = pytest.importorskip("modelmaker", reason=INSTALL, exc_type=ImportError)


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return modelmaker.make_directory(tmp_path_factory.mktemp("made") / "tiny", modelmaker.TINY)


@pytest.fixture
def directory(_made: Path, tmp_path: Path) -> Path:
    """A small SigLIP as published ones lie in a folder, to be damaged at will."""
    return shutil.copytree(_made, tmp_path / "tiny")
