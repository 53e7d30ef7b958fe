"""What a distribution asks for → every distribution that it takes, on the target's machines.

Does not fetch: who asks says where what a distribution requires is read from. pip would ask markers
for the machine that it runs on, which is another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from satseek.errors import DamagedData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from satseek.airgap.target import Target

    Requires = Callable[[str], Sequence[str] | None]
    """What a distribution requires, by its canonical name, as its metadata say; None: not known."""


def needed(root: str, *, requires: Requires, target: Target) -> dict[str, SpecifierSet]:
    """Every distribution that a requirement takes, itself included, with the versions allowed.

    Args:
        root: Such as ``satseek[web,faiss]``.
        requires: Where it is not known, what lies behind a distribution is missing here.
        target: Markers are asked for it.

    Returns:
        By canonical name, in the order of names.

    Raises:
        DamagedData: metadata that no requirement can be read from.
    """
    allowed: dict[str, SpecifierSet] = {}
    asked: set[tuple[str, str]] = set()
    waiting = [_read(root, root)]
    while waiting:
        one = waiting.pop()
        name = str(canonicalize_name(one.name))
        allowed[name] = allowed.get(name, SpecifierSet()) & one.specifier
        for extra in ("", *sorted(one.extras)):
            if (name, extra) not in asked:
                asked.add((name, extra))
                waiting += _asked(name, extra, requires(name) or (), target)
    return dict(sorted(allowed.items()))


def _asked(name: str, extra: str, lines: Sequence[str], target: Target) -> Iterator[Requirement]:
    for line in lines:
        one = _read(line, name)
        environments = [{**environment, "extra": extra} for environment in target.environments]
        if one.marker is None or any(map(one.marker.evaluate, environments)):
            yield one


def _read(line: str, owner: str) -> Requirement:
    try:
        return Requirement(line)
    except InvalidRequirement as error:
        raise DamagedData(f"{owner}: expected a requirement, found {line!r}") from error
