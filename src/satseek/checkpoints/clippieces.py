"""Turns the files of CLIP's byte-pair vocabulary into the ``tokenizers`` library's own object.

Does not know the text tower. Three spellings are read: ``tokenizer.json``, ``vocab.json`` with
``merges.txt``, and open_clip's ``bpe_simple_vocab_16e6.txt.gz``.
"""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

from transformers import CLIPTokenizer

from satseek.checkpoints.policies import TOKENIZER_CONFIG, read_json
from satseek.errors import ModelNotFound, UnreadableCheckpoint
from satseek.model.card import TOKENIZER
from satseek.types import Tokenization

if TYPE_CHECKING:
    from pathlib import Path

    from tokenizers import Tokenizer

    Vocabulary = dict[str, int]
    Merges = list[tuple[str, str]]

BEGIN, END = "<|startoftext|>", "<|endoftext|>"
"""CLIP's special tokens as transformers spells them; open_clip has them at the same ids."""

SIMPLE = "bpe_simple_vocab_16e6.txt.gz"
"""OpenAI's list of merges, part of every installed open_clip."""

_SIMPLE_MERGES = 49_152 - 256 - 2
"""How many of that file's 262,144 merges CLIP uses (open_clip ``tokenizer.py``)."""

_BROKEN = (
    *(OSError, EOFError, zlib.error),
    *(ValueError, LookupError, TypeError, AttributeError),
)
"""What reading something else than a vocabulary raises."""

_VOCABULARY, _MERGES = "vocab.json", "merges.txt"
_CLASSES = frozenset({"CLIPTokenizer", "CLIPTokenizerFast"})


def load_clip_pieces(path: Path) -> Tokenizer:
    """Read a folder, a ``tokenizer.json`` or a list of merges, without padding and truncation.

    Normalises (Unicode NFC, single spaces, lower case) and splits as ``CLIPTokenizer`` does.

    Raises:
        ModelNotFound: there is no such file, or nothing of the kind in the folder.
        UnreadableCheckpoint: a file is none of these, or lacks CLIP's special tokens.
    """
    vocabulary, merges = _read(path)
    lacking = [token for token in (BEGIN, END) if token not in vocabulary]
    if lacking:
        raise UnreadableCheckpoint(
            f"{path}: expected CLIP's byte-pair vocabulary, it lacks {' and '.join(lacking)}"
        )
    kind: Any = CLIPTokenizer
    try:
        pieces: Tokenizer = kind(vocab=vocabulary, merges=merges).backend_tokenizer
    except Exception as error:  # the tokenizers library raises nothing more exact
        raise UnreadableCheckpoint(f"{path}: expected CLIP's vocabulary: {error}") from error
    pieces.no_padding()
    pieces.no_truncation()
    return pieces


def read_clip_tokenization(folder: Path, pieces: Tokenizer) -> Tokenization:
    """Read how a CLIP directory frames its texts: its own special tokens, case kept as written.

    (Lower case is the work of the vocabulary's own normaliser.)

    Raises:
        UnreadableCheckpoint: another class of tokenizer, or a token that is not in the vocabulary.
    """
    path = folder / TOKENIZER_CONFIG
    told = read_json(path)
    kind = str(told.get("tokenizer_class", "CLIPTokenizer"))
    if kind not in _CLASSES or told.get("padding_side", "right") != "right":
        raise UnreadableCheckpoint(f"{path}: expected a CLIPTokenizer that pads behind, got {kind}")
    policy = Tokenization(
        case="kept",
        begin=_token(told, "bos_token", BEGIN),
        end=_token(told, "eos_token", END),
        pad=_token(told, "pad_token", END),
    )
    for token in (policy.begin, policy.end, policy.pad):
        if token is not None and pieces.token_to_id(token) is None:
            raise UnreadableCheckpoint(f"{path}: {token} is not in the tokenizer's vocabulary")
    return policy


def _token(told: dict[str, Any], name: str, default: str) -> str:
    """Give a special token, or what the class has where its file does not say."""
    token = told.get(name) or default
    return str(token.get("content") if isinstance(token, dict) else token)


def _read(path: Path) -> tuple[Vocabulary, Merges]:
    try:
        if path.is_dir():
            return _from_folder(path)
        if path.name.endswith((".txt", ".txt.gz")):
            return _from_simple(path)
        return _from_json(path)
    except FileNotFoundError as error:
        raise ModelNotFound(f"{path}: no such file") from error
    except _BROKEN as error:
        reason = " ".join(str(error).split())
        raise UnreadableCheckpoint(f"{path}: expected CLIP's vocabulary: {reason}") from error


def _from_folder(folder: Path) -> tuple[Vocabulary, Merges]:
    if (folder / TOKENIZER).is_file():
        return _from_json(folder / TOKENIZER)
    if (folder / _VOCABULARY).is_file() and (folder / _MERGES).is_file():
        vocabulary = json.loads((folder / _VOCABULARY).read_text(encoding="utf-8"))
        return vocabulary, _pairs((folder / _MERGES).read_text(encoding="utf-8").splitlines())
    if (folder / SIMPLE).is_file():
        return _from_simple(folder / SIMPLE)
    raise ModelNotFound(
        f"{folder}: expected {TOKENIZER}, or {_VOCABULARY} and {_MERGES}, or {SIMPLE}"
    )


def _from_json(path: Path) -> tuple[Vocabulary, Merges]:
    written = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = dict(written["model"]["vocab"])
    added = {one["content"]: one["id"] for one in written.get("added_tokens", ())}
    merges = [
        (one[0], one[1]) if isinstance(one, list) else _pair(one)
        for one in written["model"]["merges"]
    ]
    return vocabulary | added, merges


def _from_simple(path: Path) -> tuple[Vocabulary, Merges]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    merges = _pairs(text.splitlines()[1:])[:_SIMPLE_MERGES]
    letters = _letters()
    pieces = [*letters, *(f"{one}</w>" for one in letters), *("".join(one) for one in merges)]
    return {piece: at for at, piece in enumerate([*pieces, BEGIN, END])}, merges


def _pairs(lines: list[str]) -> Merges:
    return [_pair(line) for line in lines if line.strip() and not line.startswith("#version")]


def _pair(line: str) -> tuple[str, str]:
    first, second = line.split()
    return first, second


def _letters() -> list[str]:
    """Signs that stand for the 256 bytes, in CLIP's order: printable ones first, as themselves.

    Source: ``bytes_to_unicode`` of GPT-2's byte-level vocabulary, which CLIP's took over.
    """
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1)]
    shown += range(ord("®"), ord("ÿ") + 1)
    hidden = len(set(range(256)) - set(shown))
    return [chr(byte) for byte in shown] + [chr(256 + at) for at in range(hidden)]
