"""Wheels, models and images → the list of what an archive is made of, as CycloneDX 1.6 has it.

Knows what wheels say of themselves; does not judge licences.
https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from satseek.airgap.layout import INSTALLER, WHEELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.airgap.wheels import Wheel

NAMESPACE = uuid.UUID("7d0c0c1e-7b54-5f0e-9d55-2b1f1d5b3c60")
"""Drawn once. The serial number is a name of what is listed: the same wheels give the same."""

MAX_LICENCE = 100
"""Some put the whole text of a licence where its name belongs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What an archive carries and pip does not install."""

    kind: str
    """As CycloneDX calls it: machine-learning-model, container."""
    name: str
    """Without its version."""
    version: str | None
    """None: nobody said."""
    file: str
    """Its name in the archive."""
    digest: str
    """SHA-256, 64 hex digits."""
    licences: Sequence[str] = ()
    """As their owner words them."""


def inventory_text(
    wheels: Mapping[str, Wheel],
    *,
    root: str,
    installer: Mapping[str, Wheel],
    carried: Sequence[Carried],
) -> str:
    """Write the inventory; the same contents always give the same text.

    Args:
        wheels: By canonical name.
        root: The one that the others are there for.
        installer: What installs them, likewise.
        carried: Models and images, in the order that they are listed in.
    """
    components = {name: _component(wheel, WHEELS) for name, wheel in sorted(wheels.items())}
    others = [_component(wheel, INSTALLER) for _, wheel in sorted(installer.items())]
    others += [_carried(one) for one in carried]
    serial = uuid.uuid5(NAMESPACE, json.dumps([components, others], sort_keys=True))
    told = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": {**components[root], "type": "application"}},
        "components": [*(one for name, one in components.items() if name != root), *others],
        "dependencies": [
            {"ref": components[name]["bom-ref"], "dependsOn": _asked(wheel, components)}
            for name, wheel in sorted(wheels.items())
        ],
    }
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _carried(one: Carried) -> dict[str, Any]:
    component: dict[str, Any] = {"type": one.kind, "bom-ref": one.file, "name": one.name}
    if one.version is not None:
        component["version"] = one.version
    component["hashes"] = [{"alg": "SHA-256", "content": one.digest}]
    if one.licences:
        names = sorted({name[:MAX_LICENCE] for name in one.licences})
        component["licenses"] = [{"license": {"name": name}} for name in names]
    component["properties"] = [_lies_at(one.file)]
    return component


def _lies_at(file: str) -> dict[str, str]:
    return {"name": "satseek:file", "value": file}


def _component(wheel: Wheel, folder: str) -> dict[str, Any]:
    told = wheel.metadata()
    purl = f"pkg:pypi/{wheel.name}@{wheel.version}"
    digest = hashlib.sha256(wheel.path.read_bytes()).hexdigest()
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl if folder == WHEELS else f"{folder}/{wheel.path.name}",
        "name": wheel.name,
        "version": str(wheel.version),
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "properties": [_lies_at(f"{folder}/{wheel.path.name}")],
    }
    if expression := told.get("License-Expression"):
        component["licenses"] = [{"expression": expression}]
    elif named := _licences(told.get("License"), told.get_all("Classifier") or ()):
        component["licenses"] = [{"license": {"name": one}} for one in named]
    return component


def _licences(field: str | None, classifiers: Any) -> list[str]:
    said = [one.rpartition(" :: ")[2] for one in classifiers if str(one).startswith("License :: ")]
    if said:
        return sorted(set(said))
    first = (field or "").strip().partition("\n")[0]
    return [first[:MAX_LICENCE]] if first else []


def _asked(wheel: Wheel, components: Mapping[str, dict[str, Any]]) -> list[str]:
    """What is in the archive and asked for by a wheel, whatever the extra."""
    lines = wheel.metadata().get_all("Requires-Dist") or ()
    names = {str(canonicalize_name(Requirement(line).name)) for line in lines} - {wheel.name}
    return [components[name]["bom-ref"] for name in sorted(names) if name in components]
