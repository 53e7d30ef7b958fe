from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import modelmaker
import numpy as np
import pytest
from transformers import AutoTokenizer
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip2.tokenization_siglip2 import Siglip2Tokenizer

from satseek.checkpoints.pieces import load_pieces
from satseek.checkpoints.policies import read_licences, read_preprocessing, read_tokenization
from satseek.errors import UnreadableCheckpoint
from satseek.model.preprocessing import preprocess
from satseek.model.tokenizer import Tokenizer
from satseek.types import Preprocessing, Tokenization

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = [
    "A satellite Image, of the Harbour!",
    "boats",
    "river " * 70,
    "Zürich – Übersicht 港口",
    "  two  spaces\tand a tab ",
]
SIZE = modelmaker.TINY.image_size


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return modelmaker.make_siglip2(tmp_path_factory.mktemp("second") / "two", modelmaker.TINY)


def _change(path: Path, **values: Any) -> None:
    told = json.loads(path.read_text()) | values
    kept = {name: value for name, value in told.items() if value is not None}
    path.write_text(json.dumps(kept))


def _ours(folder: Path) -> list[list[int]]:
    pieces = load_pieces(folder)
    tokenizer = Tokenizer(pieces, context_length=64, tokenization=read_tokenization(folder, pieces))
    return tokenizer.encode(TEXTS).tolist()


def test_siglip_is_canonical_and_pads_with_its_end(directory: Path) -> None:
    expected = Tokenization(case="canonical", begin=None, end="</s>", pad="</s>")
    assert expected == read_tokenization(directory, load_pieces(directory))


def test_siglip_without_a_tokenizer_config_is_what_its_class_is(directory: Path) -> None:
    (directory / "tokenizer_config.json").unlink()
    assert read_tokenization(directory, load_pieces(directory)).end == "</s>"


def test_siglip2_is_lower_case_with_gemmas_tokens(second: Path) -> None:
    expected = Tokenization(case="lower", begin=None, end="<eos>", pad="<pad>")
    assert expected == read_tokenization(second, load_pieces(second))


def test_siglip_ids_are_those_of_transformers_class(directory: Path) -> None:
    theirs = AutoTokenizer.from_pretrained(directory)
    assert type(theirs).__name__ == "SiglipTokenizer"
    expected = theirs(TEXTS, padding="max_length", truncation=True, max_length=64)["input_ids"]
    assert expected == _ours(directory)


def test_siglip2_ids_are_those_of_transformers_class(second: Path) -> None:
    theirs = Siglip2Tokenizer.from_pretrained(second)
    expected = theirs(TEXTS, padding="max_length", truncation=True, max_length=64)["input_ids"]
    assert expected == _ours(second)


def test_gemmas_class_means_siglip2(second: Path) -> None:
    expected = _ours(second)
    _change(second / "tokenizer_config.json", tokenizer_class="GemmaTokenizer")
    assert expected == _ours(second)


def test_a_class_without_ways_of_its_own_does_what_its_normaliser_does(directory: Path) -> None:
    _change(directory / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    pieces = load_pieces(directory)
    assert read_tokenization(directory, pieces).case == "kept"
    (directory / "tokenizer.json").unlink()  # made anew from spiece.model, with SigLIP's ways
    assert read_tokenization(directory, load_pieces(directory)).case == "canonical"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"padding_side": "left"}, "padded behind"),
        ({"do_lower_case": False}, "lower case"),
        ({"pad_token": "<none>"}, "<none> is not in the tokenizer's vocabulary"),
        ({"eos_token": 7}, "expected eos_token, got 7"),
        ({"tokenizer_class": "GemmaTokenizer", "pad_token": None}, "expected pad_token"),
    ],
)
def test_other_ways_with_words_are_refused(
    directory: Path, values: dict[str, Any], reason: str
) -> None:
    _change(directory / "tokenizer_config.json", **values)
    with pytest.raises(UnreadableCheckpoint, match=reason):
        read_tokenization(directory, load_pieces(directory))


def test_only_pieces_and_no_config_are_not_enough(second: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes((second / "tokenizer.json").read_bytes())
    with pytest.raises(UnreadableCheckpoint, match=r"expected tokenizer_config\.json"):
        read_tokenization(tmp_path, load_pieces(tmp_path))


def test_pixels_are_prepared_as_the_file_says(directory: Path) -> None:
    assert Preprocessing() == read_preprocessing(directory, image_size=SIZE)


def test_siglip2_resizes_bilinearly_as_transformers_does(second: Path) -> None:
    how = read_preprocessing(second, image_size=SIZE)
    assert how.resample == "bilinear"
    image = np.random.default_rng(0).integers(0, 256, (90, 130, 3)).astype(np.uint8)
    theirs = SiglipImageProcessorPil.from_pretrained(second)
    expected = theirs([image], input_data_format="channels_last")["pixel_values"][0]
    assert np.array_equal(expected, preprocess([image], size=SIZE, how=how)[0])


def test_what_transformers_5_writes_is_read_too(directory: Path) -> None:
    path = directory / "preprocessor_config.json"
    told = {"image_processor": json.loads(path.read_text()) | {"image_mean": [0.4, 0.5, 0.6]}}
    path.unlink()
    (directory / "processor_config.json").write_text(json.dumps(told))
    assert read_preprocessing(directory, image_size=SIZE).mean == (0.4, 0.5, 0.6)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"size": {"height": 96, "width": 96}}, "expected the tower's own size of 64 × 64"),
        ({"size": {"shortest_edge": 64}}, "shortest_edge"),
        ({"resample": 4}, "unknown resample 4"),
        ({"resample": None}, "missing resample"),
        ({"image_mean": [0.5, 0.5]}, "three channels"),
        ({"image_mean": float("nan")}, "three channels"),
        ({"image_std": [0.5, 0, 0.5]}, "image_std above 0"),
        ({"do_normalize": False}, "normalised"),
        ({"resample": [3]}, "a value of another kind"),
        ({"rescale_factor": "1/255"}, "a value of another kind"),
        ({"do_center_crop": True}, "nothing cropped"),
        ({"rescale_factor": 1 / 127.5}, "divided by 255"),
    ],
)
def test_other_ways_with_pixels_are_refused(
    directory: Path, values: dict[str, Any], reason: str
) -> None:
    _change(directory / "preprocessor_config.json", **values)
    with pytest.raises(UnreadableCheckpoint, match=reason):
        read_preprocessing(directory, image_size=SIZE)


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("license: apache-2.0", {"weights": "apache-2.0"}),
        ("license: other\nlicense_name: rail", {"weights": "rail"}),
        ("license: [mit, cc0-1.0]", {"weights": "mit, cc0-1.0"}),
        ("tags: [x]", {}),
        ("license: [unclosed", {}),
    ],
)
def test_the_licence_is_read_from_the_cards_front_matter(
    tmp_path: Path, front: str, expected: dict[str, str]
) -> None:
    (tmp_path / "README.md").write_text(f"---\n{front}\n---\n# A model\n")
    assert expected == read_licences(tmp_path)


def test_no_card_states_no_licence(tmp_path: Path) -> None:
    assert read_licences(tmp_path) == {}
