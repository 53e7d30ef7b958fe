"""Makes small SigLIP models with random weights, as Hugging Face directories and as bundles.

Knows torch, transformers and sentencepiece, so a test that uses it skips where they are missing.
"""

from __future__ import annotations

import io
import json
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sentencepiece
import torch
from tokenizers import (
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import SiglipConfig, SiglipModel, SiglipTokenizer

from satseek.model.bundle import Bundle, open_bundle
from satseek.train.exporting import export

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CORPUS = (
    "a satellite image of a harbour with many boats",
    "an airport beside the river and a railway station",
    "dense forest bare land and farmland seen from above",
    "an aerial photograph showing two baseball fields",
    "a river mouth with sand banks next to green meadows",
    "industrial storage tanks parking lots and a bridge",
)

PIECES = "spiece.model"

TOKENIZER_CONFIG = {
    "tokenizer_class": "SiglipTokenizer",
    "do_lower_case": True,
    "model_max_length": 64,
    "eos_token": "</s>",
    "pad_token": "</s>",
    "unk_token": "<unk>",
}
"""What published SigLIPs say of their tokenizer."""

GEMMA_CONFIG = {
    "add_bos_token": False,
    "add_eos_token": True,
    "bos_token": "<bos>",
    "eos_token": "<eos>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "do_lower_case": True,
    "padding_side": "right",
    "model_max_length": 64,
}
"""What published SigLIP 2s say of theirs."""

PREPROCESSOR = {
    "image_processor_type": "SiglipImageProcessor",
    "do_resize": True,
    "resample": 3,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}
"""What published SigLIPs say of their pixels, but for the size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What both towers look like."""

    width: int = 64
    """Features and hidden size of both towers."""
    inner: int = 128
    """Hidden size of the MLPs."""
    layers: int = 2
    """Layers of each tower."""
    heads: int = 4
    """Attention heads."""
    image_size: int = 64
    """Edge of the image in pixels; patches are 16 pixels."""
    vocabulary: int = 256
    """Rows of the token table, at least as many as the tokenizer has pieces."""


TINY = Shape()
BASE_SHALLOW = Shape(width=768, inner=3072, layers=1, heads=12, image_size=224, vocabulary=32_000)
"""Git-RSCLIP-base in every size but its depth, which is 12."""


def make_directory(folder: Path, shape: Shape, *, seed: int = 0) -> Path:
    """Write a Hugging Face directory: config, weights, ``tokenizer.json`` and ``spiece.model``."""
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _random_model(shape, seed).save_pretrained(folder)
    train_pieces(folder / PIECES)
    as_tokenizer(folder / PIECES).save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", TOKENIZER_CONFIG)
    size = {"height": shape.image_size, "width": shape.image_size}
    write_json(folder / "preprocessor_config.json", PREPROCESSOR | {"size": size})
    return folder


def make_siglip2(folder: Path, shape: Shape, *, tokenizer_class: str = "Siglip2Tokenizer") -> Path:
    """The same with what SigLIP 2 has otherwise: Gemma's kind of pieces, and bilinear resizing."""
    make_directory(folder, shape)
    (folder / PIECES).unlink()
    pieces = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))  # noqa: S106
    pieces.normalizer = normalizers.Replace(" ", "▁")
    pieces.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=special, show_progress=False)
    pieces.train_from_iterator(CORPUS * 3, trainer)
    pieces.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", 1)]
    )
    pieces.save(str(folder / "tokenizer.json"))
    write_json(
        folder / "tokenizer_config.json", GEMMA_CONFIG | {"tokenizer_class": tokenizer_class}
    )
    size = {"height": shape.image_size, "width": shape.image_size}
    bilinear = PREPROCESSOR | {"size": size, "resample": 2}
    write_json(folder / "preprocessor_config.json", bilinear)
    return folder


def write_json(path: Path, written: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


def make_bundle(folder: Path, shape: Shape, *, precision: str = "float16") -> Bundle:
    """Make a random model and export it as trained ones are."""
    made = make_directory(folder / "directory", shape)
    export(
        made,
        folder / "bundle",
        name="random",
        licences={"weights": "Apache-2.0"},
        training_data="none",
        accuracy={},
        precision=precision,
    )
    return open_bundle(folder / "bundle")


def load_oracle(folder: Path) -> SiglipModel:
    """What transformers makes of a directory, in float32 whatever is stored."""
    return SiglipModel.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()


def load_oracle_tokenizer(path: Path) -> SiglipTokenizer:
    """What transformers makes of a ``spiece.model``."""
    return SiglipTokenizer(vocab_file=str(path))


def _random_model(shape: Shape, seed: int) -> SiglipModel:
    """Random weights, large enough that different inputs have clearly different features."""
    tower = {
        "hidden_size": shape.width,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
    }
    ends = {"pad_token_id": 1, "bos_token_id": 1, "eos_token_id": 1}
    config = SiglipConfig(
        text_config={
            **tower,
            **ends,
            "vocab_size": shape.vocabulary,
            "max_position_embeddings": 64,
            "projection_size": shape.width,
        },
        vision_config={**tower, "image_size": shape.image_size, "patch_size": 16},
    )
    torch.manual_seed(seed)
    model = SiglipModel(config).eval().float()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name.endswith("bias"):
                weights.normal_(std=0.1)
            elif "q_proj" in name or "k_proj" in name:
                weights.mul_(2)
        model.text_model.embeddings.token_embedding.weight.normal_()
        model.text_model.embeddings.position_embedding.weight.normal_(std=0.3)
        model.logit_scale.fill_(4.7)
        model.logit_bias.fill_(-12.0)
    return model


def train_pieces(path: Path) -> None:
    """Train a sentencepiece model the way T5's and SigLIP's were made, on a few sentences."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 20),
        model_writer=written,
        model_type="unigram",
        vocab_size=100,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    path.write_bytes(written.getvalue())


def as_tokenizer(path: Path) -> Tokenizer:
    """The same pieces for the ``tokenizers`` library, as published models carry them."""
    from sentencepiece import sentencepiece_model_pb2 as schema  # noqa: PLC0415 - slow to import

    proto: Any = schema.ModelProto.FromString(path.read_bytes())
    vocabulary = [(piece.piece, piece.score) for piece in proto.pieces]
    pieces = Tokenizer(models.Unigram(vocabulary, unk_id=proto.trainer_spec.unk_id))
    pieces.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    pieces.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    return pieces
