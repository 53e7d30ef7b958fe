"""tritonclient, as published, over HTTP and gRPC: models, tensors, refusals."""

from __future__ import annotations

import base64
import collections
import gzip
import io
import random
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from PIL import Image
from tritonclient import grpc as over_grpc
from tritonclient import http as over_http
from tritonclient.utils import InferenceServerException

from satseek.model.preprocessing import preprocess

if TYPE_CHECKING:
    from conftest import Asking, Kitchen

TEXTS = ["a harbour", "STORAGE tanks!"]

CASES = 300
"""Mutated bodies."""


def _bytes(asking: Asking, name: str, elements: list[Any], shape: list[int] | None = None) -> Any:
    given = asking.kind.InferInput(name, shape or [len(elements)], "BYTES")
    return given.set_data_from_numpy(np.array(elements, dtype=object).reshape(given.shape()))


def _numbers(asking: Asking, name: str, numbers: np.ndarray, datatype: str) -> Any:
    given = asking.kind.InferInput(name, list(numbers.shape), datatype)
    return given.set_data_from_numpy(numbers)


def _plain(answer: Any) -> Any:
    """What both transports say alike: gRPC's own message, or the JSON."""
    return answer if isinstance(answer, dict) else _Message(answer)


class _Message(dict[str, Any]):
    def __init__(self, message: Any) -> None:
        fields = {one.name: getattr(message, one.name) for one in message.DESCRIPTOR.fields}
        super().__init__(fields)


def test_a_server_tells_what_it_is(asking: Asking) -> None:
    assert asking.is_server_live()
    assert asking.is_server_ready()
    told = _plain(asking.get_server_metadata())
    assert "satseek" == told["name"]
    assert ["binary_tensor_data", "model_configuration"] == list(told["extensions"])


def test_a_model_tells_what_it_takes_and_gives(asking: Asking, kitchen: Kitchen) -> None:
    card = kitchen.shipped.card
    told = _plain(asking.get_model_metadata("satseek"))

    inputs = [_plain(one) for one in told["inputs"]]
    outputs = [_plain(one) for one in told["outputs"]]
    assert [card.version] == list(told["versions"])
    assert ["image", "text", "pixel_values", "input_ids"] == [one["name"] for one in inputs]
    assert [-1, 3, 96, 96] == [int(edge) for edge in inputs[2]["shape"]]
    assert ["image_vectors", "text_vectors"] == [one["name"] for one in outputs]
    assert {"FP32"} == {one["datatype"] for one in outputs}


def test_a_configuration_tells_the_scale_of_logits(asking: Asking, kitchen: Kitchen) -> None:
    told = asking.get_model_config("satseek")
    if isinstance(told, dict):
        optional = [one["optional"] for one in told["input"]]
        scale = told["parameters"]["logit_scale"]["string_value"]
    else:
        optional = [one.optional for one in told.config.input]
        scale = told.config.parameters["logit_scale"].string_value

    assert [True] * 4 == optional
    assert kitchen.shipped.card.logit_scale == float(scale)


def test_every_version_is_listed_and_can_be_asked_for(asking: Asking, kitchen: Kitchen) -> None:
    shipped, stored = kitchen.shipped.card, kitchen.stored
    told = asking.get_model_repository_index()
    models = told if isinstance(told, list) else [_plain(one) for one in told.models]

    expected = {
        ("satseek", shipped.version),
        (shipped.name, shipped.version),
        (stored.name, stored.version),
    }
    assert expected == {(one["name"], one["version"]) for one in models}
    assert {"READY"} == {one["state"] for one in models}
    for name, version in expected:
        assert asking.is_model_ready(name, version)


def test_texts_and_images_come_back_together(
    asking: Asking, kitchen: Kitchen, picture: bytes
) -> None:
    given = [_bytes(asking, "image", [picture], [1, 1]), _bytes(asking, "text", TEXTS)]

    answer = asking.infer("satseek", given, request_id="request 7")

    response = _plain(answer.get_response())
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    assert "request 7" == response["id"]
    assert "satseek" == response["model_name"]
    assert kitchen.shipped.card.version == response["model_version"]
    np.testing.assert_array_equal(
        kitchen.shipped.embed_texts(TEXTS), answer.as_numpy("text_vectors")
    )
    np.testing.assert_array_equal(
        kitchen.shipped.embed_images([pixels]), answer.as_numpy("image_vectors")
    )


