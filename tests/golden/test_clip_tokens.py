"""Ids of CLIP's and SigLIP 2's tokenizers, against transformers, on texts meant to hurt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oddwords import ODD, mixed
from tokenizers import normalizers

from satseek.errors import EmptyText
from satseek.model.tokenizer import Tokenizer
from satseek.types import Tokenization

INSTALL = "the oracle is missing: pip install 'satseek[torch]'"
clipmaker = pytest.importorskip("clipmaker", reason=INSTALL, exc_type=ImportError)
siglip2 = pytest.importorskip(
    "transformers.models.siglip2.tokenization_siglip2", reason=INSTALL, exc_type=ImportError
)

HOSTILE = (
    *ODD,
    *mixed(6),
    "<|endoftext|> river",
    "river<|startoftext|>bank <|endoftext|>",
    "<eos> river <pad> bank <bos>",
    "Ships! Ships! !",
    "&amp; &lt;b&gt;",
    "ΣΊΣΥΦΟΣ ΟΔΟΣ",
    "Ｆｕｌｌ ｗｉｄｔｈ",
    "ǅ ŉ ΐ",
    "\u202eriver\u200f",
    "don't we'll I'VE",
    "3.14159 10⁻⁶ ½",
)
CLIP = Tokenization(case="kept", begin=clipmaker.BEGIN, end=clipmaker.END, pad=clipmaker.END)
SIGLIP2 = Tokenization(case="lower", begin=None, end="<eos>", pad="<pad>")
CONTEXT = 24


def _expected(oracle: Any, texts: list[str], length: int) -> list[list[int]]:
    """What a careful caller of transformers gives to the text tower."""
    return oracle(
        texts,
        padding="max_length",
        truncation=True,
        max_length=length,
        split_special_tokens=True,
    )["input_ids"]


def _same(oracle: Any, ours: Tokenizer, text: str) -> None:
    expected = _expected(oracle, [text], ours.context_length)[0]
    try:
        found = ours.encode([text])[0].tolist()
    except EmptyText:
        words = oracle(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        assert words == [] or not text.strip()
    else:
        assert expected == found


def _made(pad: str) -> tuple[Any, Tokenizer]:
    policy = Tokenization(case="kept", begin=clipmaker.BEGIN, end=clipmaker.END, pad=pad)
    pieces = clipmaker.clip_tokenizer().backend_tokenizer
    ours = Tokenizer(pieces, context_length=CONTEXT, tokenization=policy)
    return clipmaker.clip_tokenizer(pad), ours


@pytest.fixture(scope="module")
def end_padded() -> tuple[Any, Tokenizer]:
    """As OpenAI's directories on the hub."""
    return _made(clipmaker.END)


@pytest.fixture(scope="module")
def zero_padded() -> tuple[Any, Tokenizer]:
    """As open_clip fills texts up; "!" has id 0."""
    return _made("!")


@pytest.fixture(scope="module")
def published() -> tuple[Any, Tokenizer]:
    """CLIP's own 49,408 pieces, from the list of merges that open_clip carries."""
    from satseek.checkpoints.clippieces import load_clip_pieces  # noqa: PLC0415

    folder = Path(__file__).parents[3] / "shared" / "data" / "tokenizers"
    path = folder / "clip_bpe_simple_vocab_16e6.txt.gz"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    pieces = load_clip_pieces(path)
    ours = Tokenizer(pieces, context_length=77, tokenization=CLIP)
    vocabulary = pieces.get_vocab(with_added_tokens=True)
    assert len(vocabulary) == 49_408
    # OpenAI's own numbers: "a photo of a cat" in clip/simple_tokenizer.py's vocabulary.
    assert ours.encode(["a photo of a cat"])[0, :7].tolist() == [
        *(49406, 320, 1125, 539, 320, 2368, 49407),
    ]
    return _published_oracle(path), ours


