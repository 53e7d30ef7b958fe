#!/usr/bin/env python3
"""Writes the part of the chart's ``values.schema.json`` that is satseek's own settings.

To be run whenever a setting comes or goes: ``python deploy/helm/settings.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from satseek.settings import SECRETS, Settings

SCHEMA = Path(__file__).parent / "satseek" / "values.schema.json"

OF_THE_CHART = frozenset(
    (
        "data_dir",
        "grpc_port",
        "host",
        "metrics_host",
        "metrics_port",
        "port",
        "server_worker",
        "tls_cert_file",
        "tls_key_file",
        "worker_processes",
    )
)
"""Settings that the chart decides: they are told by variables, and are no values."""

AUTHORITIES = tuple(name for name in Settings.model_fields if name.endswith("_ca_file"))
"""Settings that name a file of CA certificates: they are mounted from ConfigMaps or Secrets."""


def settings_schema() -> dict[str, Any]:
    """Give the values ``settings``, ``secrets`` and ``authorities`` as definitions of draft 7."""
    schema = Settings.model_json_schema(ref_template="#/definitions/{model}")
    left_out = {*OF_THE_CHART, *SECRETS, *AUTHORITIES}
    known = {name: it for name, it in schema["properties"].items() if name not in left_out}
    return {
        **{name: _plain(it) for name, it in schema.get("$defs", {}).items()},
        "settings": _closed({name: _nullable(_plain(it)) for name, it in known.items()}),
        "secrets": _closed({name: {"$ref": "#/definitions/secretKey"} for name in SECRETS}),
        "authorities": _closed({name: {"$ref": "#/definitions/authority"} for name in AUTHORITIES}),
    }


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(sorted(properties.items())),
    }


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Let null take a setting away, as it does with every value of Helm."""
    if "anyOf" in schema:
        kinds = [kind for kind in schema["anyOf"] if kind != {"type": "null"}]
        return {"anyOf": [*kinds, {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]}


def _plain(schema: Any) -> Any:
    """Leave out what is only said to people, and what JSON cannot carry."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {}
    for key, value in schema.items():
        if key == "properties":
            kept[key] = {name: _plain(one) for name, one in value.items()}
        elif key not in ("title", "description", "default", "format", "writeOnly"):
            kept[key] = _plain(value)
    return kept


def main() -> None:
    """Replace the definitions in the schema, and leave the rest as it is."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    schema["definitions"] |= settings_schema()
    SCHEMA.write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
