from __future__ import annotations

import pytest

from satseek.errors import ModelNotFound
from satseek.model.bundle import Bundle, starter_bundle
from satseek.model.card import content_version
from satseek.model.store import find_bundle
from satseek.model.tokenizer import Tokenizer


@pytest.fixture
def starter() -> Bundle:
    try:
        return starter_bundle()
    except ModelNotFound as error:
        pytest.skip(str(error))


def test_its_card_names_the_bytes_that_are_shipped(starter: Bundle) -> None:
    assert content_version(starter.folder) == starter.card.version


def test_its_card_says_whose_weights_and_data_they_are(starter: Bundle) -> None:
    assert {"weights", "training data", "use"} <= starter.card.licences.keys()
    assert starter.card.training_data


def test_it_is_found_by_name(starter: Bundle) -> None:
    assert starter == find_bundle("starter", store=starter.folder / "no store")


def test_its_tokenizer_knows_the_words_of_the_field(starter: Bundle) -> None:
    tokenizer = Tokenizer.from_bundle(starter)
    words = ["river", "airport", "forest", "bridge", "industrial"]
    assert [1] * len(words) == [int((row != 1).sum()) for row in tokenizer.encode(words)]
