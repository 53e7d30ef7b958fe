"""Turns a SigLIP directory into what transformers makes of it, to be compared with.

Does not know satseek's own towers, tokenizer or preprocessing, and uses none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import AutoImageProcessor, AutoTokenizer, SiglipModel
from transformers.models.siglip2.tokenization_siglip2 import Siglip2Tokenizer

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
        # Published SigLIP 2 directories name Gemma's class, which keeps capital letters.
        words: Any = Siglip2Tokenizer if tokenization.case == "lower" else AutoTokenizer
        self._tokenizer = words.from_pretrained(folder, local_files_only=True)
        pixels: Any = AutoImageProcessor
        self._processor = pixels.from_pretrained(folder, backend="pil", local_files_only=True)
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
