"""Captions become a Unigram tokenizer that canonicalises text as SigLIP's own does.

Knows no tower. Sequences end in ``</s>`` and are padded with it to exactly the context length.
"""

from __future__ import annotations

import json
import string
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from satseek.errors import DamagedData, ModelNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from satseek.types import TokenIds

END = "</s>"
"""Ends a text and pads it, as in SigLIP."""

PIECES = "spiece.model"
"""Sentencepiece model of a published SigLIP."""

_SPECIAL = ("<pad>", END, "<unk>")
"""In the order of the published SigLIP vocabulary: ids 0, 1 and 2."""


def train_tokenizer(texts: Iterable[str], *, vocab_size: int, context_length: int) -> Tokenizer:
    """Learn a Unigram vocabulary (Kudo 2018, as sentencepiece does) from captions."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(_canonical())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.train_from_iterator(
        texts,
        trainers.UnigramTrainer(
            vocab_size=vocab_size,
            special_tokens=list(_SPECIAL),
            unk_token=_SPECIAL[2],
            initial_alphabet=list(string.ascii_lowercase + string.digits),
            show_progress=False,
        ),
    )
    return _framed(_settled(tokenizer), context_length)


def pieces_tokenizer(path: Path, *, context_length: int) -> Tokenizer:
    """Make the tokenizer of a published SigLIP from its ``spiece.model``.

    Raises:
        DamagedData: The file is no sentencepiece Unigram model.
    """
    # Only such a folder needs the library, whose generated module has no types.
    written: Any = import_module("sentencepiece.sentencepiece_model_pb2").ModelProto()
    try:
        written.ParseFromString(path.read_bytes())
    except Exception as error:  # protobuf's own error has no public base
        raise DamagedData(f"{path}: expected a sentencepiece model, {error}") from error
    if written.trainer_spec.model_type != written.trainer_spec.UNIGRAM:
        raise DamagedData(f"{path}: expected a Unigram model, as SigLIP's is")
    vocabulary = [(one.piece, one.score) for one in written.pieces]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=written.trainer_spec.unk_id))
    map_of_characters = written.normalizer_spec.precompiled_charsmap
    tokenizer.normalizer = normalizers.Sequence(
        [
            *_canonical(),
            *([normalizers.Precompiled(map_of_characters)] if map_of_characters else []),
            normalizers.Replace(Regex(" +"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    return _framed(tokenizer, context_length)


def load_tokenizer(folder: Path, *, context_length: int) -> Tokenizer:
    """Load a Hugging Face directory's tokenizer, padded to the context length.

    Raises:
        ModelNotFound: The directory has neither ``tokenizer.json`` nor ``spiece.model``.
    """
    path = folder / "tokenizer.json"
    if not path.is_file() and (folder / PIECES).is_file():
        return pieces_tokenizer(folder / PIECES, context_length=context_length)
    if not path.is_file():
        raise ModelNotFound(f"{path}: no such file, expected the tokenizer of the model")
    tokenizer = Tokenizer.from_file(str(path))
    end = tokenizer.token_to_id(END)
    tokenizer.enable_padding(length=context_length, pad_id=end, pad_token=END)
    tokenizer.enable_truncation(context_length)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path, *, context_length: int) -> None:
    """Write the files from which ``transformers.AutoTokenizer`` gives the same ids.

    ``padding="max_length"`` has to be asked for there, as with every SigLIP tokenizer.
    """
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "model_max_length": context_length,
                "pad_token": END,
                "eos_token": END,
                "unk_token": "<unk>",
                "padding_side": "right",
                "clean_up_tokenization_spaces": False,
                "model_input_names": ["input_ids"],
            },
            indent=2,
        )
        + "\n",
        encoding="utf-8",
    )


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> TokenIds:
    """Texts → int64 (n, context_length)."""
    return np.array([one.ids for one in tokenizer.encode_batch(list(texts))], np.int64)


def _settled(tokenizer: Tokenizer) -> Tokenizer:
    """Give pieces ids by the alphabet: the trainer's own order differs from run to run."""
    pieces = [(piece, score) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]]
    special, rest = pieces[: len(_SPECIAL)], sorted(pieces[len(_SPECIAL) :])
    # Scores differ by 1e-4 from run to run, because threads add them up in another order.
    vocabulary = [(piece, round(score, 2)) for piece, score in (*special, *rest)]
    tokenizer.model = models.Unigram(vocabulary, unk_id=_SPECIAL.index("<unk>"))
    return tokenizer


def _framed(tokenizer: Tokenizer, context_length: int) -> Tokenizer:
    end = tokenizer.token_to_id(END)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, end)]
    )
    tokenizer.enable_truncation(context_length)
    tokenizer.enable_padding(length=context_length, pad_id=end, pad_token=END)
    return tokenizer


def _canonical() -> list[normalizers.Normalizer]:
    """Lower case, no punctuation, single spaces: SiglipTokenizer.canonicalize_text."""
    return [
        normalizers.Lowercase(),
        normalizers.Replace(Regex("[" + _escaped(string.punctuation) + "]"), ""),
        normalizers.Replace(Regex(r"\s+"), " "),
        normalizers.Strip(),
    ]


def _escaped(characters: str) -> str:
    return "".join("\\" + character for character in characters)
