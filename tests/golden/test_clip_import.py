"""CLIP and open_clip through the import's own door, the command line, and every runtime."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from satseek.embed.embedder import unit_rows
from satseek.engines.onnxruntime import OnnxEngine
from satseek.model.bundle import Bundle, open_bundle
from satseek.model.reports import read_report
from satseek.model.tokenizer import Tokenizer

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = "an import needs it: pip install 'satseek[torch]'"
clipmaker = pytest.importorskip("clipmaker", reason=INSTALL, exc_type=ImportError)
pytest.importorskip("satseek.checkpoints.openclip", reason=INSTALL, exc_type=ImportError)

TEXTS = ["a river", "the boats in the harbour", "x " * 60]


@pytest.fixture(scope="module", params=["directory", "openclip"])
def imported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    from satseek.checkpoints.importing import import_checkpoint  # noqa: PLC0415

    folder = tmp_path_factory.mktemp(request.param)
    (folder / "bundle").mkdir()
    if request.param == "directory":
        source, options = clipmaker.make_clip_directory(folder / "small"), {}
    else:
        source = clipmaker.make_openclip_directory(folder / "made", file="small.pt")
        options = {"allow_pickle": True}
    import_checkpoint(source, folder / "bundle", **options)
    return open_bundle(folder / "bundle")


def test_the_report_passes_and_the_card_says_clip(imported: Bundle) -> None:
    assert read_report(imported.folder).passed
    card = imported.card
    assert (card.name, card.family, card.score_head) == ("small", "clip", "softmax")
    assert card.preprocessing.resize == "crop"


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_every_runtime_gives_the_same(imported: Bundle, runtime: str) -> None:
    kind = _engine(runtime)
    pixels = np.random.default_rng(0).standard_normal((3, 3, 64, 64)).astype(np.float32)
    ids = Tokenizer.from_bundle(imported).encode(TEXTS)
    ours, theirs = OnnxEngine(imported, threads=1), kind(imported, threads=1)
    for one, other in (
        (ours.image_features(pixels), theirs.image_features(pixels)),
        (ours.text_features(ids), theirs.text_features(ids)),
    ):
        assert (unit_rows(one).astype(np.float64) * unit_rows(other)).sum(axis=1).min() >= 0.99999


def _engine(runtime: str) -> Any:
    if runtime == "torch":
        from satseek.engines.torch import TorchEngine  # noqa: PLC0415

        return TorchEngine
    pytest.importorskip("openvino", reason="pip install 'satseek[openvino]'")
    from satseek.engines.openvino import OpenVinoEngine  # noqa: PLC0415

    return OpenVinoEngine


def test_the_same_checkpoint_is_the_same_version(tmp_path: Path) -> None:
    from satseek.checkpoints.importing import import_checkpoint  # noqa: PLC0415

    file = clipmaker.make_openclip_directory(tmp_path / "made", file="small.pt")
    versions = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        card = import_checkpoint(file, tmp_path / name, allow_pickle=True)
        versions.add(card.version)
    assert len(versions) == 1


def test_another_gelu_is_another_version(tmp_path: Path) -> None:
    from satseek.checkpoints.importing import import_checkpoint  # noqa: PLC0415

    file = clipmaker.make_openclip_directory(tmp_path / "made", file="small.pt")
    versions = []
    for quick in (True, False):
        config = clipmaker.openclip_config()
        config["model_cfg"]["quick_gelu"] = quick
        (file.parent / "open_clip_config.json").write_text(json.dumps(config))
        (tmp_path / str(quick)).mkdir()
        versions.append(import_checkpoint(file, tmp_path / str(quick), allow_pickle=True).version)
    assert versions[0] != versions[1]
