"""Captions become a Unigram tokenizer that canonicalises text as SigLIP's own does.

Knows no tower. Sequences end in ``</s>`` and are padded with it to exactly the context length.
"""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from satseek.checkpoints.pieces import END, PIECES, canonical, framed, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from satseek.types import TokenIds

__all__ = ["END", "PIECES", "encode", "load_tokenizer", "save_tokenizer", "train_tokenizer"]

_SPECIAL = ("<pad>", END, "<unk>")
"""In the order of the published SigLIP vocabulary: ids 0, 1 and 2."""


def train_tokenizer(texts: Iterable[str], *, vocab_size: int, context_length: int) -> Tokenizer:
    """Learn a Unigram vocabulary (Kudo 2018, as sentencepiece does) from captions."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(canonical())
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
    return framed(_settled(tokenizer), context_length)


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
