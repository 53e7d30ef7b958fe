"""``satseek search --servers``: several servers asked as one → hits. Knows only the client."""

from __future__ import annotations

import json as jsonlib
from typing import TYPE_CHECKING, Any

from satseek.cli.explaining import show_explanation
from satseek.cli.printing import print_json, print_table, say
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from satseek.client.results import Hits
    from satseek.settings import Settings


def search_servers(
    servers: Sequence[str], asked: Mapping[str, Any], *, partial: bool, settings: Settings
) -> Hits:
    """Ask servers, with the key that the settings name.

    Raises:
        As ``Federation.search``.
    """
    from satseek.client.clients import Client  # noqa: PLC0415 (loads httpx)
    from satseek.client.federating import Federation  # noqa: PLC0415

    key = settings.servers_token
    token = None if key is None else key.get_secret_value()
    with Federation([Client(server, token=token) for server in servers]) as federation:
        return federation.search(partial=partial, **asked)


def check_only_shown(**files: Path | None) -> None:
    """Refuse what takes the scenes of a collection, which lie elsewhere."""
    named = [f"--{name}" for name, path in files.items() if path is not None]
    if named:
        raise InvalidRequest(f"{', '.join(named)}: not over --servers; --geojson writes their hits")


def show_hits(hits: Hits, *, geojson: Path | None, json: bool) -> None:
    """Print hits, and write them where that was asked for."""
    if geojson:
        content = jsonlib.dumps(hits.to_geojson(), ensure_ascii=False, indent=1)
        geojson.write_text(content, encoding="utf-8")
        say(f"wrote {geojson}")
    if json:
        print_json(hits)
        return
    rows = [
        [
            str(hit.rank),
            f"{hit.scores['cosine']:.3f}",
            f"{hit.scores['percentile']:.1f}",
            hit.datetime.date().isoformat() if hit.datetime else "–",
            hit.server,
            hit.collection,
            hit.chip,
        ]
        for hit in hits
    ]
    head = ["rank", "cosine", "percentile", "date", "server", "collection", "chip"]
    print_table(head, rows)
    if hits.translated:
        say(f"translated: {hits.translated}")
    for warning in hits.warnings:
        say(f"note: {warning}")
    if hits.explanation is not None:
        show_explanation(hits.explanation)
    say(f"{len(rows)} hits in {hits.seconds * 1000:.0f} ms ({hits.plan})")
