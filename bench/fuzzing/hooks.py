"""What makes generated requests reach something: names of things that the fuzzed server has.

Loaded by schemathesis (``SCHEMATHESIS_HOOKS``); ``bench/fuzz_api.py`` says how.
"""

from __future__ import annotations

import os
from typing import Any

import schemathesis

KNOWN: dict[str, list[str]] = {
    name: values.split("|")
    for name, _, values in (
        line.partition("=") for line in os.environ.get("FUZZ_KNOWN", "").splitlines()
    )
}
"""Values by parameter: of the made-up ones, about half give way to these."""


def _known(parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    for name, values in KNOWN.items():
        made_up = (parameters or {}).get(name)
        if isinstance(made_up, str) and (len(made_up) + sum(map(ord, made_up))) % 2:
            assert parameters is not None
            parameters[name] = values[sum(map(ord, made_up)) // 2 % len(values)]
    return parameters


@schemathesis.hook
def map_path_parameters(_context: Any, path_parameters: Any) -> Any:
    """Name what is there, now and then."""
    return _known(path_parameters)


@schemathesis.hook
def map_query(_context: Any, query: Any) -> Any:
    """Likewise in queries."""
    return _known(query)


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """Likewise in bodies."""
    return _known(body) if isinstance(body, dict) else body


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """Leave out forms that are only wrong before they are sent.

    A form holds text alone: null goes out as the word ``null``, a list without items not at all, so
    that what the generator calls a violation arrives as something else, which may be right.
    """
    negative = case.meta is not None and case.meta.generation.mode.is_negative
    if not negative or case.media_type != "multipart/form-data" or not isinstance(case.body, dict):
        return True
    return all(isinstance(value, str | bytes) for value in case.body.values())
