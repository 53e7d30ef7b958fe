"""What is expected of a map → how many places are worth judging, and how many of each stratum.

Does not know how they are drawn. Olofsson et al. (2014), equation 13, and the allocation of their
example: enough places for the small strata first, the others by area.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.monitor.areas.estimating import Stratum

Rule: TypeAlias = Literal["proportional", "equal", "neyman"]
"""How places are shared out among strata. ``proportional``: by area, best for overall accuracy;
``equal``: best for user's accuracies; ``neyman``: by area times the spread expected within, best
for areas."""

LEAST = 50
"""Places in a small stratum, such as of change: Olofsson et al. (2014) advise 50 to 100."""

EXPECTED_USERS = 0.8
"""User's accuracy expected of a class of which nothing is known yet; the nearer to 0.5, the more
places are asked for. In the middle of the 0.6 to 0.95 that the paper's example expects."""

STANDARD_ERROR = 0.02
"""Of overall accuracy: ± 4 %, 400 places where nothing better is known. The paper's example wants
0.01, which takes four times as many."""


def sample_size(
    strata: Sequence[Stratum],
    *,
    users: Mapping[str, float] | None = None,
    standard_error: float = STANDARD_ERROR,
) -> int:
    """Tell how many places give overall accuracy a standard error (equation 13).

    Where the strata have so many cells and no more, fewer do (Cochran 1977, equation 5.25).

    Args:
        strata: With their areas.
        users: User's accuracy expected of each, 0–1; what is not named has ``EXPECTED_USERS``.
        standard_error: Wanted, above 0 and at most 0.5.

    Raises:
        InvalidRequest: figures that cannot be.
    """
    if not 0 < standard_error <= 0.5:  # noqa: PLR2004 - no share is further off
        raise InvalidRequest(
            f"standard error: expected above 0 and at most 0.5, came {standard_error}"
        )
    whole = sum(one.area_m2 for one in strata)
    spreads = _spreads(strata, users or {})
    weights = {one.name: one.area_m2 / whole for one in strata}
    mean = sum(weights[name] * spreads[name] for name in weights)
    cells = sum(one.cells or math.inf for one in strata)
    within = sum(weights[name] * spreads[name] ** 2 for name in weights) / cells
    return math.ceil(mean**2 / (standard_error**2 + within))


def allocate(
    strata: Sequence[Stratum],
    total: int,
    *,
    rule: Rule = "proportional",
    least: int = LEAST,
    users: Mapping[str, float] | None = None,
    drawn: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Share places out among strata.

    A stratum that would have fewer than ``least`` gets as many; one that has fewer cells has all of
    them judged; the others share what is left.

    Args:
        strata: With their areas, and their cells where cells are drawn.
        total: Places in all.
        rule: By what they are shared out.
        least: In each stratum.
        users: For ``neyman``, see ``sample_size``.
        drawn: How many of each were drawn before: none gets fewer.

    Returns:
        How many of each; together ``total``, or fewer where there are not as many cells.

    Raises:
        InvalidRequest: fewer places than two for each stratum, or figures that cannot be.
    """
    if total < 2 * len(strata) or least < 0:
        raise InvalidRequest(
            f"sample size: expected at least {2 * len(strata)}, two for each of {len(strata)} "
            f"strata, came {total}"
        )
    before = {one.name: (drawn or {}).get(one.name, 0) for one in strata}
    # a sample too small for that gives each stratum its even part
    floor = min(least, total // len(strata))
    sizes = {one.name: max(before[one.name], min(floor, _most(one, total))) for one in strata}
    if sum(sizes.values()) > total:
        sizes = before
    weights = _weights(strata, rule, users or {})
    _fill(sizes, weights, {one.name: _most(one, total) for one in strata}, total)
    return sizes


def _fill(
    sizes: dict[str, int], weights: Mapping[str, float], most: Mapping[str, int], total: int
) -> None:
    """Give what is left, one by one, to the stratum that is furthest below its share."""
    open_ = {name for name in sizes if sizes[name] < most[name]}
    for _ in range(total - sum(sizes.values())):
        if not open_:
            return
        name = max(open_, key=lambda one: (weights[one] / (sizes[one] + 1), one))
        sizes[name] += 1
        if sizes[name] >= most[name]:
            open_.discard(name)


def _most(stratum: Stratum, total: int) -> int:
    return total if stratum.cells is None else min(stratum.cells, total)


def _weights(strata: Sequence[Stratum], rule: Rule, users: Mapping[str, float]) -> dict[str, float]:
    if rule == "equal":
        return {one.name: 1.0 for one in strata}
    if rule == "proportional":
        return {one.name: one.area_m2 for one in strata}
    spreads = _spreads(strata, users)
    return {one.name: one.area_m2 * spreads[one.name] for one in strata}


def _spreads(strata: Sequence[Stratum], users: Mapping[str, float]) -> dict[str, float]:
    """Standard deviation of right and wrong within each stratum: √(U (1 − U))."""
    names = [one.name for one in strata]
    if unknown := sorted(users.keys() - set(names)):
        raise InvalidRequest(
            f"user's accuracy of {unknown[0]!r}: expected one of {', '.join(names)}"
        )
    for name, value in users.items():
        if not 0 <= value <= 1:
            raise InvalidRequest(f"user's accuracy of {name!r}: expected 0 to 1, came {value}")
    given = {name: users.get(name, EXPECTED_USERS) for name in names}
    return {name: math.sqrt(value * (1 - value)) for name, value in given.items()}