def _published_oracle(path: Path) -> Any:
    """The same list, read here a second time and given to transformers' own class."""
    import gzip  # noqa: PLC0415

    lines = gzip.decompress(path.read_bytes()).decode().splitlines()[1 : 49_152 - 256 - 2 + 1]
    merges = [tuple(line.split()) for line in lines]
    return clipmaker.CLIPTokenizer(vocab=clipmaker.vocabulary(tuple(merges)), merges=merges)


@pytest.fixture(scope="module")
def gemma() -> tuple[Any, Tokenizer]:
    """SigLIP 2's tokenizer class around a vocabulary of letters, bytes and a few words."""
    words = ["▁", "ri", "ver", "river", "▁river", "ha", "▁a"]
    plain = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    signs = [chr(one) for one in (*range(33, 127), *range(0xC0, 0x180))]
    # Capital letters are there, so that forgetting to lower them gives other ids.
    bytewise = [f"<0x{byte:02X}>" for byte in range(256)]
    listed = [*plain, *bytewise, *signs, *words, "ve"]
    vocabulary = {piece: at for at, piece in enumerate(dict.fromkeys(listed))}
    merges = [("r", "i"), ("v", "e"), ("ve", "r"), ("ri", "ver"), ("▁", "river"), ("h", "a")]
    merges += [("▁", "a")]
    oracle = siglip2.Siglip2Tokenizer(
        vocab=vocabulary, merges=merges, add_eos_token=True, add_bos_token=False
    )
    oracle.padding_side = "right"  # as every published tokenizer_config.json says
    bare = siglip2.Siglip2Tokenizer(vocab=vocabulary, merges=merges).backend_tokenizer
    bare.normalizer = normalizers.Replace(" ", "▁")  # a published file holds Gemma's: case kept
    return oracle, Tokenizer(bare, context_length=CONTEXT, tokenization=SIGLIP2)


NAMES = ("end_padded", "zero_padded", "published", "gemma")


@pytest.mark.parametrize("which", NAMES)
@pytest.mark.parametrize("text", HOSTILE)
def test_ids_are_those_of_transformers(
    request: pytest.FixtureRequest, which: str, text: str
) -> None:
    _same(*request.getfixturevalue(which), text)


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=40))
@pytest.mark.parametrize("which", ["zero_padded", "published", "gemma"])
def test_ids_of_any_text_are_those_of_transformers(
    request: pytest.FixtureRequest, which: str, text: str
) -> None:
    _same(*request.getfixturevalue(which), text)


@pytest.mark.parametrize("which", NAMES)
def test_ids_of_a_batch_are_those_of_its_texts(request: pytest.FixtureRequest, which: str) -> None:
    _, ours = request.getfixturevalue(which)
    some = [text for text in HOSTILE if text.strip()]
    together = ours.encode(some)
    assert together.tolist() == [ours.encode([text])[0].tolist() for text in some]


def test_a_special_token_in_a_text_is_words(zero_padded: tuple[Any, Tokenizer]) -> None:
    _, ours = zero_padded
    end = clipmaker.vocabulary()[clipmaker.END]
    ids = ours.encode(["a <|endoftext|> river"])[0].tolist()
    assert ids.count(end) == 1
    assert ids.index(end) > 6


def test_capital_letters_matter_to_gemmas_pieces(gemma: tuple[Any, Tokenizer]) -> None:
    _, ours = gemma
    kept = Tokenizer(
        ours._pieces, context_length=CONTEXT, tokenization=replace(SIGLIP2, case="kept")
    )
    assert kept.encode(["A RIVER"]).tolist() != ours.encode(["A RIVER"]).tolist()
    assert ours.encode(["a river"]).tolist() == ours.encode(["A RIVER"]).tolist()


def test_a_long_text_keeps_begin_and_end(end_padded: tuple[Any, Tokenizer]) -> None:
    _, ours = end_padded
    ids = ours.encode(["river " * 90])[0].tolist()
    vocabulary = clipmaker.vocabulary()
    assert ids[0] == vocabulary[clipmaker.BEGIN]
    assert ids[-1] == vocabulary[clipmaker.END]
    assert ids.count(vocabulary[clipmaker.END]) == 1
