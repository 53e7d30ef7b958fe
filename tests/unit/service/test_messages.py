"""How much one request may ask for."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from satseek.service.messages import ClassifyAsked, SearchAsked, SimilarityAsked

TOO_MUCH: list[tuple[type[SearchAsked | ClassifyAsked | SimilarityAsked], dict[str, Any], str]] = [
    (SearchAsked, {"text": "x" * 1001}, "text"),
    (ClassifyAsked, {"labels": ["x" * 1001]}, "labels"),
    (ClassifyAsked, {"labels": [str(at) for at in range(1001)]}, "labels"),
    (ClassifyAsked, {"labels": "a\n" * 1001}, "labels"),
    (ClassifyAsked, {"labels": "\n" * 1_002_000}, "labels"),
    (ClassifyAsked, {"labels": ["a"], "templates": ["{}"] * 33}, "templates"),
    (ClassifyAsked, {"labels": ["a"], "templates": ["{}" + "x" * 999]}, "templates"),
    (ClassifyAsked, {"labels": ["a"], "distractors": ["b"] * 101}, "distractors"),
    (ClassifyAsked, {"labels": ["a"], "distractors": ["x" * 1001]}, "distractors"),
    (ClassifyAsked, {"labels": ["a"] * 1000, "templates": ["{}"] * 6}, "at most 5000"),
    (SimilarityAsked, {"text": ["x" * 1001]}, "text"),
    (SimilarityAsked, {"text": ["x"] * 1001}, "text"),
]


@pytest.mark.parametrize(("kind", "fields", "named"), TOO_MUCH)
def test_too_much_is_refused(
    kind: type[SearchAsked | ClassifyAsked | SimilarityAsked], fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValidationError, match=named) as caught:
        kind.model_validate(fields)
    assert len(str(caught.value)) < 2000


def test_the_most_that_is_allowed_is_taken() -> None:
    labels = [f"{at:01000}" for at in range(1000)]
    assert ClassifyAsked(labels=labels).labels == labels
    assert ClassifyAsked.model_validate({"labels": "\n".join(labels)}).labels == labels
    asked = ClassifyAsked(
        labels=labels[:156], templates=["{}" + "x" * 998] * 32, distractors=["x" * 1000] * 100
    )
    assert len(asked.templates or ()) == 32
    assert SimilarityAsked(text=labels).text == labels
    assert SearchAsked(text="x" * 1000).text == "x" * 1000


def test_labels_are_texts_under_another_name() -> None:
    assert ["a", "b"] == SimilarityAsked.model_validate({"labels": "a\nb"}).text
    for fields in ({}, {"text": "a", "labels": "b"}):
        with pytest.raises(ValidationError):
            SimilarityAsked.model_validate(fields)
    schema = SimilarityAsked.model_json_schema()
    assert [{"required": ["text"]}, {"required": ["labels"]}] == schema["oneOf"]
