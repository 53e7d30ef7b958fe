"""What a CLIP directory must say, and what is refused of it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from satseek.errors import ModelNotFound, UnreadableCheckpoint, UnsafeCheckpoint
from satseek.types import Preprocessing, Tokenization

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INSTALL = "reading checkpoints needs it: pip install 'satseek[torch]'"
clipmaker = pytest.importorskip("clipmaker", reason=INSTALL, exc_type=ImportError)
clip = pytest.importorskip("satseek.checkpoints.clip", reason=INSTALL, exc_type=ImportError)

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clipmaker.make_clip_directory(tmp_path_factory.mktemp("clip") / "made")


@pytest.fixture
def folder(_made: Path, tmp_path: Path) -> Path:
    """A small CLIP as published ones lie in a folder, to be damaged at will."""
    return shutil.copytree(_made, tmp_path / "clip")


def _read(folder: Path, **options: Any) -> Any:
    return clip.read(folder, report=pytest.fail, **options)


def _change(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    written = json.loads(path.read_text())
    change(written)
    path.write_text(json.dumps(written))


def test_everything_is_read_from_the_files(folder: Path) -> None:
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Small\n")
    found = _read(folder)
    assert (found.family, found.score_head, found.logit_bias) == ("clip", "softmax", 0.0)
    assert found.logit_scale == pytest.approx(3.9)
    assert (found.dim, found.image_size, found.context_length) == (96, 64, 24)
    assert found.preprocessing == Preprocessing(resize="crop", **clipmaker.NORMAL)
    assert found.tokenization == Tokenization(
        case="kept", begin=clipmaker.BEGIN, end=clipmaker.END, pad=clipmaker.END
    )
    assert found.licences == {"weights": "mit"}
    assert len(found.source["digest"]) == 64
    assert "logit_scale" not in found.weights


def test_a_missing_weight_is_named(folder: Path) -> None:
    _state(folder, lambda state: state.pop("text_model.encoder.layers.1.mlp.fc1.bias"))
    with pytest.raises(UnreadableCheckpoint, match=r"1 missing: text_model.*1\.mlp\.fc1\.bias"):
        _read(folder)


def test_an_unexpected_weight_is_named(folder: Path) -> None:
    _state(folder, lambda state: state.update(logit_bias=torch.zeros(1)))
    with pytest.raises(UnreadableCheckpoint, match="1 unexpected: logit_bias"):
        _read(folder)


def test_a_weight_of_another_shape_is_named(folder: Path) -> None:
    name = "visual_projection.weight"
    _state(folder, lambda state: state.update({name: state[name].T.contiguous()}))
    with pytest.raises(UnreadableCheckpoint, match=r"visual_projection.weight \(192, 96\) instead"):
        _read(folder)


def test_old_counters_are_passed_over(folder: Path) -> None:
    name = "text_model.embeddings.position_ids"
    _state(folder, lambda state: state.update({name: torch.arange(24)[None]}))
    assert name not in _read(folder).weights


def test_a_pickle_is_read_only_where_allowed(folder: Path) -> None:
    state = load_file(folder / WEIGHTS)
    torch.save(state, folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()
    with pytest.raises(UnsafeCheckpoint, match="--allow-pickle"):
        _read(folder)
    found = _read(folder, allow_pickle=True)
    assert all((state[name].numpy() == found.weights[name]).all() for name in found.weights)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda config: config.update(model_type="altclip"), "expected model_type clip"),
        (lambda config: config["text_config"].update(hidden_act="relu"), "quick_gelu or gelu"),
        (lambda config: config["vision_config"].update(image_size=[64, 64]), "as one number"),
        (lambda config: config["text_config"].update(eos_token_id=7), "do not belong together"),
        (lambda config: config["text_config"].update(vocab_size=90), "of another shape"),
        (lambda config: config["vision_config"].update(patch_size=8), "of another shape"),
        (lambda config: config["text_config"].update(num_attention_heads=3), "shapes of a CLIP"),
    ],
)
def test_a_config_of_something_else_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], Any], told: str
) -> None:
    _change(folder / "config.json", change)
    with pytest.raises(UnreadableCheckpoint, match=told):
        _read(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda told: told.pop("image_mean"), "missing image_mean"),
        (lambda told: told.update(image_std=[0.5]), "three channels"),
        (lambda told: told.update(size={"shortest_edge": 72}), "own size of 64 px"),
        (lambda told: told.update(do_center_crop=False), "own size of 64 px"),
        (lambda told: told.update(crop_size={"height": 32, "width": 32}), "own size of 64 px"),
        (lambda told: told.update(do_normalize=False), "normalised"),
        (lambda told: told.update(rescale_factor=1.0), "divided by 255"),
        (lambda told: told.update(resample=5), "unknown resample 5"),
    ],
)
def test_pixels_prepared_in_another_way_are_refused(
    folder: Path, change: Callable[[dict[str, Any]], Any], told: str
) -> None:
    _change(folder / "preprocessor_config.json", change)
    with pytest.raises(UnreadableCheckpoint, match=told):
        _read(folder)


@pytest.mark.parametrize(
    ("change", "resize"),
    [
        ({"size": 64, "crop_size": 64}, "crop"),  # as OpenAI's directories write it
        ({"size": {"height": 64, "width": 64}}, "squash"),
        ({"size": {"height": 64, "width": 64}, "do_center_crop": False}, "squash"),
    ],
)
def test_the_ways_to_write_a_size(folder: Path, change: dict[str, Any], resize: str) -> None:
    _change(folder / "preprocessor_config.json", lambda told: told.update(change))
    assert _read(folder).preprocessing.resize == resize


def test_resample_mean_and_std_are_those_of_the_file(folder: Path) -> None:
    change = {"resample": 1, "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}
    _change(folder / "preprocessor_config.json", lambda told: told.update(change))
    assert _read(folder).preprocessing == Preprocessing(
        resize="crop", resample="lanczos", mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6)
    )


@pytest.mark.parametrize("change", [{"tokenizer_class": "BertTokenizer"}, {"padding_side": "left"}])
def test_another_tokenizer_is_refused(folder: Path, change: dict[str, str]) -> None:
    _change(folder / "tokenizer_config.json", lambda told: told.update(change))
    with pytest.raises(UnreadableCheckpoint, match="expected a CLIPTokenizer that pads behind"):
        _read(folder)


def test_a_pad_token_is_the_files_own(folder: Path) -> None:
    _change(folder / "tokenizer_config.json", lambda told: told.update(pad_token="!"))  # noqa: S106
    assert _read(folder).tokenization.pad == "!"
    _change(folder / "tokenizer_config.json", lambda told: told.update(pad_token="<no>"))  # noqa: S106
    with pytest.raises(UnreadableCheckpoint, match="<no> is not in the tokenizer's vocabulary"):
        _read(folder)


@pytest.mark.parametrize(
    "file", ["config.json", WEIGHTS, "preprocessor_config.json", "tokenizer_config.json"]
)
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises((ModelNotFound, UnreadableCheckpoint), match=file):
        _read(folder)


def test_a_vocabulary_larger_than_the_table_is_refused(folder: Path) -> None:
    def longer(written: dict[str, Any]) -> None:
        written["model"]["vocab"]["zz"] = 600

    _change(folder / "tokenizer.json", longer)
    with pytest.raises(UnreadableCheckpoint, match="ids go up to 600, the token table has 524"):
        _read(folder)


def _state(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    state = load_file(folder / WEIGHTS)
    change(state)
    save_file(state, folder / WEIGHTS, metadata={"format": "pt"})
