from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oddwords import ODD, mixed
from tokenizers import Tokenizer as Pieces

from satseek.errors import EmptyText
from satseek.model.tokenizer import Tokenizer, canonicalise

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = "the oracle is missing: pip install 'satseek[torch]'"
modelmaker = pytest.importorskip("modelmaker", reason=INSTALL, exc_type=ImportError)


def _expected(oracle: Any, texts: list[str]) -> list[list[int]]:
    """What a careful caller of transformers gives to the text tower."""
    return oracle(
        texts,
        padding="max_length",
        truncation=True,
        max_length=64,
        split_special_tokens=True,
    )["input_ids"]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Tokenizer]:
    path = tmp_path_factory.mktemp("pieces") / modelmaker.PIECES
    modelmaker.train_pieces(path)
    ours = Tokenizer(modelmaker.as_tokenizer(path), context_length=64)
    return modelmaker.load_oracle_tokenizer(path), ours


@pytest.fixture(scope="session")
def published(shared_pieces: tuple[Path, Path]) -> tuple[Any, Tokenizer]:
    pieces, file = shared_pieces
    ours = Tokenizer(Pieces.from_file(str(file)), context_length=64)
    return modelmaker.load_oracle_tokenizer(pieces), ours


@pytest.mark.parametrize("which", ["trained", "published"])
@pytest.mark.parametrize("text", [*ODD, *mixed(8)])
def test_ids_are_those_of_transformers(
    request: pytest.FixtureRequest, which: str, text: str
) -> None:
    oracle, ours = request.getfixturevalue(which)
    assert _expected(oracle, [text])[0] == ours.encode([text])[0].tolist()


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=40))
def test_ids_of_any_text_are_those_of_transformers(
    published: tuple[Any, Tokenizer], text: str
) -> None:
    oracle, ours = published
    expected = _expected(oracle, [text])[0]
    try:
        found = ours.encode([text])[0].tolist()
    except EmptyText:  # nothing but spaces, punctuation and control characters
        found = [1] * 64
    assert expected == found


def test_canonical_texts_are_those_of_transformers(trained: tuple[Any, Tokenizer]) -> None:
    oracle, _ = trained
    plain = [text for text in ODD if "▁" not in text]
    assert [oracle.canonicalize_text(text) for text in plain] == [
        canonicalise(text) for text in plain
    ]


def test_ids_of_a_batch_are_those_of_its_texts(trained: tuple[Any, Tokenizer]) -> None:
    oracle, ours = trained
    assert np.array_equal(_expected(oracle, list(ODD)), ours.encode(ODD))