def test_only_the_outputs_that_are_wanted_come_back(asking: Asking, picture: bytes) -> None:
    given = [_bytes(asking, "image", [picture]), _bytes(asking, "text", TEXTS)]
    wanted = [asking.kind.InferRequestedOutput("image_vectors")]

    answer = asking.infer("satseek", given, outputs=wanted)

    assert (1, 192) == answer.as_numpy("image_vectors").shape
    assert answer.as_numpy("text_vectors") is None


def test_parameters_that_change_no_vector_are_passed_over(asking: Asking, kitchen: Kitchen) -> None:
    given = [_bytes(asking, "text", TEXTS)]

    answer = asking.infer("satseek", given, priority=1, timeout=10**6, parameters={"mine": "x"})

    np.testing.assert_array_equal(
        kitchen.shipped.embed_texts(TEXTS), answer.as_numpy("text_vectors")
    )


@pytest.mark.parametrize("name", ["satseek", "satseek-starter"])
def test_a_sequence_is_refused(asking: Asking, name: str) -> None:
    given = [_bytes(asking, "text", TEXTS)]

    with pytest.raises(InferenceServerException, match="sequence_id is not served"):
        asking.infer(name, given, sequence_id=7, sequence_start=True)


def test_a_stored_version_answers_by_its_name(asking: Asking, kitchen: Kitchen) -> None:
    card, rng = kitchen.stored, np.random.default_rng(4)
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (60, 90, 3), dtype=np.uint8)).save(file, "PNG")
    given = [_bytes(asking, "image", [file.getvalue()])]

    answers = {
        version: asking.infer(card.name, given, model_version=version).as_numpy("image_vectors")
        for version in ("", card.version)
    }

    pixels = np.asarray(Image.open(file))
    expected = kitchen.variant.embed_images([pixels])
    assert np.abs(expected - kitchen.shipped.embed_images([pixels])).max() > 0.01
    for vectors in answers.values():
        np.testing.assert_array_equal(expected, vectors)


@pytest.mark.parametrize("datatype", ["FP32", "FP16"])
def test_preprocessed_pixels_are_taken(asking: Asking, kitchen: Kitchen, datatype: str) -> None:
    rng, card = np.random.default_rng(8), kitchen.shipped.card
    pixels = rng.integers(0, 255, (18, 96, 96, 3), dtype=np.uint8)
    tensor = preprocess(list(pixels), size=card.image_size, how=card.preprocessing)
    if datatype == "FP16":
        tensor = tensor.astype(np.float16)
    expected = kitchen.shipped.embed_tensor(tensor.astype(np.float32))

    answer = asking.infer("satseek", [_numbers(asking, "pixel_values", tensor, datatype)])

    np.testing.assert_allclose(expected, answer.as_numpy("image_vectors"), rtol=0, atol=1e-6)


def test_token_ids_are_taken(asking: Asking, kitchen: Kitchen) -> None:
    ids = kitchen.shipped.tokenizer.encode(TEXTS)

    answer = asking.infer("satseek", [_numbers(asking, "input_ids", ids, "INT64")])

    np.testing.assert_array_equal(
        kitchen.shipped.embed_texts(TEXTS), answer.as_numpy("text_vectors")
    )


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (np.full((1, 64), 10**6), "token ids from 0"),
        (np.full((1, 64), -1), "token ids from 0"),
        (np.zeros((1, 63), np.int64), "shape"),
    ],
)
def test_ids_that_mean_nothing_are_refused(asking: Asking, ids: np.ndarray, said: str) -> None:
    with pytest.raises(InferenceServerException, match=said):
        asking.infer("satseek", [_numbers(asking, "input_ids", ids.astype(np.int64), "INT64")])


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_pixels_that_are_not_finite_are_refused(asking: Asking, number: float) -> None:
    tensor = np.full((1, 3, 96, 96), number, np.float32)

    with pytest.raises(InferenceServerException, match="finite"):
        asking.infer("satseek", [_numbers(asking, "pixel_values", tensor, "FP32")])


