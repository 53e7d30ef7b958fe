"""Wheels → the list of what an archive is made of, as CycloneDX 1.6 has it.

Knows what wheels say of themselves; does not judge licences.
https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.airgap.wheels import Wheel

NAMESPACE = uuid.UUID("7d0c0c1e-7b54-5f0e-9d55-2b1f1d5b3c60")
"""Drawn once. The serial number is a name of what is listed: the same wheels give the same."""

MAX_LICENCE = 100
"""Some put the whole text of a licence where its name belongs."""


def inventory_text(wheels: Mapping[str, Wheel], *, root: str) -> str:
    """Write the inventory of wheels; the same wheels always give the same text.

    Args:
        wheels: By canonical name.
        root: The one that the others are there for.
    """
    components = {name: _component(wheel) for name, wheel in sorted(wheels.items())}
    serial = uuid.uuid5(NAMESPACE, json.dumps(components, sort_keys=True))
    told = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": {**components[root], "type": "application"}},
        "components": [one for name, one in components.items() if name != root],
        "dependencies": [
            {"ref": components[name]["bom-ref"], "dependsOn": _asked(wheel, components)}
            for name, wheel in sorted(wheels.items())
        ],
    }
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _component(wheel: Wheel) -> dict[str, Any]:
    told = wheel.metadata()
    purl = f"pkg:pypi/{wheel.name}@{wheel.version}"
    digest = hashlib.sha256(wheel.path.read_bytes()).hexdigest()
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": wheel.name,
        "version": str(wheel.version),
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "properties": [{"name": "satseek:wheel", "value": wheel.path.name}],
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
