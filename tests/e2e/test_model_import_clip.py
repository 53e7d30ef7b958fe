"""An open_clip file from the command line to hits, in a new process each time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import starting
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = "an import needs it: pip install 'satseek[torch]'"
clipmaker = pytest.importorskip("clipmaker", reason=INSTALL, exc_type=ImportError)


def satseek(*words: str | Path, data: Path) -> subprocess.CompletedProcess[str]:
    command = [*starting.command(), "--data-dir", str(data), *map(str, words)]
    environment = {key: one for key, one in os.environ.items() if not key.startswith("SATSEEK_")}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=data.parent
    )


def answered(*words: str | Path, data: Path) -> Any:
    done = satseek(*words, "--json", data=data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    folder = tmp_path / "scenes"
    folder.mkdir()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (192, 256, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "one.png")
    return folder


def test_from_a_file_to_hits_without_a_match(tmp_path: Path, scenes: Path) -> None:
    data = tmp_path / "data"
    file = clipmaker.make_openclip_directory(tmp_path / "made", file="small.pt")
    elsewhere = shutil.move(file.parent / "tokenizer.json", tmp_path / "vocabulary.json")

    refused = satseek("model", "import", file, "--allow-pickle", data=data)
    assert refused.returncode == 3, refused.stderr
    assert "--tokenizer PATH" in refused.stderr.strip().splitlines()[-1]
    assert not list(data.glob("models/small*"))

    asked = ("model", "import", file, "--allow-pickle", "--tokenizer", elsewhere, "--activate")
    card = answered(*asked, data=data)["card"]
    assert (card["name"], card["score_head"]) == ("small", "softmax")

    answered("index", scenes, "-c", "clip", "--chip", "64", data=data)
    hits = answered("search", "a river", "-c", "clip", "-k", "3", data=data)["hits"]
    assert [{"cosine", "percentile"}] * 3 == [set(hit["scores"]) for hit in hits]

    shown = satseek("classify", scenes, "-l", "river", "-l", "boats", data=data)
    assert shown.returncode == 0, shown.stderr
    head, row = (line.split() for line in shown.stdout.splitlines())
    assert (head[1], row[1]) == ("match", "–")
    assert 0 < float(row[0]) <= 1


def test_a_gelu_that_is_not_known_is_asked_for(tmp_path: Path) -> None:
    file = clipmaker.make_openclip_directory(tmp_path / "made", file="RemoteCLIP-ViT-B-32.pt")
    (file.parent / "open_clip_config.json").unlink()
    done = satseek("model", "import", file, "--allow-pickle", data=tmp_path / "data")
    assert done.returncode == 2, done.stderr
    assert "open_clip_config.json" in done.stderr.strip().splitlines()[-1]
