"""The models of a server → how clients of the Open Inference Protocol see them.

Does not know REST or gRPC. The model in force has a name that stays when another one is activated;
every version in the store has its own name beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version as package_version
from typing import TYPE_CHECKING

from satseek.errors import ModelNotServed
from satseek.model.versions import version_folders
from satseek.service.inference.tensors import TensorSpec

if TYPE_CHECKING:
    from satseek.assemble import Assembly, ServedModel
    from satseek.service.running import Running
    from satseek.types import ModelCard

IN_FORCE = "satseek"
"""Name of whichever model is in force; it has one version, which changes with it."""

PLATFORM = "satseek_towers"
"""What runs a model, in the protocol's words; graphs are the server's own business."""

EXTENSIONS = ("binary_tensor_data", "model_configuration")
"""Extensions of the protocol that are answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A model under the name that a client asked for."""

    name: str
    """``satseek``, or a model's own name."""
    version: str
    """The version that answers."""
    versions: tuple[str, ...]
    """Versions that can be asked for under this name."""
    ref: str
    """``NAME@VERSION``, as the verbs take it."""
    card: ModelCard
    """What the model is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the repository's index."""

    name: str
    """Name."""
    version: str
    """Version."""
    ready: bool
    """True where it answers at once; a stored one is opened when first asked for."""


def server_version() -> str:
    """Version of this package."""
    return package_version("satseek")


def offer(shared: Running, name: str, version: str = "") -> Offer:
    """Find a model by name and version; reads the store, so not on the event loop.

    Args:
        shared: What all requests share.
        name: ``satseek``, or a model's own name.
        version: 12 hex digits; empty: the one in force, or of a stored model the one that
            ``NAME`` alone means.

    Raises:
        ModelNotServed: there is none of that name and version.
    """
    assembly = shared.assembly
    if name == IN_FORCE:
        served = assembly.model_named(None)
        if version not in ("", served.card.version):
            raise ModelNotServed(
                f"{IN_FORCE} is {served.ref} now; ask for another version by its model's name"
            )
        return _offer(IN_FORCE, served, (served.card.version,))
    served = assembly.model_named(f"{name}@{version}" if version else name)
    versions = {one for stored, one in _stored(assembly) if stored == served.card.name}
    return _offer(name, served, tuple(sorted(versions | {served.card.version})))


def listed(shared: Running) -> list[Listed]:
    """Every model that can be asked for, the one in force first; reads the store."""
    assembly = shared.assembly
    now = assembly.model_named(None)
    key = (now.card.name, now.card.version)
    others = set(_stored(assembly)) - {key}
    here = [
        Listed(name=IN_FORCE, version=key[1], ready=now.warm),
        Listed(name=key[0], version=key[1], ready=now.warm),
    ]
    return here + [Listed(name=name, version=one, ready=True) for name, one in sorted(others)]


def inputs(card: ModelCard) -> tuple[TensorSpec, ...]:
    """Tensors that a model takes: one of images, one of texts, or one of each."""
    size = card.image_size
    return (
        TensorSpec(name="image", datatypes=("BYTES",), shape=(-1,)),
        TensorSpec(name="text", datatypes=("BYTES",), shape=(-1,)),
        TensorSpec(name="pixel_values", datatypes=("FP32", "FP16"), shape=(-1, 3, size, size)),
        TensorSpec(name="input_ids", datatypes=("INT64", "INT32"), shape=(-1, card.context_length)),
    )


def outputs(card: ModelCard) -> tuple[TensorSpec, ...]:
    """Tensors that a model gives: unit vectors of what came in."""
    return tuple(
        TensorSpec(name=name, datatypes=("FP32",), shape=(-1, card.dim))
        for name in ("image_vectors", "text_vectors")
    )


def config_type(spec: TensorSpec) -> str:
    """Name of a tensor's type in a model configuration (``model_config.proto``: DataType)."""
    datatype = spec.datatypes[0]
    return "TYPE_STRING" if datatype == "BYTES" else f"TYPE_{datatype}"


def figures(card: ModelCard) -> dict[str, str]:
    """What a client needs beside the vectors, as texts: to make a logit of a cosine, above all."""
    return {
        "model": card.ref,
        "family": card.family,
        "precision": card.precision,
        "score_head": card.score_head,
        "logit_scale": repr(card.logit_scale),
        "logit_bias": repr(card.logit_bias),
    }


def _offer(name: str, served: ServedModel, versions: tuple[str, ...]) -> Offer:
    card = served.card
    return Offer(name=name, version=card.version, versions=versions, ref=served.ref, card=card)


def _stored(assembly: Assembly) -> list[tuple[str, str]]:
    """Names and versions in the store; a pinned server answers with none of them."""
    if assembly.models.pinned:
        return []
    return [key for key in version_folders(assembly.models_dir) if key[1]]
