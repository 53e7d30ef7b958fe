"""What is known of an open_clip file, what must be said, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file

from satseek.errors import InvalidConfig, ModelNotFound, UnreadableCheckpoint, UnsafeCheckpoint
from satseek.types import Preprocessing, Tokenization

if TYPE_CHECKING:
    from collections.abc import Callable

INSTALL = "reading checkpoints needs it: pip install 'satseek[torch]'"
clipmaker = pytest.importorskip("clipmaker", reason=INSTALL, exc_type=ImportError)
openclip = pytest.importorskip("satseek.checkpoints.openclip", reason=INSTALL, exc_type=ImportError)
shapes = pytest.importorskip(
    "satseek.checkpoints.openclipshapes", reason=INSTALL, exc_type=ImportError
)
names = pytest.importorskip("satseek.checkpoints.clipnames", reason=INSTALL, exc_type=ImportError)

STATE = clipmaker.OpenClip().state_dict()


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clipmaker.make_openclip_directory(tmp_path_factory.mktemp("openclip") / "made").parent


@pytest.fixture
def file(_made: Path, tmp_path: Path) -> Path:
    """A small open_clip checkpoint beside its config and its vocabulary."""
    return shutil.copytree(_made, tmp_path / "made") / "epoch_20.pt"


def _read(file: Path, **options: Any) -> Any:
    return openclip.read(file, report=pytest.fail, allow_pickle=True, **options)


def _same(found: Any) -> bool:
    """Whether weights are those of ``STATE``, seen at one that is moved in every way."""
    rows = clipmaker.SMALL.text
    fused = STATE["transformer.resblocks.1.attn.in_proj_weight"][rows : 2 * rows]
    keys = found.weights["text_model.encoder.layers.1.self_attn.k_proj.weight"]
    turned = found.weights["visual_projection.weight"].T
    return bool((keys == fused.numpy()).all() and (turned == STATE["visual.proj"].numpy()).all())


def test_everything_is_read_from_file_and_config(file: Path) -> None:
    (file.parent / "README.md").write_text("---\nlicense: mit\n---\n")
    found = _read(file)
    assert _same(found)
    assert (found.family, found.score_head, found.logit_bias) == ("clip", "softmax", 0.0)
    assert found.logit_scale == pytest.approx(3.9)
    assert (found.dim, found.image_size, found.context_length) == (96, 64, 24)
    assert {found.vision["hidden_act"], found.text["hidden_act"]} == {"quick_gelu"}
    assert found.preprocessing == Preprocessing(resize="crop", **clipmaker.NORMAL)
    assert found.tokenization == Tokenization(
        case="kept", begin=clipmaker.BEGIN, end=clipmaker.END, pad="!"
    )
    assert found.licences == {"weights": "mit"}
    assert len(found.source["digest"]) == 64


def _bare(path: Path) -> None:
    torch.save(STATE, path)


def _prefixed(path: Path) -> None:
    torch.save({f"module.{name}": weights for name, weights in STATE.items()}, path)


def _nested(path: Path) -> None:
    clipmaker.save_state(path, STATE, prefix="")


def _custom(path: Path) -> None:
    """As open_clip's CustomTextCLIP holds them."""
    text = ("transformer", "token_emb", "positional", "ln_final", "text_projection")
    moved = {
        f"text.{name}" if name.startswith(text) else name: weights
        for name, weights in STATE.items()
    }
    torch.save(moved, path)


def _with_buffers(path: Path) -> None:
    """As OpenAI's and older open_clip's files hold them."""
    mask = torch.full((24, 24), float("-inf")).triu_(1)
    torch.save({**STATE, "attn_mask": mask, "input_resolution": torch.tensor(64)}, path)


def _half(path: Path) -> None:
    torch.save({name: weights.half().float().half() for name, weights in STATE.items()}, path)


@pytest.mark.parametrize("save", [_bare, _prefixed, _nested, _custom, _with_buffers])
def test_the_ways_in_which_weights_are_wrapped(file: Path, save: Callable[[Path], None]) -> None:
    save(file)
    assert _same(_read(file))


def test_half_precision_becomes_float32(file: Path) -> None:
    _half(file)
    weights = _read(file).weights
    assert {"float32"} == {str(values.dtype) for values in weights.values()}


def test_safetensors_need_no_leave(file: Path) -> None:
    safe = file.with_suffix(".safetensors")
    save_file({f"module.{name}": weights.contiguous() for name, weights in STATE.items()}, safe)
    assert _same(openclip.read(safe, report=pytest.fail))


