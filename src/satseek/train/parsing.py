"""A TOML file becomes a checked `TrainConfig`.

Knows nothing of torch: a configuration can be read and checked without it.
"""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from satseek.errors import FolderNotFound, InvalidConfig
from satseek.train.configuring import SourceConfig, SourceKind, TrainConfig

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


def read_config(path: Path | str) -> TrainConfig:
    """Read and check a training configuration.

    Raises:
        FolderNotFound: No such file.
        InvalidConfig: Not TOML, an unknown key, a wrong type or an impossible value.
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FolderNotFound(f"{path}: no such file, expected a training configuration") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path}: expected TOML, {error}") from error
    config = _build(TrainConfig, table, where=str(path))
    check(config, where=str(path))
    return config


def check(config: TrainConfig, *, where: str = "configuration") -> None:
    """Refuse values that cannot be.

    Raises:
        InvalidConfig: Names the value and what was expected.
    """
    shape, plan = config.model, config.schedule
    for wrong, what in (
        (not config.sources, "at least one [[sources]]"),
        (plan.steps < 1, f"schedule.steps of at least 1, not {plan.steps}"),
        (plan.batch < plan.processes, "schedule.batch of at least schedule.processes"),
        (not 0 < plan.texts <= plan.batch, "schedule.texts from 1 to schedule.batch"),
        (plan.processes < 1, "schedule.processes of at least 1"),
        (shape.image_size % shape.patch_size != 0, "image_size to be a multiple of patch_size"),
        (shape.width % shape.heads != 0, "model.width to be a multiple of model.heads"),
        (shape.width % 4 != 0, "model.width to be a multiple of 4"),
        (shape.text_width % shape.text_heads != 0, "text_width to be a multiple of text_heads"),
    ):
        if wrong:
            raise InvalidConfig(f"{where}: expected {what}")
    for source in config.sources:
        if not (source.weight > 0 and 0 <= source.holdout <= 0.9):  # noqa: PLR2004 -- a part stays
            raise InvalidConfig(f"{where}: {source.path}: expected weight > 0, holdout 0 to 0.9")
        if source.kind == "county" and source.chips < 1:
            raise InvalidConfig(f"{where}: {source.path}: expected chips of at least 1")


def _build(kind: type[_T], table: Any, *, where: str) -> _T:
    if not isinstance(table, dict):
        raise InvalidConfig(f"{where}: expected a table, not {table!r}")
    hints = get_type_hints(kind)
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise InvalidConfig(f"{where}: unknown key {key!r}, expected one of {sorted(known)}")
    for key, item in known.items():
        if key not in table and item.default is MISSING and item.default_factory is MISSING:
            raise InvalidConfig(f"{where}: {key!r} is missing")
    return kind(**{k: _value(hints[k], v, where=f"{where}: {k}") for k, v in table.items()})


def _value(hint: Any, value: Any, *, where: str) -> Any:
    if is_dataclass(hint):
        return _build(hint, value, where=where)  # type: ignore[arg-type]
    if hint == tuple[SourceConfig, ...] and isinstance(value, list):
        return tuple(_build(SourceConfig, v, where=f"{where}[{i}]") for i, v in enumerate(value))
    for known, fits, made in _PLAIN:
        if hint == known and fits(value):
            return made(value)
    raise InvalidConfig(f"{where}: expected {getattr(hint, '__name__', hint)}, not {value!r}")


def _is_list_of(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(type(one) is kind for one in value)


def _is_table_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(fits(one) for one in value.values())


_PLAIN: tuple[tuple[Any, Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (int, lambda value: type(value) is int, int),
    (float, lambda value: type(value) in (int, float), float),
    (str, lambda value: isinstance(value, str), str),
    (bool, lambda value: isinstance(value, bool), bool),
    (str | None, lambda value: isinstance(value, str), str),
    (SourceKind, lambda value: value in get_args(SourceKind), str),
    (tuple[str, ...], _is_list_of(str), tuple),
    (tuple[int, ...], _is_list_of(int), tuple),
    (dict[str, str], _is_table_of(lambda value: isinstance(value, str)), dict),
    (dict[str, list[str]], _is_table_of(_is_list_of(str)), dict),
)
"""Type of a field, whether a TOML value is one, how it becomes one."""
