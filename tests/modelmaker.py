"""Makes small SigLIP models with random weights, and bundles of them, for tests.

Knows torch and transformers, so a test that uses it skips where they are missing.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import SiglipConfig, SiglipModel

from satseek.model.bundle import Bundle, open_bundle
from satseek.model.card import IMAGE_TOWER, TEXT_TOWER, TOKENIZER, content_version, write_card
from satseek.types import ModelCard

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

TINY = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
"""Both towers: small enough that a whole golden run takes seconds."""


def make_model(
    *,
    vocabulary: int,
    image_size: int = 64,
    tower: Mapping[str, int] = TINY,
    heads: int = 4,
    seed: int = 0,
) -> SiglipModel:
    """A float32 model whose random weights are large enough that inputs change its features."""
    config = SiglipConfig(
        text_config={
            **tower,
            "num_attention_heads": heads,
            "vocab_size": vocabulary,
            "max_position_embeddings": 64,
            "projection_size": tower["hidden_size"],
            "pad_token_id": 1,
            "bos_token_id": 1,
            "eos_token_id": 1,
        },
        vision_config={
            **tower,
            "num_attention_heads": heads,
            "image_size": image_size,
            "patch_size": 16,
        },
    )
    torch.manual_seed(seed)
    model = SiglipModel(config).eval().float()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name.endswith("bias"):
                weights.normal_(std=0.1)
        model.logit_scale.fill_(4.7)
        model.logit_bias.fill_(-12.0)
    return model


def make_tokenizer(path: Path, *, vocabulary: int = 400) -> Tokenizer:
    """A Unigram tokenizer trained on the spot, saved as ``tokenizer.json``; ``</s>`` has id 1."""
    pieces = Tokenizer(models.Unigram())
    pieces.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocabulary,
        special_tokens=["<pad>", "</s>", "<unk>"],
        unk_token="<unk>",
        show_progress=False,
    )
    pieces.train_from_iterator(CORPUS * 20, trainer)
    pieces.save(str(path))
    return pieces


def make_bundle(folder: Path, model: SiglipModel, *, pieces: Tokenizer, halves: bool) -> Bundle:
    """Export both towers beside their tokenizer and card.

    Args:
        folder: where to write; made if missing.
        model: what to export.
        pieces: its tokenizer.
        halves: store the weights as float16 behind Casts, as shipped bundles do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    size = model.config.vision_config.image_size
    length = model.config.text_config.max_position_embeddings
    export_tower(_Images(model), torch.zeros(2, 3, size, size), folder / IMAGE_TOWER)
    export_tower(_Texts(model), torch.ones(2, length, dtype=torch.long), folder / TEXT_TOWER)
    if halves:
        halve(folder / IMAGE_TOWER)
        halve(folder / TEXT_TOWER)
    pieces.save(str(folder / TOKENIZER))
    card = ModelCard(
        name="random",
        version=content_version(folder),
        dim=model.config.vision_config.hidden_size,
        image_size=size,
        context_length=length,
        logit_scale=float(model.logit_scale.detach()),
        logit_bias=float(model.logit_bias.detach()),
        precision="float16" if halves else "float32",
    )
    write_card(card, folder)
    return open_bundle(folder)


class _Images(torch.nn.Module):
    def __init__(self, model: SiglipModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self.model.get_image_features(pixel_values=pixel_values).pooler_output


class _Texts(torch.nn.Module):
    def __init__(self, model: SiglipModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.model.get_text_features(input_ids=input_ids).pooler_output


def export_tower(tower: torch.nn.Module, example: torch.Tensor, path: Path) -> None:
    entry = "pixel_values" if example.is_floating_point() else "input_ids"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter announces its successor
        torch.onnx.export(
            tower,
            (example,),
            str(path),
            input_names=[entry],
            output_names=["features"],
            dynamic_axes={entry: {0: "n"}, "features": {0: "n"}},
            opset_version=17,
            dynamo=False,
        )


def halve(path: Path) -> None:
    """Store large weights as float16, each behind a Cast to float32."""
    proto: Any = onnx.load(str(path))
    casts = []
    for weights in proto.graph.initializer:
        values = numpy_helper.to_array(weights)
        if weights.data_type != TensorProto.FLOAT or values.size < 64:
            continue
        name = weights.name
        half = numpy_helper.from_array(values.astype(np.float16), name=f"{name}.half")
        weights.CopyFrom(half)
        casts.append(helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    onnx.save(proto, str(path))
