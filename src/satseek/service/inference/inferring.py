"""A request of the Open Inference Protocol → the verbs that embed, and their vectors.

Does not know REST or gRPC. One request takes one version of a model and keeps to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.service.bodies import from_base64
from satseek.service.inference.offers import inputs, offer, outputs
from satseek.service.inference.tensors import elements_of, numbers_of, texts_of
from satseek.service.verbs import embed_ids, embed_items, embed_tensor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from satseek.service.calling import Caller
    from satseek.service.inference.offers import Offer
    from satseek.service.inference.tensors import Given, TensorSpec
    from satseek.service.running import Running
    from satseek.service.verbs import Embedded
    from satseek.types import Vectors

MAX_ID = 1000
"""Characters of a request's id, which comes back in the answer."""

_GIVES = {
    "image": "image_vectors",
    "pixel_values": "image_vectors",
    "text": "text_vectors",
    "input_ids": "text_vectors",
}
"""Which output an input makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferAsked:
    """What a client asks for."""

    model: str
    """Name of the model."""
    version: str
    """Its version; empty: whichever answers under that name."""
    request_id: str
    """Comes back in the answer; empty: none."""
    inputs: tuple[Given, ...]
    """Tensors."""
    outputs: tuple[str, ...]
    """Names of the outputs wanted; empty: all that the inputs make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferred:
    """What comes back."""

    offer: Offer
    """The model that answered, under the name that was asked for."""
    request_id: str
    """As asked."""
    vectors: Mapping[str, Vectors]
    """Unit vectors by output, in the order asked."""


async def infer(asked: InferAsked, *, shared: Running, caller: Caller) -> Inferred:
    """Embed what the inputs hold.

    Raises:
        ModelNotServed: there is no such model.
        InvalidRequest, EmptyText: inputs, or wanted outputs, that cannot be.
        UnreadableImage, PermissionDenied, Overloaded, DeadlineExceeded, Abandoned: as the verbs.
    """
    caller.principal.require("embed")
    if len(asked.request_id) > MAX_ID:
        raise InvalidRequest(f"id: expected at most {MAX_ID} characters")
    found = await shared.in_thread(lambda: offer(shared, asked.model, asked.version))
    specs = {spec.name: spec for spec in inputs(found.card)}
    given = _by_output(asked, specs)
    wanted = _wanted(asked, given, known=[spec.name for spec in outputs(found.card)])
    vectors = {}
    for name in wanted:
        one = given[name]
        embed = _EMBED[one.name]
        embedded = await embed(one, specs[one.name], _Asking(shared, caller, found.ref))
        vectors[name] = embedded.vectors
    return Inferred(offer=found, request_id=asked.request_id, vectors=vectors)


@dataclass(frozen=True, slots=True)
class _Asking:
    """What every verb needs beside what is embedded."""

    shared: Running
    caller: Caller
    ref: str


async def _images(given: Given, spec: TensorSpec, by: _Asking) -> Embedded:
    def read() -> list[str | bytes]:
        found = elements_of(given, spec)
        return [from_base64(one) if isinstance(one, str) else one for one in found]

    files = await by.shared.in_thread(read)
    return await embed_items(files, shared=by.shared, caller=by.caller, model=by.ref)


async def _texts(given: Given, spec: TensorSpec, by: _Asking) -> Embedded:
    texts = texts_of(given, spec)
    return await embed_items(texts, shared=by.shared, caller=by.caller, model=by.ref)


async def _pixels(given: Given, spec: TensorSpec, by: _Asking) -> Embedded:
    def read() -> np.ndarray:
        return np.ascontiguousarray(numbers_of(given, spec), dtype=np.float32)

    tensor = await by.shared.in_thread(read)
    return await embed_tensor(tensor, shared=by.shared, caller=by.caller, model=by.ref)


async def _ids(given: Given, spec: TensorSpec, by: _Asking) -> Embedded:
    ids = np.ascontiguousarray(numbers_of(given, spec), dtype=np.int64)
    return await embed_ids(ids, shared=by.shared, caller=by.caller, model=by.ref)


_EMBED: Mapping[str, Callable[[Given, TensorSpec, _Asking], Awaitable[Embedded]]] = {
    "image": _images,
    "pixel_values": _pixels,
    "text": _texts,
    "input_ids": _ids,
}


def _by_output(asked: InferAsked, specs: Mapping[str, TensorSpec]) -> dict[str, Given]:
    """Sort inputs by the output that they make; at most one of images, one of texts."""
    found: dict[str, Given] = {}
    for one in asked.inputs:
        if one.name not in specs:
            known = ", ".join(specs)
            raise InvalidRequest(f"there is no input {one.name[:200]!r}; the inputs are {known}")
        output = _GIVES[one.name]
        if output in found:
            raise InvalidRequest(
                f"expected one input for {output}, came {found[output].name} and {one.name}"
            )
        found[output] = one
    if not found:
        raise InvalidRequest(f"expected an input: one or two of {', '.join(specs)}")
    return found


def _wanted(asked: InferAsked, given: Mapping[str, Given], *, known: list[str]) -> list[str]:
    """Names of the outputs to compute, in the order asked, or the model's own."""
    if not asked.outputs:
        return [name for name in known if name in given]
    for name in asked.outputs:
        if name not in known:
            raise InvalidRequest(
                f"there is no output {name[:200]!r}; the outputs are {', '.join(known)}"
            )
        if name not in given:
            raise InvalidRequest(f"no input makes {name}: send {_makers(name)}")
    if len(set(asked.outputs)) != len(asked.outputs):
        raise InvalidRequest("expected each output once")
    return list(asked.outputs)


def _makers(output: str) -> str:
    return " or ".join(name for name, made in _GIVES.items() if made == output)
