"""Directories laid out as published ones are: each is read, and gives what transformers gives."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from satseek.errors import UnreadableCheckpoint
from satseek.model.bundle import open_bundle
from satseek.model.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INSTALL = "the oracle is missing: pip install 'satseek[torch]'"
modelmaker = pytest.importorskip("modelmaker", reason=INSTALL, exc_type=ImportError)

import torch  # noqa: E402 -- the oracle may be missing
from safetensors.torch import load_file, save_file  # noqa: E402

from satseek.checkpoints import siglip  # noqa: E402
from satseek.checkpoints.parity import Candidate, compare  # noqa: E402
from satseek.checkpoints.quiet import quiet_transformers  # noqa: E402
from satseek.checkpoints.writing import write_bundle  # noqa: E402
from satseek.engines.onnxruntime import OnnxEngine  # noqa: E402

CONFIG, WORDS, PIXELS = "config.json", "tokenizer_config.json", "preprocessor_config.json"
WEIGHTS, PIECES, JSON = "model.safetensors", "spiece.model", "tokenizer.json"
DEFAULTS = {
    "text_config": {"vocab_size": 32_000, "hidden_size": 768, "intermediate_size": 3072},
    "vision_config": {"hidden_size": 768, "intermediate_size": 3072, "image_size": 224},
}
"""What SigLIP's paper calls B/16 at 224, which published configs leave out."""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return modelmaker.make_directory(tmp_path_factory.mktemp("first") / "one", modelmaker.TINY)


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return modelmaker.make_siglip2(tmp_path_factory.mktemp("second") / "two", modelmaker.TINY)


def _failed(folder: Path, out: Path, **more: Any) -> set[str]:
    """Checks that the directory's bundle fails beside transformers."""
    out.mkdir()
    with quiet_transformers():
        checkpoint = siglip.read(folder, report=_silent, **more)
        write_bundle(
            checkpoint,
            out,
            name="tiny",
            precision=None,
            licences={},
            training_data="noise",
            accuracy={},
            report=_silent,
        )
        oracle = checkpoint.oracle()
    bundle = open_bundle(out)
    candidate = Candidate(
        engine=OnnxEngine(bundle, threads=1),
        tokenizer=Tokenizer.from_bundle(bundle),
        weights=out / WEIGHTS,
    )
    images = list(np.random.default_rng(0).integers(0, 256, (4, 90, 70, 3)).astype(np.uint8))
    report = compare(candidate, oracle, reference="theirs", images=images, report=_silent)
    return {check.name for check in report.checks if not check.passed}


def _silent(_step: str) -> None:
    """Say nothing."""


def _edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))


def _sparse(folder: Path) -> None:
    """As google/siglip-base-patch16-224: what transformers has by itself is left out."""
    kept = {
        *("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
        *("image_size", "vocab_size", "model_type"),
    }
    for part in ("text_config", "vision_config"):
        _edit(
            folder / CONFIG,
            lambda told, part=part: told.update(
                {part: {name: one for name, one in told[part].items() if name in kept}}
            ),
        )
    _edit(folder / CONFIG, lambda told: told.update(torch_dtype="float32"))


def _only_pieces(folder: Path) -> None:
    (folder / JSON).unlink()


def _only_json(folder: Path) -> None:
    (folder / PIECES).unlink()


def _sharded(folder: Path) -> None:
    """Two files of bfloat16 and their index."""
    weights = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    places = {}
    for at, name in enumerate(sorted(weights)):
        places[name] = f"model-0000{at % 2 + 1}-of-00002.safetensors"
    for file in sorted(set(places.values())):
        held = {name: weights[name].bfloat16() for name in weights if places[name] == file}
        save_file(held, folder / file, {"format": "pt"})
    index = {"metadata": {"total_size": 0}, "weight_map": places}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps(index))


def _half(folder: Path) -> None:
    """Half precision, as the config says too."""
    weights = {name: one.half() for name, one in load_file(folder / WEIGHTS).items()}
    save_file(weights, folder / WEIGHTS, {"format": "pt"})
    _edit(folder / CONFIG, lambda told: (told.pop("dtype"), told.update(torch_dtype="float16")))


