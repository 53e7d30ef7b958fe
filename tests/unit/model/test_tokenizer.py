from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tokenizers import Tokenizer as Pieces
from tokenizers import models, pre_tokenizers
from towers import CARD, make_pieces, make_tokenizer

from satseek.errors import DamagedData, EmptyText, InvalidRequest
from satseek.model.bundle import Bundle
from satseek.model.tokenizer import Tokenizer, canonicalise
from satseek.types import Tokenization

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("River", "river"),
        ("a river, a bridge.", "a river a bridge"),
        ("  a \t river\n", "a river"),
        ("sea-side (harbour)", "seaside harbour"),
        ("river!!!", "river"),
        ("{}", ""),
        ("</s> river", "s river"),
        ("▁river▁bank", "river bank"),
        ("Überschwemmung – Fluß", "überschwemmung – fluß"),
        ("机场 跑道", "机场 跑道"),
        ("a\u00a0b\u2003c", "a b c"),
    ],
)
def test_canonical_texts(text: str, expected: str) -> None:
    assert expected == canonicalise(text)


def test_every_text_fills_the_context_with_the_end_token() -> None:
    ids = make_tokenizer().encode(["river", "a satellite image of a river"])
    assert ids.shape == (2, 64)
    assert ids.dtype == "int64"
    assert {1} == set(ids[:, -1].tolist())
    assert (ids[0] == 1).sum() > (ids[1] == 1).sum() > 1


def test_a_long_text_is_cut_and_still_ended() -> None:
    ids = make_tokenizer().encode(["river " * 500])
    assert ids.shape == (1, 64)
    assert ids[0, -1] == 1
    assert 1 not in ids[0, :-1]


def test_a_text_does_not_depend_on_its_neighbours() -> None:
    tokenizer = make_tokenizer()
    alone = tokenizer.encode(["a forest"])
    assert alone[0].tolist() == tokenizer.encode(["river " * 90, "a forest"])[1].tolist()


def test_no_texts_are_no_rows() -> None:
    assert make_tokenizer().encode([]).shape == (0, 64)


@pytest.mark.parametrize("text", ["", "   ", "?!", "▁", "\t\n"])
def test_a_text_without_a_word_is_refused(text: str) -> None:
    with pytest.raises(EmptyText, match="at least one word"):
        make_tokenizer().encode(["river", text])


def test_padding_and_truncation_of_the_file_are_ignored(tmp_path: Path) -> None:
    pieces = make_pieces()
    plain = Tokenizer(Pieces.from_str(pieces.to_str()), context_length=64)
    pieces.enable_truncation(4)
    pieces.enable_padding(pad_id=0, length=10)
    pieces.save(str(tmp_path / "tokenizer.json"))
    text = ["a satellite image of a river seen from above"]
    read = Tokenizer.from_bundle(_bundle(tmp_path))
    assert plain.encode(text).tolist() == read.encode(text).tolist()


def test_the_card_decides_the_length(tmp_path: Path) -> None:
    make_pieces().save(str(tmp_path / "tokenizer.json"))
    bundle = replace(_bundle(tmp_path), card=replace(CARD, context_length=16))
    assert Tokenizer.from_bundle(bundle).encode(["river"]).shape == (1, 16)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DamagedData, match=r"tokenizer\.json"):
        Tokenizer.from_bundle(_bundle(tmp_path))


def test_a_vocabulary_needs_the_end_token() -> None:
    pieces = Pieces(models.Unigram([("<unk>", 0.0), ("a", -1.0)], unk_id=0))
    with pytest.raises(DamagedData, match="expected </s>"):
        Tokenizer(pieces, context_length=64)


WORDS = ("<b>", "<e>", "<p>", "<u>", "a", "River", "river", "!", "σας", "σασ")
FRAMED = Tokenization(case="kept", begin="<b>", end="<e>", pad="<p>")


def _framed(policy: Tokenization, *, context_length: int = 6) -> Tokenizer:
    vocabulary = {word: at for at, word in enumerate(WORDS)}
    pieces = Pieces(models.WordLevel(vocabulary, unk_token="<u>"))  # noqa: S106 - a piece
    pieces.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    pieces.add_special_tokens(["<b>", "<e>", "<p>"])
    return Tokenizer(pieces, context_length=context_length, tokenization=policy)


@pytest.mark.parametrize(
    ("policy", "text", "expected"),
    [
        (FRAMED, "a River", [0, 4, 5, 1, 2, 2]),
        (replace(FRAMED, begin=None), "a River", [4, 5, 1, 2, 2, 2]),
        (replace(FRAMED, pad="!"), "a !", [0, 4, 7, 1, 7, 7]),
        (replace(FRAMED, case="lower"), "a River !", [0, 4, 6, 7, 1, 2]),
        (replace(FRAMED, case="canonical"), "a, River !", [0, 4, 6, 1, 2, 2]),
        (FRAMED, "a a a a a a a", [0, 4, 4, 4, 4, 1]),
        (replace(FRAMED, begin=None), "a a a a a a a", [4, 4, 4, 4, 4, 1]),
        (replace(FRAMED, case="lower"), "ΣΑΣ", [0, 9, 1, 2, 2, 2]),  # letter by letter
    ],
)
def test_texts_are_framed_as_the_policy_says(
    policy: Tokenization, text: str, expected: list[int]
) -> None:
    assert expected == _framed(policy).encode([text])[0].tolist()


@pytest.mark.parametrize("case", ["kept", "lower"])
@pytest.mark.parametrize("text", ["", "  ", "\n\t", "　"])
def test_spaces_are_no_words_whatever_the_case(case: str, text: str) -> None:
    with pytest.raises(EmptyText, match="at least one word"):
        _framed(replace(FRAMED, case=case)).encode([text])


@pytest.mark.parametrize("case", ["kept", "lower", "canonical"])
def test_half_a_character_is_refused(case: str) -> None:
    with pytest.raises(InvalidRequest, match="expected text"):
        _framed(replace(FRAMED, case=case)).encode(["a\ud800"])


@pytest.mark.parametrize("lacking", ["begin", "end", "pad"])
def test_a_vocabulary_needs_every_token_of_the_policy(lacking: str) -> None:
    with pytest.raises(DamagedData, match="expected <no> in the vocabulary"):
        _framed(replace(FRAMED, **{lacking: "<no>"}))


def test_the_card_decides_the_policy(tmp_path: Path) -> None:
    _framed(FRAMED)._pieces.save(str(tmp_path / "tokenizer.json"))
    card = replace(CARD, context_length=6, tokenization=FRAMED)
    read = Tokenizer.from_bundle(replace(_bundle(tmp_path), card=card))
    assert read.encode(["a River"])[0].tolist() == [0, 4, 5, 1, 2, 2]


def _bundle(folder: Path) -> Bundle:
    return Bundle(
        folder=folder,
        card=CARD,
        image_tower=folder / "image.onnx",
        text_tower=folder / "text.onnx",
        tokenizer=folder / "tokenizer.json",
    )
