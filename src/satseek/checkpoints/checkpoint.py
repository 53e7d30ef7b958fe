"""What every kind of checkpoint is read into, whatever files it came in.

Knows no file format: each reader fills one in, and one importer turns it into a bundle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import tokenizers
    from numpy.typing import NDArray

    from satseek.types import Features, Pixels, Preprocessing, Tensor, TokenIds, Tokenization


class TowerMaker(Protocol):
    """Writes the ONNX graph of one tower, such as `satseek.checkpoints.graphing.image_tower`."""

    def __call__(
        self, weights: Mapping[str, NDArray[Any]], config: Mapping[str, Any], /, *, half: bool
    ) -> Any:
        """Named weights and the tower's config → ``onnx.ModelProto``; half: stored as float16."""


class Oracle(Protocol):
    """The same checkpoint as the library it was made for runs it, in float32."""

    logit_scale: float
    """Natural logarithm of the factor on the cosine, as that library holds it."""
    logit_bias: float
    """Added to the scaled cosine; 0 where the family has none."""

    def weights(self) -> Mapping[str, NDArray[np.float32]]:
        """Every parameter as it computes with it, by its name in ``model.safetensors``."""

    def tensors(self, images: Sequence[Pixels]) -> Tensor:
        """Images, through that library's own preprocessing, → float32 (n, 3, size, size)."""

    def image_features(self, tensors: Tensor) -> Features:
        """Preprocessed images → float32 (n, dim)."""

    def token_ids(self, texts: Sequence[str]) -> TokenIds:
        """Texts → int64 (n, context_length), padded to the context length."""

    def text_features(self, ids: TokenIds) -> Features:
        """Ids → float32 (n, dim), run the way in which the family was trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Everything of a checkpoint that decides a vector or a score."""

    family: Literal["siglip", "clip"]
    """Architecture, as on the card."""
    vision: Mapping[str, Any]
    """Config of the image tower under transformers' names, every default filled in."""
    text: Mapping[str, Any]
    """Config of the text tower, likewise."""
    config: Mapping[str, Any]
    """The whole ``config.json`` that transformers reads."""
    weights: Mapping[str, NDArray[np.float32]]
    """By transformers' parameter names, without ``logit_scale`` and ``logit_bias``; may be read
    from disk at each look-up, so look each up once."""
    image_tower: TowerMaker
    """Writes the image tower's graph."""
    text_tower: TowerMaker
    """Writes the text tower's graph."""
    oracle: Callable[[], Oracle]
    """Opens the same checkpoint in the library it was made for; costs its memory when called."""
    logit_scale: float
    """Natural logarithm of the factor on the cosine."""
    logit_bias: float
    """Added to the scaled cosine; 0 for CLIP."""
    score_head: Literal["sigmoid", "softmax"]
    """What the logits were trained under."""
    preprocessing: Preprocessing
    """How pixels become the tensor."""
    tokenization: Tokenization
    """How words become ids."""
    context_length: int
    """Tokens that the text tower takes."""
    image_size: int
    """Edge in pixels of the square that the image tower takes."""
    dim: int
    """Length of a vector."""
    tokenizer: tokenizers.Tokenizer
    """Pieces, without padding and truncation of its own."""
    licences: Mapping[str, str] = field(default_factory=dict)
    """Licence by part: ``weights``, ``training data``; only what the checkpoint states."""
    source: Mapping[str, str] = field(default_factory=dict)
    """``digest``: SHA-256 of the weight files; the importer adds kind, id and revision."""
