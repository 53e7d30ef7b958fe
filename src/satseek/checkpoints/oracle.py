"""Turns a SigLIP directory into what transformers makes of it, to be compared with.

Does not know satseek's own towers, tokenizer or preprocessing, and uses none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    PreTrainedTokenizerFast,
    SiglipModel,
    SiglipTokenizer,
)
from transformers.models.siglip2.tokenization_siglip2 import Siglip2Tokenizer

from satseek.checkpoints.pieces import PIECES
from satseek.errors import UnreadableCheckpoint
from satseek.model.card import TOKENIZER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.types import Features, Pixels, Tensor, TokenIds, Tokenization


class SiglipOracle:
    """The directory as transformers runs it: eager attention, float32, no attention mask."""

    def __init__(self, folder: Path, tokenization: Tokenization) -> None:
        """Load model, tokenizer and image processor."""
        kind: Any = SiglipModel
        self._model = kind.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True
        ).eval()
        self._tokenizer = _words(folder, tokenization)
        self._processor = _pixels(folder)
        self._context = self._model.config.text_config.max_position_embeddings
        self.logit_scale = float(self._model.logit_scale.detach().reshape(()))
        self.logit_bias = float(self._model.logit_bias.detach().reshape(()))

    def weights(self) -> Mapping[str, NDArray[np.float32]]:
        """Every parameter, by name; not copied."""
        return {name: one.detach().numpy() for name, one in self._model.named_parameters()}

    def tensors(self, images: Sequence[Pixels]) -> Tensor:
        """Images → float32 (n, 3, size, size)."""
        taken = self._processor(list(images), input_data_format="channels_last")
        return np.stack([np.asarray(one, np.float32) for one in taken["pixel_values"]])

    def image_features(self, tensors: Tensor) -> Features:
        """Preprocessed images → float32 (n, dim)."""
        with torch.no_grad():
            found = self._model.get_image_features(pixel_values=torch.from_numpy(tensors))
        features: Features = found.pooler_output.numpy()
        return features

    def token_ids(self, texts: Sequence[str]) -> TokenIds:
        """Texts → int64 (n, context_length)."""
        taken = self._tokenizer(
            list(texts), padding="max_length", truncation=True, max_length=self._context
        )
        return np.array(taken["input_ids"], np.int64)

    def text_features(self, ids: TokenIds) -> Features:
        """Ids → float32 (n, dim), without attention mask, as SigLIP was trained."""
        with torch.no_grad():
            found = self._model.get_text_features(input_ids=torch.from_numpy(ids))
        features: Features = found.pooler_output.numpy()
        return features


class _CanonicalWords:
    """A ``tokenizer.json`` under the ways of ``SiglipTokenizer``, which itself opens none.

    transformers 5 reads that class from ``spiece.model`` alone. Text is canonicalised by the
    class's own code, and ended and padded as it does.
    """

    def __init__(self, folder: Path, tokenization: Tokenization) -> None:
        kind: Any = SiglipTokenizer
        words: Any = PreTrainedTokenizerFast
        self._ways = kind.__new__(kind)  # its pieces are not asked
        self._ways.do_lower_case = True
        self._pieces = words(tokenizer_file=str(folder / TOKENIZER))
        self._end, self._pad = self._pieces.convert_tokens_to_ids(
            [tokenization.end, tokenization.pad]
        )

    def __call__(self, texts: list[str], *, max_length: int, **_fixed: Any) -> dict[str, Any]:
        plain = [self._ways.canonicalize_text(text) for text in texts]
        found = self._pieces(plain, add_special_tokens=False, verbose=False)["input_ids"]
        ended = [[*ids[: max_length - 1], self._end] for ids in found]
        return {"input_ids": [ids + [self._pad] * (max_length - len(ids)) for ids in ended]}


def _words(folder: Path, tokenization: Tokenization) -> Any:
    if tokenization.case == "canonical" and not (folder / PIECES).is_file():
        return _CanonicalWords(folder, tokenization)
    # Published SigLIP 2 directories name Gemma's class, which keeps capital letters.
    words: Any = Siglip2Tokenizer if tokenization.case == "lower" else AutoTokenizer
    # False, not unset: unset, transformers asks at the terminal whether to run the folder's code.
    return _opened(words, folder, trust_remote_code=False)


def _pixels(folder: Path) -> Any:
    return _opened(AutoImageProcessor, folder, backend="pil", trust_remote_code=False)


def _opened(kind: Any, folder: Path, **how: Any) -> Any:
    try:
        return kind.from_pretrained(folder, local_files_only=True, **how)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnreadableCheckpoint(
            f"{folder}: transformers' {kind.__name__} does not open it: {reason}"
        ) from error
