from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sentencepiece
from transformers import AutoTokenizer, SiglipTokenizer

from satseek.errors import DamagedData, ModelNotFound
from satseek.model.tokenizer import canonicalise
from satseek.train.captioning import every_phrase
from satseek.train.tokenizing import (
    END,
    encode,
    load_tokenizer,
    save_tokenizer,
    train_tokenizer,
)

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = [
    "Ships in a Harbour, at NOON!",
    "  storage\ttanks\n in an (industrial) area ",
    "a solar-farm's rows; 12 of them",
    "x" * 200,
    "öffentlicher Hafen 港口",
]


def test_ids_are_those_of_transformers(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(every_phrase(), vocab_size=400, context_length=64)
    save_tokenizer(tokenizer, tmp_path, context_length=64)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    expected = theirs(TEXTS, padding="max_length", truncation=True)["input_ids"]
    assert expected == encode(tokenizer, TEXTS).tolist()
    assert expected == encode(load_tokenizer(tmp_path, context_length=64), TEXTS).tolist()


def test_reads_the_sentencepiece_model_of_a_published_siglip(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(every_phrase()), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "texts.txt"),
        model_prefix=str(tmp_path / "spiece"),
        vocab_size=160,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    theirs = SiglipTokenizer(str(tmp_path / "spiece.model"))
    expected = theirs(TEXTS, padding="max_length", truncation=True)["input_ids"]
    ours = load_tokenizer(tmp_path, context_length=64)
    assert expected == encode(ours, TEXTS).tolist()


def test_refuses_what_is_no_sentencepiece_model(tmp_path: Path) -> None:
    (tmp_path / "spiece.model").write_bytes(b"no model")
    with pytest.raises(DamagedData, match=r"spiece\.model"):
        load_tokenizer(tmp_path, context_length=64)


@pytest.mark.parametrize("text", TEXTS)
def test_canonicalises_as_siglip_does(text: str) -> None:
    tokenizer = train_tokenizer(every_phrase(), vocab_size=400, context_length=64)
    assert encode(tokenizer, [canonicalise(text)]).tolist() == encode(tokenizer, [text]).tolist()


def test_pads_with_the_end_to_the_context_length() -> None:
    tokenizer = train_tokenizer(every_phrase(), vocab_size=400, context_length=64)
    ids = encode(tokenizer, ["a river", "x" * 200])
    end = tokenizer.token_to_id(END)
    assert ids.shape == (2, 64)
    assert end == 1
    assert [end] * 50 == ids[0, 14:].tolist()
    assert end == ids[1, -1]


def test_gives_pieces_the_same_ids_in_every_run() -> None:
    one, two = (train_tokenizer(every_phrase(), vocab_size=300, context_length=64) for _ in "ab")
    assert one.get_vocab() == two.get_vocab()


def test_refuses_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path, context_length=64)
