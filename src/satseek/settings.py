"""Flags, environment and ``satseek.toml`` → one checked set of settings.

Knows no room. It is the only file that reads the environment, and it does so when asked, never at
import. Precedence: flag, ``SATSEEK_*``, ``satseek.toml``, default. Unknown keys are errors.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from satseek.errors import InvalidSettings

PREFIX = "SATSEEK_"
FILE_NAME = "satseek.toml"

ACTIVE = "active"
"""Model that is not pinned: the store's activated version, or the shipped one before there is."""

Origin = Literal["flag", "environment", "file", "default"]


class Settings(BaseModel):
    """Everything that an operator may choose; each field says when to change it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("satseek")),
        description="Folder of collections and models. Change it to a disk with room.",
    )
    model: str = Field(
        default=ACTIVE,
        description="Model: `active` (what `satseek model activate` chose, or `starter`); or one "
        "pinned: `starter`, a name in the model store, a folder. Pin it to rule out a change.",
    )
    engine: Literal["auto", "onnxruntime", "openvino", "torch"] = Field(
        default="auto",
        description="Runtime of the model; auto: the fastest that `satseek model bench` measured "
        "here, or onnxruntime. Set it to rule out the others.",
    )
    device: Literal["auto", "cpu", "cuda", "tensorrt"] = Field(
        default="auto",
        description="Where the model runs; auto: as measured, or cpu. Set it to use a GPU that was "
        "not measured.",
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto",
        description="What the model computes in; auto: as measured, or float32. Set float32 to "
        "compare machines.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="CPU threads of the engine; unset: all cores. Lower it to leave room.",
    )
    batch: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description="Chips per engine call while indexing; unset: as `satseek model bench` "
        "measured, or 32. Lower it when memory is short.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Change it to 0.0.0.0 to be reached from other machines.",
    )
    port: int = Field(
        default=7860,
        ge=0,
        le=65535,
        description="Port to listen on; 0 takes a free one. Change it when 7860 is taken.",
    )
    max_upload_bytes: int = Field(
        default=50_000_000,
        ge=1024,
        description="Largest request body. Raise it to query with larger images.",
    )
    max_image_pixels: int = Field(
        default=100_000_000,
        ge=1,
        description="Largest image, checked before decoding. Raise it with memory to spare.",
    )
    max_concurrent_requests: int = Field(
        default=16,
        ge=1,
        le=10_000,
        description="Requests worked on at once, more get 429. Raise it on larger machines.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="Least severe message that is logged. Set debug when reporting a problem.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """Settings and where each of them came from."""

    settings: Settings
    """The values in force."""
    origins: dict[str, Origin]
    """Origin by field name."""
    file: Path | None
    """The ``satseek.toml`` that was read; None: there was none."""


def read_settings(flags: dict[str, Any] | None = None, *, folder: Path | None = None) -> Configured:
    """Read settings from flags, environment, and ``satseek.toml`` in ``folder`` (default: here).

    Raises:
        InvalidSettings: a key is unknown or a value out of range; names the key and its origin.
    """
    path = _file(folder or Path.cwd())
    layers: list[tuple[Origin, dict[str, Any]]] = [
        ("file", _from_file(path) if path else {}),
        ("environment", _from_environment()),
        ("flag", {key: value for key, value in (flags or {}).items() if value is not None}),
    ]
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = dict.fromkeys(Settings.model_fields, "default")
    for origin, layer in layers:
        values |= layer
        origins |= dict.fromkeys(layer, origin)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise InvalidSettings(_explain(error, origins)) from error
    return Configured(settings=settings, origins=origins, file=path)


def _file(folder: Path) -> Path | None:
    named = os.environ.get(f"{PREFIX}CONFIG")
    if named:
        if not Path(named).is_file():
            raise InvalidSettings(f"{PREFIX}CONFIG names {named}, which is not a file")
        return Path(named)
    path = folder / FILE_NAME
    return path if path.is_file() else None


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSettings(f"{path} is not readable TOML: {error}") from error


def _from_environment() -> dict[str, Any]:
    """Collect ``SATSEEK_*``; an empty value counts as unset."""
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in sorted(os.environ.items())
        if name.startswith(PREFIX) and value and name != f"{PREFIX}CONFIG"
    }


def _explain(error: ValidationError, origins: dict[str, Origin]) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    origin = origins.get(key, "default")
    if first["type"] == "extra_forbidden":
        return f"unknown setting {key!r} ({origin}); known are {', '.join(Settings.model_fields)}"
    return f"setting {key!r} ({origin}): {first['msg']}, came {first['input']!r}"
