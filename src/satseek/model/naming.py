"""Turns what a person writes, ``NAME`` or ``NAME@VERSION``, into a checked name and version.

Does not know which models there are.
"""

from __future__ import annotations

import string
from dataclasses import dataclass

from satseek.errors import InvalidName, InvalidRequest
from satseek.model.card import VERSION_DIGITS

STARTER = "starter"
"""Name of the model that is shipped inside the package."""

ACTIVE = "active"
"""Means whichever version is in use."""

MAX_NAME = 100
"""Characters, as for collections; a file system takes 255."""

LEAST_DIGITS = 4
"""Digits of a version that a person has to type."""

_NAME_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-_.")
_DIGITS = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A model, as a person names it."""

    name: str
    """Its name."""
    version: str | None
    """The first digits of its version; None: whichever is meant."""


def is_model_name(name: str) -> bool:
    """Whether a name is safe as a folder's: letters, digits, ``-_.``, no leading dot."""
    return 0 < len(name) <= MAX_NAME and not name.startswith(".") and set(name) <= _NAME_CHARACTERS


def is_version(text: str) -> bool:
    """Whether a text is a whole version: 12 hex digits."""
    return len(text) == VERSION_DIGITS and set(text) <= _DIGITS


def check_model_name(name: str) -> None:
    """Refuse a name that is no safe folder name, or means something already.

    Raises:
        InvalidName: Empty, too long, a leading dot, other characters, ``starter`` or ``active``.
    """
    if not is_model_name(name):
        raise InvalidName(
            f"model name: expected 1 to {MAX_NAME} letters, digits or -_. without a leading dot, "
            f"came {name[: MAX_NAME + 1]!r}"
        )
    if name in (STARTER, ACTIVE):
        raise InvalidName(f"model name: {name} has a meaning of its own, choose another")


def parse_reference(text: str) -> Reference | None:
    """Split ``NAME`` or ``NAME@VERSION``; None where the text can be neither, such as a path.

    Raises:
        InvalidRequest: the name fits, but what follows the ``@`` is no version.
    """
    name, at, version = text.partition("@")
    if not is_model_name(name):
        return None
    if not at:
        return Reference(name=name, version=None)
    version = version.lower()
    if not LEAST_DIGITS <= len(version) <= VERSION_DIGITS or not set(version) <= _DIGITS:
        raise InvalidRequest(
            f"{text[:200]}: expected NAME@VERSION with {LEAST_DIGITS} to {VERSION_DIGITS} hex "
            "digits of the version"
        )
    return Reference(name=name, version=version)
