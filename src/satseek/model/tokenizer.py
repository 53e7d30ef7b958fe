"""Turns texts into token ids exactly as a model's own tokenizer does, as its card says.

Does not know the text tower; knows that it wants every text at one length and no attention mask.
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

import numpy as np
import tokenizers
from tokenizers import normalizers

from satseek.errors import DamagedData, EmptyText, InvalidRequest
from satseek.types import Tokenization

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.model.bundle import Bundle
    from satseek.types import TokenIds

SIGLIP = Tokenization()
"""What SigLIP was trained with (transformers, ``SiglipTokenizer``)."""

END = SIGLIP.end
"""Ends every text of a SigLIP and fills it up: SigLIP pads with its end token."""

_WORD_MARK = "▁"  # sentencepiece's own sign for a space; a text must not bring it along
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_SPACES = re.compile(r"\s+")
_UNKNOWN = frozenset({"<unk>", "[UNK]", "<|unk|>"})
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")  # as sentencepiece writes what it has no letters for
_LOWER = normalizers.Lowercase()  # not str.lower: that looks at neighbours ("Σ" at a word's end)


def canonicalise(text: str) -> str:
    """Lower-case, without ASCII punctuation, single spaces, none at the ends.

    Formula: ``SiglipTokenizer.canonicalize_text`` in transformers 5.23, after big_vision's
    ``prompt_engineering.canonicalize_text``. Special tokens written out in a text lose their
    brackets here and are words like others, as with ``split_special_tokens=True`` there.

    Raises:
        InvalidRequest: half a character, as a terminal of another encoding may send.
    """
    plain = _whole(text).replace(_WORD_MARK, " ").lower().translate(_NO_PUNCTUATION)
    return _SPACES.sub(" ", plain).strip()


class Tokenizer:
    """Texts to ids of one model; safe to share between threads."""

    def __init__(
        self,
        pieces: tokenizers.Tokenizer,
        *,
        context_length: int,
        tokenization: Tokenization = SIGLIP,
    ) -> None:
        """Take over ``pieces``, whose own padding and truncation are switched off.

        Raises:
            DamagedData: the vocabulary lacks one of the tokens that the policy names.
        """
        pieces.no_padding()
        pieces.no_truncation()
        # A special token written out in a text is words, not a command to the text tower.
        pieces.encode_special_tokens = True
        self._pieces = pieces
        self._case = tokenization.case
        self._begin = [] if tokenization.begin is None else [_id(pieces, tokenization.begin)]
        self._end = _id(pieces, tokenization.end)
        self._pad = _id(pieces, tokenization.pad)
        self._context_length = context_length

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Tokenizer:
        """Read the bundle's ``tokenizer.json``.

        Raises:
            DamagedData: the file is not one of the ``tokenizers`` library, or lacks a token.
        """
        try:
            pieces = tokenizers.Tokenizer.from_file(str(bundle.tokenizer))
        except Exception as error:  # the library raises nothing more exact
            raise DamagedData(f"{bundle.tokenizer}: expected a tokenizer: {error}") from error
        card = bundle.card
        return cls(pieces, context_length=card.context_length, tokenization=card.tokenization)

    @property
    def context_length(self) -> int:
        """Ids that every text becomes."""
        return self._context_length

    @property
    def vocabulary(self) -> int:
        """Number of tokens: every id is below it."""
        return int(self._pieces.get_vocab_size(with_added_tokens=True))

    def count(self, text: str) -> int:
        """Tokens of a text that the text tower reads, begin and end included, padding not.

        Raises:
            EmptyText, InvalidRequest: as ``encode``.
        """
        return min(len(self._begin) + len(self._ids(text)) + 1, self._context_length)

    def canonical(self, text: str) -> str:
        """Give the text as the vocabulary sees it: two texts alike in this become the same ids.

        Empty where it has no word.

        Raises:
            InvalidRequest: half a character, as a terminal of another encoding may send.
        """
        if self._case == "canonical":
            return canonicalise(text)
        whole = _whole(text)
        if not whole.strip():
            return ""
        return _LOWER.normalize_str(whole) if self._case == "lower" else whole

    def encode(self, texts: Sequence[str]) -> TokenIds:
        """Ids of each text: begin token if any, words, end token, filled up with the pad token.

        A text that is too long is cut so that its end token stays. Every row depends on its text
        alone.

        Returns:
            int64, shape (len(texts), context_length).

        Raises:
            EmptyText: a text has no word left once canonicalised.
            InvalidRequest: half a character, as a terminal of another encoding may send.
        """
        ids = np.full((len(texts), self._context_length), self._pad, dtype=np.int64)
        words = self._context_length - len(self._begin) - 1
        for row, text in zip(ids, texts, strict=True):
            found = [*self._begin, *self._ids(text)[:words], self._end]
            row[: len(found)] = found
        return ids

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Share of tokens that are no letters to this vocabulary: unknown ones, and bare bytes.

        0–1 over all texts together, marks of spaces not counted; 1 where they hold no word.
        """
        ids = [one for text in texts for one in self._plain_ids(text)]
        if not ids:
            return 1.0
        written = [self._pieces.id_to_token(one) or "" for one in ids]
        wholes = self._pieces.decode_batch([[one] for one in ids], skip_special_tokens=False)
        missed = [
            token in _UNKNOWN or "\ufffd" in whole or bool(_BYTE.fullmatch(token))
            for token, whole in zip(written, wholes, strict=True)
        ]
        counted = [
            one or bool(whole.strip(f" {_WORD_MARK}"))
            for one, whole in zip(missed, wholes, strict=True)
        ]
        return sum(missed) / max(sum(counted), 1)

    def _plain_ids(self, text: str) -> list[int]:
        written = self.canonical(text)
        return self._pieces.encode(written, add_special_tokens=False).ids if written else []

    def _ids(self, text: str) -> list[int]:
        ids = self._plain_ids(text)
        if not ids:
            raise EmptyText(f"expected a text with at least one word, got {text[:40]!r}")
        return ids


def _whole(text: str) -> str:
    """Refuse half a character."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"expected text, came {text[:80]!r}") from error
    return text


def _id(pieces: tokenizers.Tokenizer, token: str) -> int:
    found = pieces.token_to_id(token)
    if found is None:
        raise DamagedData(f"tokenizer: expected {token} in the vocabulary, found none")
    return int(found)
