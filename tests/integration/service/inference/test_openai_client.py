"""openai's client, as published: embeddings, models, refusals."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import openai
import pytest

from satseek.imagery.decode import decode_image

if TYPE_CHECKING:
    from conftest import Kitchen

TEXTS = ["a harbour", "STORAGE tanks!"]


def _vectors(answer: Any) -> np.ndarray:
    return np.array([one.embedding for one in answer.data], np.float32)


def _post(kitchen: Kitchen, body: Any, key: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{kitchen.server.url}/v1/embeddings", json=body, headers=headers)


def test_texts_and_images_come_back_in_their_order(
    client: openai.OpenAI, kitchen: Kitchen, picture: bytes
) -> None:
    image = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    pixels = decode_image(picture, name="image", max_pixels=10**6).pixels

    answer = client.embeddings.create(model="satseek", input=[TEXTS[0], image, TEXTS[1], image])

    texts, images = kitchen.shipped.embed_texts(TEXTS), kitchen.shipped.embed_images([pixels])
    expected = np.stack([texts[0], images[0], texts[1], images[0]])
    np.testing.assert_array_equal(expected, _vectors(answer))


def test_one_text_is_a_list_of_one(client: openai.OpenAI, kitchen: Kitchen) -> None:
    answer = client.embeddings.create(model="satseek", input=TEXTS[0], dimensions=192, user="me")

    card = kitchen.shipped.card
    assert f"{card.name}@{card.version}" == answer.model
    np.testing.assert_array_equal(kitchen.shipped.embed_texts(TEXTS[:1]), _vectors(answer))


def test_usage_counts_what_the_tower_reads(client: openai.OpenAI, kitchen: Kitchen) -> None:
    ids = kitchen.shipped.tokenizer.encode(TEXTS)
    end = ids[0, -1]  # padding is the end token, and the first of them belongs to the text
    lengths = [int((row == end).argmax()) + 1 for row in ids]

    usage = client.embeddings.create(model="satseek", input=TEXTS).usage
    longest = client.embeddings.create(model="satseek", input="river " * 100).usage

    assert sum(lengths) == usage.prompt_tokens == usage.total_tokens
    assert 64 == longest.prompt_tokens


def test_a_stored_version_answers_by_its_name(
    client: openai.OpenAI, kitchen: Kitchen, picture: bytes
) -> None:
    image = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    pixels = decode_image(picture, name="image", max_pixels=10**6).pixels
    ref = f"{kitchen.stored.name}@{kitchen.stored.version}"

    answer = client.embeddings.create(model=ref, input=image)

    assert ref == answer.model
    np.testing.assert_array_equal(kitchen.variant.embed_images([pixels]), _vectors(answer))


def test_models_are_listed_and_each_can_embed(client: openai.OpenAI) -> None:
    names = [one.id for one in client.models.list()]

    assert {"satseek", "starter"} <= set(names)
    assert 3 == len(names)
    for name in names:
        assert name == client.models.retrieve(name).id
        assert 1 == len(client.embeddings.create(model=name, input="a harbour").data)


@pytest.mark.parametrize(
    ("asked", "said", "code"),
    [
        ({"input": [1, 2, 3]}, "tokens of another model", "invalid_request"),
        ({"input": [[1, 2, 3]]}, "tokens of another model", "invalid_request"),
        ({"input": []}, "expected 1 to 2048 inputs", "invalid_request"),
        ({"input": ["a"] * 2049}, "expected 1 to 2048 inputs", "invalid_request"),
        ({"input": [""]}, "at least one word", "empty_text"),
        ({"input": "x" * 1001}, "at most 1000 letters", "invalid_request"),
        ({"input": "a", "dimensions": 64}, "cannot be cut", "invalid_request"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format", "invalid_request"),
        ({"input": "data:image/png;base64,!!!"}, "base64", "unreadable_image"),
        ({"input": "data:image/png;base64,AAAA"}, "image", "unreadable_image"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    client: openai.OpenAI, asked: dict[str, Any], said: str, code: str
) -> None:
    with pytest.raises(openai.UnprocessableEntityError, match=said) as refused:
        client.embeddings.create(**{"model": "satseek", **asked})

    assert ("invalid_request_error", code) == (refused.value.type, refused.value.code)


def test_other_refusals_are_the_clients_own_classes(kitchen: Kitchen) -> None:
    address = f"{kitchen.server.url}/v1"
    for key, model, kind in (
        (kitchen.key, "text-embedding-3-small", openai.NotFoundError),
        ("sk-nobody", "satseek", openai.AuthenticationError),
        (kitchen.blind, "satseek", openai.PermissionDeniedError),
    ):
        with (
            openai.OpenAI(base_url=address, api_key=key, max_retries=0) as client,
            pytest.raises(kind) as refused,
        ):
            client.embeddings.create(model=model, input="a harbour")
        assert refused.value.body["message"]


def test_an_error_is_a_problem_document_too(kitchen: Kitchen) -> None:
    answer = _post(kitchen, {"model": "nope", "input": "a"}, kitchen.key)

    assert "application/problem+json" == answer.headers["content-type"]
    assert answer.json()["detail"] == answer.json()["error"]["message"]
    assert "urn:satseek:problem:model-not-served" == answer.json()["type"]


def test_unknown_fields_are_refused(kitchen: Kitchen) -> None:
    body = {"model": "satseek", "input": "a", "truncate": True}

    assert 422 == _post(kitchen, body, kitchen.key).status_code
