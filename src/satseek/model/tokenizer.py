"""Turns texts into token ids exactly as SigLIP's own tokenizer does.

Does not know the text tower; knows that it wants every text at one length and no attention mask.
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

import numpy as np
import tokenizers

from satseek.errors import DamagedData, EmptyText, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.model.bundle import Bundle
    from satseek.types import TokenIds

END = "</s>"
"""Ends every text and fills it up: SigLIP pads with its end token (``SiglipTokenizer``)."""

_WORD_MARK = "▁"  # sentencepiece's own sign for a space; a text must not bring it along
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_SPACES = re.compile(r"\s+")


def canonicalise(text: str) -> str:
    """Lower-case, without ASCII punctuation, single spaces, none at the ends.

    Formula: ``SiglipTokenizer.canonicalize_text`` in transformers 5.23, after big_vision's
    ``prompt_engineering.canonicalize_text``. Special tokens written out in a text lose their
    brackets here and are words like others, as with ``split_special_tokens=True`` there.

    Raises:
        InvalidRequest: half a character, as a terminal of another encoding may send.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"expected text, came {text[:80]!r}") from error
    plain = text.replace(_WORD_MARK, " ").lower().translate(_NO_PUNCTUATION)
    return _SPACES.sub(" ", plain).strip()


class Tokenizer:
    """Texts to ids of one model; safe to share between threads."""

    def __init__(self, pieces: tokenizers.Tokenizer, *, context_length: int) -> None:
        """Take over ``pieces``, whose own padding and truncation are switched off.

        Raises:
            DamagedData: the vocabulary has no ``</s>``.
        """
        pieces.no_padding()
        pieces.no_truncation()
        end = pieces.token_to_id(END)
        if end is None:
            raise DamagedData(f"tokenizer: expected {END} in the vocabulary, found none")
        self._pieces = pieces
        self._end = end
        self._context_length = context_length

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Tokenizer:
        """Read the bundle's ``tokenizer.json``.

        Raises:
            DamagedData: the file is not one of the ``tokenizers`` library, or lacks ``</s>``.
        """
        try:
            pieces = tokenizers.Tokenizer.from_file(str(bundle.tokenizer))
        except Exception as error:  # the library raises nothing more exact
            raise DamagedData(f"{bundle.tokenizer}: expected a tokenizer: {error}") from error
        return cls(pieces, context_length=bundle.card.context_length)

    @property
    def context_length(self) -> int:
        """Ids that every text becomes."""
        return self._context_length

    def encode(self, texts: Sequence[str]) -> TokenIds:
        """Ids of each text, cut to ``context_length`` with ``</s>`` last, filled up with ``</s>``.

        Returns:
            int64, shape (len(texts), context_length).

        Raises:
            EmptyText: a text has no word left once canonicalised.
        """
        ids = np.full((len(texts), self._context_length), self._end, dtype=np.int64)
        for row, text in zip(ids, texts, strict=True):
            found = self._ids(text)[: self._context_length - 1]
            row[: len(found)] = found
        return ids

    def _ids(self, text: str) -> list[int]:
        canonical = canonicalise(text)
        ids = self._pieces.encode(canonical, add_special_tokens=False).ids if canonical else []
        if not ids:
            raise EmptyText(f"expected a text with at least one word, got {text[:40]!r}")
        return ids
