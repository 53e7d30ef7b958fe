"""Turns the configs of a CLIP's towers into its weights: their names, shapes and open_clip's names.

Knows no file: one table serves what is read, what is expected and what is converted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Values = NDArray[np.float32]
    Config = Mapping[str, Any]

SCALE = "logit_scale"
"""The one weight that is in neither tower; the same name in both spellings."""

_PARTS = ("q", "k", "v")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """One weight of a CLIP in both spellings."""

    name: str
    """In transformers' ``CLIPModel``."""
    shape: tuple[int, ...]
    """There."""
    fused: str
    """In open_clip's ``CLIP``."""
    third: int | None = None
    """Which third of open_clip's rows (queries, keys, values); None: all of them."""
    turned: bool = False
    """Whether open_clip holds it transposed, as a matrix that is multiplied from the right."""

    @property
    def fused_shape(self) -> tuple[int, ...]:
        """Shape in open_clip."""
        if self.turned:
            return self.shape[::-1]
        return self.shape if self.third is None else (3 * self.shape[0], *self.shape[1:])

    def taken(self, values: Values) -> Values:
        """Take this weight out of open_clip's."""
        if self.third is not None:
            rows = self.shape[0]
            values = values[self.third * rows : (self.third + 1) * rows]
        return np.ascontiguousarray(values.T if self.turned else values)


class LazyWeights(Mapping[str, "Values"]):
    """Weights by name, each read anew at every look-up."""

    def __init__(
        self,
        readers: Mapping[str, Callable[[], Values]],
        shapes: Mapping[str, tuple[int, ...]],
    ) -> None:
        """Take what reads each weight, and the shape of each."""
        self._readers = dict(readers)
        self._shapes = {name: shapes[name] for name in readers}

    def __getitem__(self, name: str) -> Values:
        """Read one weight."""
        return self._readers[name]()

    def __iter__(self) -> Iterator[str]:
        """Names in the order given."""
        return iter(self._readers)

    def __len__(self) -> int:
        """Count the weights."""
        return len(self._readers)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every weight, without reading any."""
        return dict(self._shapes)


def clip_weights(vision: Config, text: Config) -> list[Weight]:
    """Every weight that a CLIP of these configs has, ``logit_scale`` with shape () last."""
    return [*_vision(vision), *_text(text), Weight(name=SCALE, shape=(), fused=SCALE)]


def own_shapes(weights: Iterable[Weight]) -> dict[str, tuple[int, ...]]:
    """Names and shapes as transformers' directories hold them."""
    return {one.name: one.shape for one in weights}


def fused_shapes(weights: Iterable[Weight]) -> dict[str, tuple[int, ...]]:
    """Names and shapes as open_clip's files hold them."""
    return {one.fused: one.fused_shape for one in weights}


def _vision(config: Config) -> Iterator[Weight]:
    width, patch = config["hidden_size"], config["patch_size"]
    places = (config["image_size"] // patch) ** 2 + 1
    name = "vision_model.embeddings"
    yield Weight(name=f"{name}.class_embedding", shape=(width,), fused="visual.class_embedding")
    yield Weight(
        name=f"{name}.patch_embedding.weight",
        shape=(width, config["num_channels"], patch, patch),
        fused="visual.conv1.weight",
    )
    yield Weight(
        name=f"{name}.position_embedding.weight",
        shape=(places, width),
        fused="visual.positional_embedding",
    )
    yield from _norm("vision_model.pre_layrnorm", "visual.ln_pre", width)
    yield from _layers("vision_model", "visual.transformer", config)
    yield from _norm("vision_model.post_layernorm", "visual.ln_post", width)
    shape = (config["projection_dim"], width)
    yield Weight(name="visual_projection.weight", shape=shape, fused="visual.proj", turned=True)


def _text(config: Config) -> Iterator[Weight]:
    width, name = config["hidden_size"], "text_model.embeddings"
    yield Weight(
        name=f"{name}.token_embedding.weight",
        shape=(config["vocab_size"], width),
        fused="token_embedding.weight",
    )
    yield Weight(
        name=f"{name}.position_embedding.weight",
        shape=(config["max_position_embeddings"], width),
        fused="positional_embedding",
    )
    yield from _layers("text_model", "transformer", config)
    yield from _norm("text_model.final_layer_norm", "ln_final", width)
    shape = (config["projection_dim"], width)
    yield Weight(name="text_projection.weight", shape=shape, fused="text_projection", turned=True)


def _layers(tower: str, fused: str, config: Config) -> Iterator[Weight]:
    width, wide = config["hidden_size"], config["intermediate_size"]
    for i in range(config["num_hidden_layers"]):
        name, block = f"{tower}.encoder.layers.{i}", f"{fused}.resblocks.{i}"
        yield from _norm(f"{name}.layer_norm1", f"{block}.ln_1", width)
        yield from _norm(f"{name}.layer_norm2", f"{block}.ln_2", width)
        for third, part in enumerate(_PARTS):
            for kind, shape in (("weight", (width, width)), ("bias", (width,))):
                yield Weight(
                    name=f"{name}.self_attn.{part}_proj.{kind}",
                    shape=shape,
                    fused=f"{block}.attn.in_proj_{kind}",
                    third=third,
                )
        yield from _linear(f"{name}.self_attn.out_proj", f"{block}.attn.out_proj", width, width)
        yield from _linear(f"{name}.mlp.fc1", f"{block}.mlp.c_fc", width, wide)
        yield from _linear(f"{name}.mlp.fc2", f"{block}.mlp.c_proj", wide, width)


def _linear(name: str, fused: str, taken: int, given: int) -> Iterator[Weight]:
    yield Weight(name=f"{name}.weight", shape=(given, taken), fused=f"{fused}.weight")
    yield Weight(name=f"{name}.bias", shape=(given,), fused=f"{fused}.bias")


def _norm(name: str, fused: str, width: int) -> Iterator[Weight]:
    for kind in ("weight", "bias"):
        yield Weight(name=f"{name}.{kind}", shape=(width,), fused=f"{fused}.{kind}")
