"""How hits were found → a table on a terminal. Knows no use-case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.cli.printing import print_table, say

if TYPE_CHECKING:
    from satseek.client.results import Explanation


def show_explanation(told: Explanation) -> None:
    """Print the ways that could be taken, and what the one that was took."""
    rows = [
        [one.collection, way.name, "" if at else "taken", str(way.rows), f"{way.expected_ms:.2f}"]
        for one in told.collections
        for at, way in enumerate(one.ways)
    ]
    print_table(["collection", "way", "", "rows", "expected ms"], rows)
    for one in told.collections:
        say(
            f"{one.collection}: {one.passing} of {one.living} chips pass the filter, "
            f"{one.candidates} compared exactly; filter {one.filter_ms:.2f} ms, search "
            f"{one.search_ms:.2f} ms"
        )
    say(f"embedding {told.embedding_ms:.2f} ms; searches of an index: {told.searches}")
