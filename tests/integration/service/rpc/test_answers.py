"""Every method of satseek.v1 on the real server: the same answers as REST's."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from satseek.service.rpc.satseek import SERVICE

if TYPE_CHECKING:
    import httpx
    import rpcclient

LABELS = ["a harbour", "a forest"]


def hits_of(answer: Any) -> list[dict[str, Any]]:
    """Hits as REST shows them."""
    shown = []
    for hit in answer.hits:
        fields = MessageToDict(
            hit, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        footprint = json.loads(fields["footprint"])
        shown.append({**fields, "footprint": footprint})
    return shown


def labels_of(labels: Any) -> list[dict[str, Any]]:
    return [{"label": one.label, "scores": dict(one.scores)} for one in labels]


def model_of(message: Any) -> dict[str, str]:
    return {"name": message.model.name, "version": message.model.version}


QUERIES: list[dict[str, Any]] = [
    {"text": "a river", "k": 5},
    {"text": "a river"},
    {"text": "a river", "collection": "small", "start": "2024-06-01", "end": "2024-12-31"},
    {"text": "a river", "bbox": (15.17, 52.32, 15.2, 52.35)},
    {
        "text": "a river",
        "area": {
            "type": "Polygon",
            "coordinates": [[[15.1, 52.3], [15.2, 52.3], [15.2, 52.4], [15.1, 52.4], [15.1, 52.3]]],
        },
    },
    {
        "text": "水库旁的村庄",
        "area": "POLYGON((500000 5790000, 540000 5790000, 540000 5810000, 500000 5790000))",
        "area_crs": "EPSG:32633",
    },
    {"text": "a river", "least": 40, "levels": [1], "collections": ["small"]},
    {"text": "a river", "collections": ["*"], "rank_by": "percentile"},
    {"text": "a river", "group_by": "scene", "k": 12},
    {"text": "a river", "group_by": "place", "duplicate_cosine": 0.97, "k": 12},
]


@pytest.mark.parametrize("query", QUERIES, ids="+".join)
def test_search_finds_what_rest_finds(
    client: rpcclient.Client, stub: Any, http: httpx.Client, query: dict[str, Any]
) -> None:
    over_rest = http.post("/v1/search", json=query).raise_for_status().json()
    fields = dict(query)
    if "bbox" in fields:
        box = zip(("west", "south", "east", "north"), fields["bbox"], strict=True)
        fields["bbox"] = client.pb.BoundingBox(**dict(box))
    if isinstance(fields.get("area"), dict):
        fields["area"] = json.dumps(fields["area"])
    answer = stub.Search(client.pb.SearchRequest(**fields))
    assert over_rest["hits"]
    assert over_rest["hits"] == hits_of(answer)
    assert over_rest["model"] == model_of(answer)
    for name in ("collection", "plan", "generation"):
        assert over_rest[name] == getattr(answer, name)
    told = MessageToDict(answer, preserving_proto_field_name=True)
    assert over_rest["translated"] == told.get("translated")
    assert over_rest["weight"] == told.get("weight")
    assert [one["collection"] for one in over_rest["sources"]] == [
        one.collection for one in answer.sources
    ]


@pytest.mark.parametrize("collections", [{}, {"collections": ["*"]}], ids=["one", "several"])
def test_how_hits_were_found_is_told_where_it_was_asked(
    client: rpcclient.Client, stub: Any, http: httpx.Client, collections: dict[str, Any]
) -> None:
    query = {"text": "a river", "start": "2024-06-01", **collections}
    asked = query | {"explain": True}
    plain = http.post("/v1/search", json=query).raise_for_status().json()
    over_rest = http.post("/v1/search", json=asked).raise_for_status().json()
    answer = stub.Search(client.pb.SearchRequest(**asked))
    assert plain["explanation"] is None
    assert not stub.Search(client.pb.SearchRequest(**query)).HasField("explanation")
    assert plain["hits"] == over_rest["hits"]
    (told,) = over_rest["explanation"]["collections"]
    (same,) = answer.explanation.collections
    for name in ("collection", "living", "passing", "candidates"):
        assert told[name] == getattr(same, name)
    assert ["small", 12, 8] == [told["collection"], told["living"], told["passing"]]
    assert [way["name"] for way in told["ways"]] == [way.name for way in same.ways]
    assert told["ways"]
    assert over_rest["explanation"]["embedding_ms"] > 0
    form = http.post("/v1/search", data={"text": "a river", "explain": "true"}).json()
    address = http.get("/v1/search", params={"text": "a river", "explain": "true", "f": "geojson"})
    assert form["explanation"]["searches"] == 1
    assert address.json()["explanation"]["searches"] == 1


def test_concepts_are_listed_and_asked(
    client: rpcclient.Client, stub: Any, http: httpx.Client
) -> None:
    asked = {"prompts": ["a dam"], "negatives": ["a lake"], "least": 20}
    saved = http.put("/v1/concepts/dams", json=asked).raise_for_status().json()
    (listed,) = stub.ListConcepts(client.pb.ListConceptsRequest()).concepts
    shown = MessageToDict(
        listed, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    assert saved == shown
    over_rest = http.post("/v1/search", json={"concept": "dams"}).raise_for_status().json()
    answer = stub.Search(client.pb.SearchRequest(concept="dams"))
    assert "dams@1" == answer.concept == over_rest["concept"]
    assert over_rest["hits"] == hits_of(answer)
    labels = ["@dams", "采石场"]
    chip = answer.hits[0].chip
    found = stub.Classify(client.pb.ClassifyRequest(chip=chip, labels=labels))
    assert ["采石场"] == list(found.translated)
    http.delete("/v1/concepts/dams").raise_for_status()


def test_search_by_image_and_chips(
    client: rpcclient.Client, stub: Any, http: httpx.Client, picture: bytes
) -> None:
    first = http.get("/v1/search", params={"text": "x", "k": 3}).json()["hits"]
    query = {"liked": [first[0]["chip"]], "disliked": [first[2]["chip"]]}
    encoded = base64.b64encode(picture).decode()
    over_rest = http.post("/v1/search", json=query | {"image": encoded}).raise_for_status().json()
    answer = stub.Search(client.pb.SearchRequest(image=picture, **query))
    assert over_rest["hits"] == hits_of(answer)


def test_search_stream_gives_the_same_hits(
    client: rpcclient.Client, stub: Any, http: httpx.Client
) -> None:
    over_rest = http.get("/v1/search", params={"text": "a river", "k": 12}).json()
    pieces = list(stub.SearchStream(client.pb.SearchRequest(text="a river", k=12)))
    assert over_rest["hits"] == [hit for piece in pieces for hit in hits_of(piece)]
    nothing = client.pb.SearchRequest(text="a river", start="2030-01-01")
    (empty,) = stub.SearchStream(nothing)
    assert (empty.collection, list(empty.hits)) == ("small", [])


@pytest.mark.parametrize(
    "fields",
    [{}, {"distractors": []}, {"templates": ["a photo of {}"], "distractors": ["the sea"]}],
    ids=["built-in", "no distractor", "own"],
)
def test_classify_scores_as_rest_does(
    client: rpcclient.Client,
    stub: Any,
    http: httpx.Client,
    picture: bytes,
    fields: dict[str, list[str]],
) -> None:
    phrases = {name: client.pb.Phrases(texts=texts) for name, texts in fields.items()}
    encoded = base64.b64encode(picture).decode()
    asked = {"image": encoded, "labels": LABELS, **fields}
    over_rest = http.post("/v1/classify", json=asked).raise_for_status().json()
    answer = stub.Classify(client.pb.ClassifyRequest(image=picture, labels=LABELS, **phrases))
    assert over_rest["best"] == answer.best
    assert over_rest["labels"] == labels_of(answer.labels)
    assert over_rest["model"] == model_of(answer)


def test_classify_a_chip(client: rpcclient.Client, stub: Any, http: httpx.Client) -> None:
    chip = http.get("/v1/search", params={"text": "x", "k": 1}).json()["hits"][0]["chip"]
    asked = {"chip": chip, "collection": "small", "labels": LABELS}
    over_rest = http.post("/v1/classify", json=asked).raise_for_status().json()
    answer = stub.Classify(client.pb.ClassifyRequest(**asked))
    assert over_rest["labels"] == labels_of(answer.labels)


def test_similarity_keeps_the_order_and_equals_rest(
    client: rpcclient.Client, stub: Any, http: httpx.Client, picture: bytes
) -> None:
    encoded = base64.b64encode(picture).decode()
    asked = {"image": encoded, "text": LABELS}
    over_rest = http.post("/v1/similarity", json=asked).raise_for_status().json()
    answer = stub.Similarity(client.pb.SimilarityRequest(image=picture, texts=LABELS))
    assert over_rest["texts"] == labels_of(answer.texts)
    assert [one.label for one in answer.texts] == LABELS


def test_every_way_to_embed_gives_the_vectors_of_rest(
    client: rpcclient.Client, stub: Any, http: httpx.Client, picture: bytes
) -> None:
    encoded = base64.b64encode(picture).decode()
    over_rest = http.post("/v1/embed", json={"texts": LABELS, "images": [encoded]}).json()
    pb = client.pb
    items = [pb.Item(text=LABELS[0]), pb.Item(image=picture), pb.Item(text=LABELS[1])]
    expected = np.float32([over_rest["texts"][0], over_rest["images"][0], over_rest["texts"][1]])
    few = stub.Embed(pb.EmbedRequest(items=items))
    every = stub.EmbedStream(pb.EmbedStreamRequest(item=one) for one in items)
    each = list(
        stub.EmbedEach(pb.EmbedEachRequest(id=str(at), item=one) for at, one in enumerate(items))
    )
    assert [str(at) for at in range(3)] == [one.id for one in each]
    for vectors in (few.vectors, every.vectors, [one.vector for one in each]):
        np.testing.assert_allclose(expected, [one.values for one in vectors], atol=1e-6)
    assert over_rest["model"] == model_of(few) == model_of(every) == model_of(each[1])


def test_collections_and_model_are_as_rest_shows_them(
    client: rpcclient.Client, stub: Any, http: httpx.Client
) -> None:
    (over_rest,) = http.get("/v1/collections").json()["collections"]
    (shown,) = stub.ListCollections(client.pb.ListCollectionsRequest()).collections
    extent = shown.extent
    assert over_rest.pop("model") == model_of(shown)
    assert over_rest.pop("extent") == [extent.west, extent.south, extent.east, extent.north]
    assert over_rest == {name: getattr(shown, name) for name in over_rest}
    card = http.get("/v1/model").json()
    ref = f"{card['name']}@{card['version']}"
    for asked in ({}, {"model": card["name"]}, {"model": ref}):
        model = stub.GetModel(client.pb.GetModelRequest(**asked))
        for field in client.pb.GetModelResponse.DESCRIPTOR.fields:
            assert card[field.name] == getattr(model, field.name), field.name


def test_reflection_describes_every_service(called: rpcclient.Called) -> None:
    with called.channel() as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert sorted(database.get_services()) == [
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
            "inference.GRPCInferenceService",
            "satseek.v1.Satseek",
        ]
        described = database.FindFileContainingSymbol("satseek.v1.Satseek")
        assert described.name == "satseek/v1/satseek.proto"
        assert [one.name for one in SERVICE.methods] == [
            one.name for one in described.service[0].method
        ]
        inference = database.FindFileContainingSymbol("inference.GRPCInferenceService")
        assert inference.package == "inference"
