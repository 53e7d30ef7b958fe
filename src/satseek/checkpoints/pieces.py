"""Turns a directory's tokenizer files into the ``tokenizers`` library's own object.

Does not know the text tower; `satseek.checkpoints.policies` says how its ids are framed.
"""

from __future__ import annotations

import string
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from satseek.errors import DamagedData, ModelNotFound, UnreadableCheckpoint
from satseek.model.card import TOKENIZER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

END = "</s>"
"""Ends a text and pads it, as in SigLIP."""

PIECES = "spiece.model"
"""Sentencepiece model of a published SigLIP."""


def load_pieces(folder: Path) -> Tokenizer:
    """Load a Hugging Face directory's tokenizer, without padding and truncation.

    ``tokenizer.json`` is what it is where both are there; its ``spiece.model`` is then only
    transformers' way to the same ids.

    Raises:
        ModelNotFound: the directory has neither ``tokenizer.json`` nor ``spiece.model``.
        UnreadableCheckpoint: the file is none.
    """
    path = folder / TOKENIZER
    if path.is_file():
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing more exact
            raise UnreadableCheckpoint(f"{path}: expected a tokenizer: {error}") from error
    elif (folder / PIECES).is_file():
        tokenizer = _from_pieces(folder / PIECES)
    else:
        raise ModelNotFound(f"{folder}: expected {TOKENIZER} or {PIECES} beside config.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def load_tokenizer(folder: Path, *, context_length: int) -> Tokenizer:
    """Load a SigLIP directory's tokenizer, padded with ``</s>`` to the context length.

    Raises:
        ModelNotFound: The directory has neither ``tokenizer.json`` nor ``spiece.model``.
        DamagedData: the file is none, or has no ``</s>``.
    """
    tokenizer = load_pieces(folder)
    end = tokenizer.token_to_id(END)
    if end is None:
        raise DamagedData(f"{folder}: expected {END} in the tokenizer's vocabulary, found none")
    tokenizer.enable_padding(length=context_length, pad_id=end, pad_token=END)
    tokenizer.enable_truncation(context_length)
    return tokenizer


def framed(tokenizer: Tokenizer, context_length: int) -> Tokenizer:
    """Let a tokenizer end, cut and pad every text as SigLIP does."""
    end = tokenizer.token_to_id(END)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, end)]
    )
    tokenizer.enable_truncation(context_length)
    tokenizer.enable_padding(length=context_length, pad_id=end, pad_token=END)
    return tokenizer


def canonical() -> list[normalizers.Normalizer]:
    """Lower case, no punctuation, single spaces: SiglipTokenizer.canonicalize_text."""
    return [
        normalizers.Lowercase(),
        normalizers.Replace(Regex("[" + _escaped(string.punctuation) + "]"), ""),
        normalizers.Replace(Regex(r"\s+"), " "),
        normalizers.Strip(),
    ]


def check_vocabulary(
    pieces: Tokenizer, *, rows: int, source: Path, report: Callable[[str], None]
) -> None:
    """Compare the tokenizer's ids with the rows of the token table.

    Raises:
        UnreadableCheckpoint: an id has no row: they do not belong together.
    """
    largest = max(pieces.get_vocab(with_added_tokens=True).values(), default=-1)
    if largest >= rows:
        raise UnreadableCheckpoint(
            f"{source}: the tokenizer's ids go up to {largest}, the token table has {rows} rows: "
            "they do not belong together"
        )
    if largest + 1 < rows:
        report(f"the token table has {rows} rows, of which the tokenizer uses {largest + 1}")


def _from_pieces(path: Path) -> Tokenizer:
    """Make the tokenizer of a published SigLIP from its ``spiece.model``."""
    # Only such a folder needs the library, whose generated module has no types.
    written: Any = import_module("sentencepiece.sentencepiece_model_pb2").ModelProto()
    try:
        written.ParseFromString(path.read_bytes())
    except Exception as error:  # protobuf's own error has no public base
        raise UnreadableCheckpoint(f"{path}: expected a sentencepiece model, {error}") from error
    if written.trainer_spec.model_type != written.trainer_spec.UNIGRAM:
        raise UnreadableCheckpoint(f"{path}: expected a Unigram model, as SigLIP's is")
    vocabulary = [(one.piece, one.score) for one in written.pieces]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=written.trainer_spec.unk_id))
    if tokenizer.token_to_id(END) is None:
        raise UnreadableCheckpoint(f"{path}: expected {END} among the pieces, found none")
    map_of_characters = written.normalizer_spec.precompiled_charsmap
    tokenizer.normalizer = normalizers.Sequence(
        [
            *canonical(),
            *([normalizers.Precompiled(map_of_characters)] if map_of_characters else []),
            normalizers.Replace(Regex(" +"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, tokenizer.token_to_id(END))]
    )
    return tokenizer


def _escaped(characters: str) -> str:
    return "".join("\\" + character for character in characters)
