"""The SDK against the real server, and the same verbs embedded: equal answers, clear refusals."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from serving import index, make_scenes, png, running_server

import satseek
from satseek.client.retrying import Retrying, seconds_of
from satseek.errors import (
    ChipNotFound,
    CollectionNotFound,
    DependencyMissing,
    EmptyText,
    FolderNotFound,
    GateNotPassed,
    InvalidFilter,
    InvalidK,
    InvalidRequest,
    ModelNotServed,
    Overloaded,
    ServerUnreachable,
    UnreadableImage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving import Server

    from satseek.embedded import Embedded

TEXTS = ["a harbour", "Storage TANKS, beside a river!", "ein Wald – forêt 森林", "x " * 200]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clients")
    index(folder / "data", make_scenes(folder / "scenes"), "county")
    png(folder / "picture.png")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with running_server(folder / "data") as one:
        yield one


@pytest.fixture(scope="module")
def embedded(folder: Path) -> Iterator[Embedded]:
    with satseek.open(folder / "data") as one:
        yield one


@pytest.fixture
def client(server: Server) -> Iterator[satseek.Client]:
    with satseek.Client(server.url) as one:
        yield one


@pytest.mark.parametrize(
    "asked",
    [
        {"text": "a harbour", "k": 5},
        {"text": "a harbour", "bbox": (14.9, 52.2, 15.3, 52.4), "start": "2024-05-01"},
        {"text": "a harbour", "end": "2020-01-01"},
        {"image": "picture.png", "k": 3},
        {"text": "a harbour", "k": 12, "group_by": "scene"},
        {"text": "a harbour", "k": 12, "group_by": "place", "duplicate_cosine": 0.95},
        {"image": "picture.png", "text": "a forest", "bbox": (14.0, 52.0, 16.0, 53.0)},
        {"text": "a harbour", "area": {"type": "Polygon", "coordinates": [[
            [14.0, 52.0], [16.0, 52.0], [16.0, 53.0], [14.0, 53.0], [14.0, 52.0]]]}},
    ],
)  # fmt: skip
def test_a_search_finds_the_same_through_both(
    asked: dict[str, Any], client: satseek.Client, embedded: Embedded, folder: Path
) -> None:
    asked = {**asked, "image": folder / asked["image"]} if "image" in asked else asked
    theirs, mine = client.search(**asked), embedded.search(**asked)
    assert [hit.chip for hit in mine] == [hit.chip for hit in theirs]
    assert (mine.collection, mine.model, mine.generation) == (
        theirs.collection,
        theirs.model,
        theirs.generation,
    )
    for one, other in zip(mine, theirs, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-5)
        assert (one.datetime, one.footprint, one.cell) == (
            other.datetime,
            other.footprint,
            other.cell,
        )


def test_examples_are_left_out_and_hits_are_geojson(client: satseek.Client) -> None:
    (first, *_) = client.search("a harbour", k=3)
    more = client.search(liked=[first.chip], k=20)
    assert 11 == len(more)
    assert first.chip not in [hit.chip for hit in more]
    geojson = json.loads(json.dumps(more.to_geojson()))
    assert 11 == len(geojson["features"])
    assert geojson["features"][0]["properties"]["chip"] == more[0].chip


def test_labels_fit_the_same_through_both(
    client: satseek.Client, embedded: Embedded, folder: Path
) -> None:
    labels = ["a harbour", "a forest"]
    theirs = client.classify(folder / "picture.png", labels, distractors=[])
    mine = embedded.classify(folder / "picture.png", labels, distractors=[])
    assert [one.label for one in mine] == [one.label for one in theirs]
    assert {"a harbour", "a forest"} == {one.label for one in mine}
    chip = client.search("a harbour", k=1)[0].chip
    assert client.classify(labels=labels, chip=chip).best.label == (
        embedded.classify(labels=labels, chip=chip).best.label
    )
    compared = client.similarity(folder / "picture.png", labels)
    assert labels == [one.label for one in compared]
    assert compared.best.scores == pytest.approx(
        embedded.similarity(folder / "picture.png", labels).best.scores, abs=1e-5
    )


def test_vectors_are_the_same_through_both_alone_and_together(
    client: satseek.Client, embedded: Embedded, folder: Path
) -> None:
    mine = embedded.embed_texts(TEXTS)
    theirs = client.embed_texts(TEXTS)
    assert mine.model == theirs.model
    np.testing.assert_allclose(mine.vectors, theirs.vectors, atol=1e-5)
    alone = np.concatenate([client.embed_texts([text]).vectors for text in TEXTS])
    np.testing.assert_allclose(alone, theirs.vectors, atol=1e-5)
    image = folder / "picture.png"
    np.testing.assert_allclose(
        embedded.embed_images([image]).vectors, client.embed_images([image]).vectors, atol=1e-5
    )


def test_every_kind_of_image_is_the_same_image(client: satseek.Client, folder: Path) -> None:
    path = folder / "picture.png"
    opened = Image.open(path)
    with path.open("rb") as file:
        kinds = [path, str(path), path.read_bytes(), file, opened, np.asarray(opened)]
        found = client.embed_images(kinds).vectors
    np.testing.assert_allclose(found, np.repeat(found[:1], len(kinds), axis=0), atol=1e-5)


def test_an_open_file_stays_the_callers_own(
    client: satseek.Client, embedded: Embedded, folder: Path
) -> None:
    labels = ["a harbour", "a forest"]
    with (folder / "picture.png").open("rb") as file:
        for one in (client, embedded):
            for _ in range(2):
                assert 2 == len(one.similarity(file, labels).labels)
                assert 2 == len(one.classify(file, labels, distractors=[]).labels)


def test_many_images_come_back_in_their_order(client: satseek.Client) -> None:
    rng = np.random.default_rng(3)
    images = [rng.integers(0, 255, (16, 16, 3), dtype=np.uint8) for _ in range(40)]
    parts = list(client.embed_many(iter(images)))
    assert [32, 8] == [len(part.vectors) for part in parts]
    last = client.embed_images(images[-1:]).vectors
    np.testing.assert_allclose(parts[-1].vectors[-1:], last, atol=1e-5)


def test_the_async_client_has_the_same_verbs_and_answers(
    server: Server, client: satseek.Client, folder: Path
) -> None:
    async def ask() -> tuple[Any, Any, Any]:
        async with satseek.AsyncClient(server.url) as other:
            found, vectors = await asyncio.gather(
                other.search("a harbour", k=4), other.embed_images([folder / "picture.png"])
            )
            many = [part async for part in other.embed_many([folder / "picture.png"])]
            return found, vectors, many

    found, vectors, (many,) = asyncio.run(ask())
    assert [hit.chip for hit in client.search("a harbour", k=4)] == [hit.chip for hit in found]
    np.testing.assert_array_equal(vectors.vectors, many.vectors)
    assert _verbs(satseek.Client) == _verbs(satseek.AsyncClient)


def _verbs(kind: type) -> dict[str, str]:
    """Public verbs with what they take."""
    return {
        name: str(inspect.signature(verb).replace(return_annotation="")).replace("AsyncJob", "Job")
        for name, verb in vars(kind).items()
        if callable(verb) and not name.startswith("_")
    }


def test_what_the_server_has_can_be_listed(client: satseek.Client, embedded: Embedded) -> None:
    assert embedded.collections() == client.collections()
    assert embedded.collection("county") == client.collection("county")
    mine, theirs = embedded.stats("county"), client.stats("county")
    assert (12, 12, 0) == (theirs.chips, theirs.rows, theirs.dead)
    assert mine.bytes_of["vectors"] == theirs.bytes_of["vectors"]
    assert replace(mine, bytes=0, bytes_of={}) == replace(theirs, bytes=0, bytes_of={})
    assert embedded.model() == client.model()


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"text": " "}, EmptyText),
        ({"text": "x", "k": 0}, InvalidK),
        ({"text": "x", "collection": "nowhere"}, CollectionNotFound),
        ({"text": "x", "bbox": (9.0, 1.0, 8.0, 0.0)}, InvalidFilter),
        ({"text": "x", "bbox": (9.0, 1.0)}, InvalidRequest),
        ({"liked": ["no such chip"]}, ChipNotFound),
        ({"image": b"no image"}, UnreadableImage),
        ({"image": "nowhere.png"}, FolderNotFound),
        ({"image": 3}, InvalidRequest),
    ],
)
def test_both_refuse_with_the_same_error(
    asked: dict[str, Any],
    error: type[Exception],
    client: satseek.Client,
    embedded: Embedded,
) -> None:
    with pytest.raises(error) as mine:
        embedded.search(**asked)
    with pytest.raises(error) as theirs:
        client.search(**asked)
    assert "\n" not in f"{mine.value}{theirs.value}"


def test_an_unknown_model_is_refused_by_both(client: satseek.Client, embedded: Embedded) -> None:
    for one in (client, embedded):
        with pytest.raises(ModelNotServed):
            one.embed_texts(["x"], model="other")
        with pytest.raises(ModelNotServed):
            one.embed_texts(["x"], model="/etc/passwd")


def test_a_data_frame_needs_geopandas(client: satseek.Client) -> None:
    found = client.search("a harbour", k=2)
    try:
        import geopandas  # noqa: PLC0415
    except ModuleNotFoundError:
        with pytest.raises(DependencyMissing, match="pip install geopandas"):
            found.to_geodataframe()
        return
    frame = found.to_geodataframe()
    assert isinstance(frame, geopandas.GeoDataFrame)
    assert [hit.chip for hit in found] == list(frame["chip"])


def test_no_server_and_no_folder_are_clear_errors(tmp_path: Path) -> None:
    quick = Retrying(tries=2, first_s=0.01)
    with (
        satseek.Client("http://127.0.0.1:9", retrying=quick) as client,
        pytest.raises(ServerUnreachable, match=r"127\.0\.0\.1:9"),
    ):
        client.search("x")
    with pytest.raises(InvalidRequest, match="expected an address"):
        satseek.Client("localhost:7860")
    with pytest.raises(InvalidRequest, match="CA certificates"):
        satseek.Client("https://localhost", ca_file=tmp_path / "none.pem")
    with pytest.raises(FolderNotFound, match="data folder"):
        satseek.open(tmp_path / "none")


class _Refusing(BaseHTTPRequestHandler):
    """Refuses twice, then answers; keeps what was sent."""

    seen: list[tuple[str, bytes, dict[str, str]]]
    statuses: list[int]
    kind = ""

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.path, content, dict(self.headers)))
        status = self.statuses[min(len(self.seen), len(self.statuses)) - 1]
        refused = {"type": self.kind, "detail": "later"}
        answer = json.dumps({"ref": "a@0123"} if status == 200 else refused).encode()
        self.send_response(status)
        if status != 200:
            self.send_header("retry-after", "0")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def refusing() -> Iterator[tuple[str, type[_Refusing]]]:
    class Mine(_Refusing):
        seen: list[tuple[str, bytes, dict[str, str]]] = []  # noqa: RUF012
        statuses = [429, 503, 200]  # noqa: RUF012

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", Mine
    server.shutdown()
    server.server_close()


def test_a_refused_write_is_sent_again_under_the_same_key(
    refusing: tuple[str, type[_Refusing]],
) -> None:
    url, kept = refusing
    with satseek.Client(url, token="secret", retrying=Retrying(first_s=0.01)) as client:  # noqa: S106
        assert "a@0123" == client.activate("a@0123", force=True)
    headers = [{name.lower(): value for name, value in sent[2].items()} for sent in kept.seen]
    assert 3 == len(headers)
    assert 1 == len({one["idempotency-key"] for one in headers})
    assert {"Bearer secret"} == {one["authorization"] for one in headers}


def test_a_write_whose_first_try_is_still_on_is_waited_for(
    refusing: tuple[str, type[_Refusing]],
) -> None:
    url, kept = refusing
    kept.statuses = [409, 409, 200]
    retrying = Retrying(first_s=0.01)
    kept.kind = "urn:satseek:problem:idempotency-conflict"
    with satseek.Client(url, retrying=retrying) as client:
        assert "a@0123" == client.activate("a@0123")
    kept.kind, kept.seen = "urn:satseek:problem:gate-not-passed", []
    with satseek.Client(url, retrying=retrying) as client, pytest.raises(GateNotPassed):
        client.activate("a@0123")
    assert 1 == len(kept.seen)


def test_an_image_is_sent_whole_at_every_try(refusing: tuple[str, type[_Refusing]]) -> None:
    url, kept = refusing
    kept.statuses = [429]
    content = bytes(range(256)) * 64
    with (
        satseek.Client(url, retrying=Retrying(tries=3, first_s=0.01)) as client,
        pytest.raises(Overloaded, match="later"),
    ):
        client.embed_images([io.BytesIO(content)])
    assert 3 == len(kept.seen)
    assert all(content in sent[1] for sent in kept.seen)


def test_waits_grow_and_hold_to_what_the_server_asks() -> None:
    policy = Retrying(tries=4, first_s=0.5, longest_s=4)
    for failed, limit in ((1, 0.5), (2, 1.0), (3, 2.0)):
        waits = [policy.wait(failed) for _ in range(200)]
        assert all(wait is not None and 0 <= wait <= limit for wait in waits)
        assert len(set(waits)) > 100
    assert policy.wait(4) is None
    asked = policy.wait(1, retry_after="3")
    assert asked is not None
    assert 3 <= asked <= 3.5
    assert policy.wait(1, retry_after="3600") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7", 7.0), (None, 0.0), ("soon", 0.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0)],
)
def test_retry_after_is_read(text: str | None, expected: float) -> None:
    assert expected == seconds_of(text)


def test_the_package_offers_five_names() -> None:
    names = ["AsyncClient", "AsyncFederation", "Client", "Federation", "open"]
    assert names == sorted(satseek.__all__)
    with pytest.raises(AttributeError, match="no attribute"):
        satseek.nothing  # noqa: B018