def test_a_pickle_is_read_only_where_allowed(file: Path) -> None:
    with pytest.raises(UnsafeCheckpoint, match="--allow-pickle"):
        openclip.read(file, report=pytest.fail)


def test_a_pickle_with_code_is_never_run(file: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"state_dict": STATE, "args": Bomb()}, file)
    with pytest.raises(UnsafeCheckpoint, match="more than tensors"):
        _read(file)
    assert not (tmp_path / "ran").exists()


def test_missing_and_unexpected_weights_are_listed(file: Path) -> None:
    state = dict(STATE)
    del state["visual.ln_pre.bias"]
    del state["transformer.resblocks.0.attn.out_proj.weight"]
    state["logit_bias"] = torch.zeros(1)
    torch.save(state, file)
    with pytest.raises(UnreadableCheckpoint) as caught:
        _read(file)
    for told in (
        "2 missing: transformer.resblocks.0.attn.out_proj.weight, visual.ln_pre.bias",
        "1 unexpected: logit_bias",
    ):
        assert told in str(caught.value)


def test_a_weight_of_another_shape_is_listed(file: Path) -> None:
    torch.save({**STATE, "visual.proj": STATE["visual.proj"].T.contiguous()}, file)
    with pytest.raises(UnreadableCheckpoint, match=r"visual\.proj \(96, 192\) instead of \(192, 9"):
        _read(file)


def test_weights_of_which_only_some_are_prefixed_are_not_guessed_at(file: Path) -> None:
    state = dict(STATE)
    state["module.logit_scale"] = state.pop("logit_scale")
    torch.save(state, file)
    with pytest.raises(UnreadableCheckpoint, match=r"1 unexpected: module\.logit_scale"):
        _read(file)


@pytest.mark.parametrize("content", [{"epoch": 3}, [1, 2], {"state_dict": {"a": 1}}])
def test_what_holds_no_weights_is_refused(file: Path, content: Any) -> None:
    torch.save(content, file)
    with pytest.raises(UnreadableCheckpoint):
        _read(file)


def test_a_weight_that_is_no_number_is_named(file: Path) -> None:
    broken = STATE["visual.ln_post.bias"].clone()
    broken[3] = float("nan")
    torch.save({**STATE, "visual.ln_post.bias": broken}, file)
    with pytest.raises(UnreadableCheckpoint, match=r"finite weights, visual\.ln_post\.bias"):
        _read(file)


def test_a_cut_file_is_named(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(UnreadableCheckpoint, match=r"epoch_20\.pt"):
        _read(file)


def test_a_vocabulary_must_be_there_or_be_given(file: Path, tmp_path: Path) -> None:
    vocabulary = tmp_path / "elsewhere.json"
    (file.parent / "tokenizer.json").rename(vocabulary)
    with pytest.raises(ModelNotFound, match="--tokenizer PATH"):
        _read(file)
    assert _same(_read(file, tokenizer=vocabulary))


def test_without_a_config_small_sizes_are_unknown(file: Path) -> None:
    (file.parent / openclip.CONFIG).unlink()
    with pytest.raises(InvalidConfig, match=r"put its open_clip_config\.json beside it"):
        _read(file)
    with pytest.raises(InvalidConfig, match="expected the sizes of ViT-B-32, these are of none"):
        _read(file, architecture="ViT-B-32")
    with pytest.raises(InvalidConfig, match="unknown architecture 'ViT-Z'"):
        _read(file, architecture="ViT-Z")


@pytest.mark.parametrize(
    ("part", "change", "told"),
    [
        ("model_cfg", {"quick_gelu": False}, None),
        ("model_cfg", {"vision_cfg": {}}, "expected the sizes of a ViT CLIP"),
        ("preprocess_cfg", {"resize_mode": "longest"}, "expected pixels resized by"),
        ("preprocess_cfg", {"mean": [0.5]}, "three channels"),
        ("preprocess_cfg", {"resize_mode": "squash", "interpolation": "bilinear"}, None),
    ],
)
def test_what_a_config_says_is_done_or_refused(
    file: Path, part: str, change: dict[str, Any], told: str | None
) -> None:
    config = clipmaker.openclip_config()
    config[part].update(change)
    (file.parent / openclip.CONFIG).write_text(json.dumps(config))
    if told is not None:
        with pytest.raises(UnreadableCheckpoint, match=told):
            _read(file)
        return
    found = _read(file)
    act = "quick_gelu" if config["model_cfg"]["quick_gelu"] else "gelu"
    assert {found.vision["hidden_act"], found.text["hidden_act"]} == {act}
    squash = change.get("resize_mode") == "squash"
    assert found.preprocessing.resize == ("squash" if squash else "crop")
    assert found.preprocessing.resample == ("bilinear" if squash else "bicubic")


@pytest.mark.parametrize("part", ["timm_model_name", "attentional_pool", "global_average_pool"])
def test_a_tower_of_another_kind_is_refused(file: Path, part: str) -> None:
    config = clipmaker.openclip_config()
    config["model_cfg"]["vision_cfg"][part] = True
    (file.parent / openclip.CONFIG).write_text(json.dumps(config))
    with pytest.raises(UnreadableCheckpoint, match=f"a CLIP with {part} is not supported"):
        _read(file)


ALL = tuple(shapes.ARCHITECTURES)


def _sizes(name: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a real architecture's weights, without the weights."""
    known = shapes.named_architecture(name)
    config = shapes.clip_config(known, begin=49406, end=49407, pad=0)
    own = {"projection_dim": known.dim}
    return names.fused_shapes(
        names.clip_weights(config["vision_config"] | own, config["text_config"] | own)
    )


@pytest.mark.parametrize("name", ALL)
def test_sizes_tell_the_architecture(name: str) -> None:
    assert shapes.alike(_sizes(name), Path("a.pt")) == [name]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        # open_clip's docs/model_profile.csv, in millions
        ("ViT-B-32", 151.28),
        ("ViT-B-16", 149.62),
        ("ViT-L-14", 427.62),
        ("ViT-L-14-336", 427.94),
        ("ViT-H-14", 986.11),
    ],
)
def test_architectures_have_as_many_parameters_as_the_published_ones(
    name: str, parameters: float
) -> None:
    total = 0
    for shape in _sizes(name).values():
        count = 1
        for edge in shape:
            count *= edge
        total += count
    assert total / 1e6 == pytest.approx(parameters, abs=0.006)