def _counters(folder: Path) -> None:
    """What transformers stored until 4.30."""
    weights = load_file(folder / WEIGHTS)
    weights["text_model.embeddings.position_ids"] = torch.arange(64)[None]
    weights["vision_model.embeddings.position_ids"] = torch.arange(16)[None]
    save_file(weights, folder / WEIGHTS, {"format": "pt"})


def _mapped_tokens(folder: Path) -> None:
    """Special tokens beside the tokenizer's config instead of in it."""
    names = ("eos_token", "pad_token", "unk_token")
    told = json.loads((folder / WORDS).read_text())
    tokens = {name: {"content": told.pop(name), "lstrip": False} for name in names}
    (folder / "special_tokens_map.json").write_text(json.dumps(tokens))
    (folder / WORDS).write_text(json.dumps(told))


def _by_the_library(folder: Path) -> None:
    """What the library itself writes today."""
    from transformers import SiglipProcessor  # noqa: PLC0415 (slow)

    kind: Any = SiglipProcessor
    processor = kind.from_pretrained(folder, local_files_only=True)
    for name in (WORDS, PIXELS, JSON, PIECES):
        (folder / name).unlink()
    processor.save_pretrained(folder)


def _linked(folder: Path) -> None:
    """As a hub's cache: every file a link."""
    blobs = folder.parent / "blobs"
    blobs.mkdir()
    for path in sorted(folder.iterdir()):
        path.rename(blobs / path.name)
        path.symlink_to(blobs / path.name)


@pytest.mark.parametrize(
    "change",
    [
        *(_sparse, _only_pieces, _only_json, _sharded, _half, _counters, _mapped_tokens),
        *(_by_the_library, _linked),
    ],
)
def test_a_siglip_laid_out_in_this_way_imports(
    first: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    folder = shutil.copytree(first, tmp_path / "one")
    change(folder)
    assert _failed(folder, tmp_path / "bundle") == set()


@pytest.mark.parametrize("kind", ["GemmaTokenizer", "GemmaTokenizerFast", "Siglip2Tokenizer"])
def test_a_siglip_2_whose_tokens_are_told_elsewhere_imports(
    second: Path, tmp_path: Path, kind: str
) -> None:
    folder = shutil.copytree(second, tmp_path / "two")
    _mapped_tokens(folder)
    _edit(folder / WORDS, lambda told: told.update(tokenizer_class=kind))
    assert _failed(folder, tmp_path / "bundle") == set()


def test_pickled_parameters_import_where_allowed(first: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(first, tmp_path / "one")
    held = {name: torch.nn.Parameter(one) for name, one in load_file(folder / WEIGHTS).items()}
    counted = {"text_model.embeddings.position_ids": torch.arange(64)[None]}
    torch.save(held | counted, folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()
    assert _failed(folder, tmp_path / "bundle", allow_pickle=True) == set()


def test_a_config_without_any_size_is_base_at_224(first: Path) -> None:
    told = {"model_type": "siglip", "text_config": {}, "vision_config": {}}
    config = siglip.parse_config(told, first / CONFIG)
    for part, sizes in DEFAULTS.items():
        found = getattr(config, part).to_dict()
        assert sizes == {name: found[name] for name in sizes}
    assert config.text_config.projection_size == 768
    assert config.vision_config.vision_use_head is True
    assert config.text_config.max_position_embeddings == 64


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (PIXELS, {"image_processor_type": "X", "auto_map": {"AutoImageProcessor": "own.X"}}),
        (WORDS, {"tokenizer_class": "X", "auto_map": {"AutoTokenizer": ["own.X", None]}}),
    ],
)
def test_a_directorys_own_code_is_neither_run_nor_asked_about(
    first: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    told: dict[str, Any],
) -> None:
    folder = shutil.copytree(first, tmp_path / "one")
    ran = tmp_path / "ran"
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w').close()\nclass X:\n    pass\n")
    _edit(folder / file, lambda now: now.update(told))
    monkeypatch.setattr("builtins.input", lambda *_: "y")  # somebody who says yes to all
    with quiet_transformers():
        try:
            siglip.read(folder, report=_silent).oracle()
        except UnreadableCheckpoint as error:
            assert file == PIXELS, error  # noqa: PT017 - a tokenizer falls back on its file
    assert not ran.exists()
