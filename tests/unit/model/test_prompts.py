from __future__ import annotations

import pytest

from satseek.errors import InvalidRequest
from satseek.model.prompts import DISTRACTORS, TEMPLATES, distractors, prompts


def test_a_label_stands_in_every_template() -> None:
    found = prompts("{river}", templates=["{}", "a photo of {}."])
    assert found == ["{river}", "a photo of {river}."]


def test_the_templates_that_are_shipped_all_work() -> None:
    assert len(TEMPLATES) == len(set(prompts("river")))


@pytest.mark.parametrize("templates", [[], ["a river"], ["{} and {}"]])
def test_templates_need_one_place_for_the_label(templates: list[str]) -> None:
    with pytest.raises(InvalidRequest, match="template"):
        prompts("river", templates=templates)


@pytest.mark.parametrize(
    ("label", "gone"),
    [
        ("forests", "a forest"),
        ("Dense Forest", "a forest"),
        ("a building", "buildings"),
        ("water", "open water"),
        ("roads, paved", "a road"),
    ],
)
def test_what_is_asked_is_no_distractor(label: str, gone: str) -> None:
    left = distractors([label])
    assert [name for name in DISTRACTORS if name != gone] == left


def test_articles_are_not_what_is_asked() -> None:
    assert list(DISTRACTORS) == distractors(["a harbour"])