def test_what_cannot_be_is_refused_in_words(asking: Asking, kitchen: Kitchen) -> None:
    text, ids = _bytes(asking, "text", TEXTS), kitchen.shipped.tokenizer.encode(TEXTS)
    both = [text, _numbers(asking, "input_ids", ids, "INT64")]
    image = asking.kind.InferRequestedOutput("image_vectors")
    classes = asking.kind.InferRequestedOutput("text_vectors", class_count=3)
    for said, ask in {
        "no model 'other'": lambda: asking.infer("other", [text]),
        "satseek is satseek-starter@": lambda: asking.infer(
            "satseek", [text], model_version="0123456789ab"
        ),
        "no input 'words'": lambda: asking.infer("satseek", [_bytes(asking, "words", TEXTS)]),
        "one input for text_vectors": lambda: asking.infer("satseek", both),
        "no input makes image_vectors": lambda: asking.infer("satseek", [text], outputs=[image]),
        "classification is not served": lambda: asking.infer("satseek", [text], outputs=[classes]),
        "at most 1000 letters": lambda: asking.infer(
            "satseek", [_bytes(asking, "text", ["x" * 1001])]
        ),
        "expected texts in UTF-8": lambda: asking.infer(
            "satseek", [_bytes(asking, "text", [b"\xff\xfe"])]
        ),
    }.items():
        with pytest.raises(InferenceServerException, match=said):
            ask()


def test_nobody_embeds_without_a_key(asking: Asking, kitchen: Kitchen) -> None:
    text = _bytes(asking, "text", TEXTS)

    assert asking.client.is_server_live()  # says nothing about anybody's imagery
    with pytest.raises(InferenceServerException):
        asking.client.infer("satseek", [text])
    with pytest.raises(InferenceServerException):
        asking.client.infer("satseek", [text], headers={"authorization": f"Bearer {kitchen.blind}"})


def test_a_stream_answers_in_order_and_goes_on_after_a_refusal(kitchen: Kitchen) -> None:
    answers: list[Any] = []
    given = over_grpc.InferInput("text", [1], "BYTES")
    with over_grpc.InferenceServerClient(kitchen.rpc) as client:
        client.start_stream(
            lambda result, error: answers.append(error or result),
            headers={"authorization": f"Bearer {kitchen.key}"},
        )
        for text in ("a harbour", "!", "a forest"):
            given.set_data_from_numpy(np.array([text], dtype=object))
            client.async_stream_infer("satseek", [given], request_id=text)
        client.stop_stream()

    first, refused, last = answers
    assert ["a harbour", "a forest"] == [one.get_response().id for one in (first, last)]
    assert "at least one word" in str(refused)
    np.testing.assert_array_equal(
        kitchen.shipped.embed_texts(["a forest"]), last.as_numpy("text_vectors")
    )


def test_a_body_that_unpacks_to_too_much_is_refused(kitchen: Kitchen) -> None:
    packed = httpx.post(
        f"{kitchen.server.url}/v2/models/satseek/infer",
        content=gzip.compress(b" " * 2**24),
        headers={"content-encoding": "gzip", "authorization": f"Bearer {kitchen.key}"},
    )

    assert 413 == packed.status_code
    assert "unpacked" in packed.json()["error"]


def test_an_image_over_json_is_a_data_address(kitchen: Kitchen, picture: bytes) -> None:
    coded = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    given = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [coded]}
    answer = httpx.post(
        f"{kitchen.server.url}/v2/models/satseek/infer",
        json={"inputs": [given]},
        headers={"authorization": f"Bearer {kitchen.key}"},
    )

    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    found = np.array(answer.json()["outputs"][0]["data"], np.float32)
    np.testing.assert_array_equal(kitchen.shipped.embed_images([pixels])[0], found)


def test_mutated_bodies_are_refused_and_never_fail(kitchen: Kitchen, picture: bytes) -> None:
    rng = random.Random(11)
    whole, length = over_http.InferenceServerClient.generate_request_body(
        [
            over_http.InferInput("image", [1], "BYTES").set_data_from_numpy(
                np.array([picture], dtype=object)
            ),
            over_http.InferInput("text", [2], "BYTES").set_data_from_numpy(
                np.array(TEXTS, dtype=object)
            ),
        ]
    )
    came: collections.Counter[int] = collections.Counter()
    headers = {"authorization": f"Bearer {kitchen.key}"}
    with httpx.Client(base_url=kitchen.server.url, headers=headers, timeout=60) as client:
        for _ in range(CASES):
            body = bytearray(whole)
            for _ in range(rng.choice((1, 2, 30))):
                body[rng.choice((rng.randrange(length), rng.randrange(len(body))))] ^= (
                    1 << rng.randrange(8)
                )
            del body[rng.choice((len(body), rng.randrange(len(body)))) :]
            told = str(rng.choice((length, length, length + 1, rng.randrange(len(whole)))))
            answer = client.post(
                "/v2/models/satseek/infer",
                content=bytes(body),
                headers={"inference-header-content-length": told},
            )
            came[answer.status_code] += 1

    assert {200, 413, 422} >= set(came)
    assert came[422] > CASES // 2
