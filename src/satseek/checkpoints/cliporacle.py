"""Turns a CLIP into what transformers makes of it, to be compared with.

Does not know satseek's own towers, tokenizer or preprocessing, and uses none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.types import Features, Pixels, Tensor, TokenIds


class ClipOracle:
    """A ``CLIPModel`` as transformers runs it: eager attention, float32."""

    logit_bias = 0.0

    def __init__(self, *, model: Any, tokenizer: Any, processor: Any) -> None:
        """Take what transformers loaded."""
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._processor = processor
        self._context = model.config.text_config.max_position_embeddings
        self.logit_scale = float(model.logit_scale.detach().reshape(()))

    @classmethod
    def of_folder(cls, folder: Path) -> ClipOracle:
        """Load a Hugging Face directory."""
        model: Any = CLIPModel
        words: Any = CLIPTokenizer
        pixels: Any = CLIPImageProcessorPil
        return cls(
            model=model.from_pretrained(
                folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True
            ),
            tokenizer=words.from_pretrained(folder, local_files_only=True),
            processor=pixels.from_pretrained(folder, local_files_only=True),
        )

    def weights(self) -> Mapping[str, NDArray[np.float32]]:
        """Weights as the library holds them, by its names."""
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
        """Texts → int64 (n, context_length).

        Special tokens in a text are words: where "!" fills texts up, a text's own "!" is none.
        """
        taken = self._tokenizer(
            list(texts),
            padding="max_length",
            truncation=True,
            max_length=self._context,
            split_special_tokens=True,
        )
        return np.array(taken["input_ids"], np.int64)

    def text_features(self, ids: TokenIds) -> Features:
        """Ids → float32 (n, dim); the tower is causal, so that padding needs no mask."""
        with torch.no_grad():
            found = self._model.get_text_features(input_ids=torch.from_numpy(ids))
        features: Features = found.pooler_output.numpy()
        return features