def test_heads_of_h14_are_not_what_its_width_suggests() -> None:
    assert shapes.ARCHITECTURES["ViT-H-14"].vision.heads == 1280 // 80


def test_names_may_be_written_in_several_ways() -> None:
    quick = shapes.named_architecture("ViT-B-32-quickgelu")
    assert quick == replace(shapes.named_architecture("ViT-B/32"), quick=True)
    assert shapes.named_architecture("ViT-L/14@336px") == shapes.ARCHITECTURES["ViT-L-14-336"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("GeoRSCLIP/ckpt/RS5M_ViT-B-32.pt", "ViT-B-32-quickgelu"),
        ("RS5M_ViT-H-14.pt", "ViT-H-14"),
        ("SkyCLIP_ViT_L14_top30pct/epoch_20.pt", "ViT-L-14-quickgelu"),
        ("SkyCLIP_ViT_L14_top30pct_filtered_by_CLIP_laion_RS.pt", "ViT-L-14-quickgelu"),
        ("SkyCLIP_ViT_B32_top50pct/epoch_20.pt", "ViT-B-32"),
        ("RemoteCLIP-ViT-B-32.pt", None),
        ("RemoteCLIP-ViT-L-14.pt", None),
        ("open_clip_pytorch_model.bin", None),
        ("my-RS5M_ViT-B-32-tuned.pt", None),
    ],
)
def test_published_files_are_known_by_their_names(path: str, name: str | None) -> None:
    assert shapes.published_architecture(Path(path)) == name


def test_a_gelu_that_nobody_told_is_asked_for() -> None:
    with pytest.raises(InvalidConfig) as caught:
        openclip._architecture(Path("/no/RemoteCLIP-ViT-B-32.pt"), _sizes("ViT-B-32"), None)
    assert "--architecture ViT-B-32 (exact) or ViT-B-32-quickgelu" in str(caught.value)


def test_a_gelu_that_was_told_is_taken() -> None:
    path, sizes = Path("/no/RemoteCLIP-ViT-B-32.pt"), _sizes("ViT-B-32")
    assert openclip._architecture(path, sizes, "ViT-B-32-quickgelu").quick
    assert not openclip._architecture(path, sizes, "ViT-B-32").quick
    with pytest.raises(InvalidConfig, match="expected the sizes of ViT-B-16, these are of ViT-B-3"):
        openclip._architecture(path, sizes, "ViT-B-16")


def test_a_published_file_needs_no_telling() -> None:
    path = Path("/no/RS5M_ViT-B-32.pt")
    assert openclip._architecture(path, _sizes("ViT-B-32"), None).quick


def test_a_resnet_is_refused() -> None:
    with pytest.raises(UnreadableCheckpoint, match="a CLIP with a ResNet"):
        shapes.alike({"visual.layer1.0.conv1.weight": (64, 64, 1, 1)}, Path("RN50.pt"))
