"""``/v1/embed`` gives the vectors that searches compare, as numbers or as bytes."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import serving

from satseek.assemble import Assembly
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from conftest import Desk

TEXTS = ["a harbour", "storage tanks beside a river"]


def _vectors(response: httpx.Response, name: str) -> np.ndarray[Any, Any]:
    answer = response.raise_for_status().json()
    if answer["encoding"] == "float":
        return np.array(answer[name], dtype=np.float32)
    rows = [np.frombuffer(base64.b64decode(text), dtype="<f4") for text in answer[name]]
    return np.stack(rows)


def test_texts_have_the_embedders_own_vectors(desk: Desk) -> None:
    expected = Assembly(Settings(data_dir=desk.home / "data")).embedder.embed_texts(TEXTS)
    for encoding in ("float", "base64"):
        asked = {"texts": TEXTS, "encoding": encoding}
        np.testing.assert_allclose(
            expected, _vectors(desk.reader.post("/v1/embed", json=asked), "texts"), atol=1e-6
        )


def test_lines_of_a_form_are_texts(desk: Desk) -> None:
    listed = _vectors(desk.reader.post("/v1/embed", json={"texts": TEXTS}), "texts")
    lines = desk.reader.post("/v1/embed", data={"texts": "\n".join(TEXTS)})
    np.testing.assert_allclose(listed, _vectors(lines, "texts"), atol=1e-6)


def test_files_and_base64_are_the_same_images(desk: Desk, tmp_path: Path) -> None:
    files = [serving.png(tmp_path / f"{at}.png", width=40 + at).read_bytes() for at in range(3)]
    form = [("image", (f"{at}.png", content)) for at, content in enumerate(files)]
    by_form = desk.reader.post("/v1/embed", files=form, data={"texts": "a quarry"})
    coded = [f"data:image/png;base64,{base64.b64encode(one).decode()}" for one in files]
    by_json = desk.reader.post("/v1/embed", json={"images": coded})
    images = _vectors(by_form, "images")
    assert (3, by_form.json()["dim"]) == images.shape
    np.testing.assert_allclose(np.ones(3), np.linalg.norm(images, axis=1), atol=1e-5)
    np.testing.assert_allclose(images, _vectors(by_json, "images"), atol=1e-6)
    assert 1 == len(by_form.json()["texts"])
    (desk.home / "scenes" / "referred.png").write_bytes(files[2])
    asked = {"images": coded[:1], "image_refs": [str(desk.home / "scenes" / "referred.png")]}
    referred = _vectors(desk.reader.post("/v1/embed", json=asked), "images")
    (desk.home / "scenes" / "referred.png").unlink()
    np.testing.assert_allclose(images[[0, 2]], referred, atol=1e-6)


def test_a_stored_version_embeds_when_named(desk: Desk) -> None:
    answer = desk.reader.post("/v1/embed", json={"texts": TEXTS, "model": desk.own})
    model = answer.raise_for_status().json()["model"]
    assert desk.own == f"{model['name']}@{model['version']}"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 422),
        ({"texts": []}, 422),
        ({"texts": [""]}, 422),
        ({"texts": ["a"] * 1001}, 422),
        ({"images": ["a"] * 65}, 422),
        ({"images": ["not base64!"]}, 422),
        ({"images": ["AAAA"]}, 422),
        ({"image_refs": ["/etc/hostname"]}, 422),
        ({"image_refs": ["http://127.0.0.1/a.png"]}, 422),
        ({"images": ["AAAA"] * 40, "image_refs": ["a"] * 25}, 422),
        ({"texts": ["a"], "encoding": "int8"}, 422),
        ({"texts": ["a"], "colour": "red"}, 422),
        ({"texts": ["a"], "model": "nobody"}, 404),
        ({"texts": ["a"], "model": "/etc"}, 404),
    ],
)
def test_what_cannot_be_is_refused(desk: Desk, asked: dict[str, Any], status: int) -> None:
    answer = desk.reader.post("/v1/embed", json=asked)
    assert status == answer.status_code, answer.text
    assert "application/problem+json" == answer.headers["content-type"]


def test_other_bodies_are_refused(desk: Desk) -> None:
    answer = desk.reader.post("/v1/embed", content=b"a", headers={"content-type": "text/plain"})
    assert 415 == answer.status_code
    twice = {"texts": ["a", "b"]}
    assert 422 == desk.reader.post("/v1/embed", data=twice).status_code
