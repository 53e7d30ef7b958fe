"""The findings of a data folder → the verbs that a client has, in this very process.

Knows no HTTP. Whoever asks here sits at this machine and sees all of it; their word stands under
the name of their account, or under one that they give.
"""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek.client import findings as client
from satseek.client.exporting import WGS84, saved
from satseek.errors import FindingNotFound, InvalidFilter, InvalidRequest, NotFound
from satseek.monitor.findings import deciding, reviewing, showing
from satseek.monitor.findings.deciding import LOCAL, local_name
from satseek.monitor.findings.exporting import write_findings
from satseek.monitor.findings.pages import MAX_PAGE, FindingFilter
from satseek.monitor.opening import opened_findings, opened_pictures
from satseek.search.filtering import read_filter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.monitor.findings.finding import Finding
    from satseek.settings import Settings

ME = "@me"
"""Instead of a name in a filter, or of an assignee: whoever asks."""


class LocalFindings:
    """The findings of one data folder; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        """Open nothing yet; raises InvalidSettings for a channel of alerts that cannot be."""
        self._findings = opened_findings(settings)
        self._pictures = opened_pictures(settings)

    def findings(
        self,
        *,
        kinds: Sequence[str] = (),
        sources: Sequence[str] = (),
        collections: Sequence[str] = (),
        states: Sequence[str] = (),
        labels: Sequence[str] = (),
        flags: Sequence[str] = (),
        assignee: str | None = None,
        bbox: Sequence[float] | None = None,
        area: Mapping[str, Any] | str | None = None,
        area_crs: str | None = None,
        start: str | None = None,
        end: str | None = None,
        order: str = "newest",
        limit: int | None = None,
    ) -> list[client.Finding]:
        """List findings, without their cells and history; takes what ``Client.findings`` takes."""
        where = filter_of(
            kinds=kinds,
            sources=sources,
            collections=collections,
            states=states,
            labels=labels,
            flags=flags,
            assignee=assignee,
            bbox=bbox,
            area=area,
            area_crs=area_crs,
            start=start,
            end=end,
        )
        found: list[client.Finding] = []
        place = ""
        while limit is None or len(found) < limit:
            size = MAX_PAGE if limit is None else min(MAX_PAGE, limit - len(found))
            page = self._findings.page(
                where,
                order=order,  # type: ignore[arg-type]  # it says which there are
                after=place,
                limit=size,
            )
            found += [client.finding_of(showing.shown(one)) for one in page.findings]
            place = page.next
            if not place:
                break
        return found

    def finding_counts(self, **filters: Any) -> dict[str, int]:
        """Count findings by state, every state named; takes what the client's takes."""
        counts = self._findings.counts(filter_of(**filters))
        return {str(state): count for state, count in counts.items()}

    def finding(self, finding_id: str) -> client.Finding:
        """Show a finding by its whole id; raises FindingNotFound."""
        return self._whole_finding(self._finding_named(finding_id))

    def next_finding(self, *, who: str | None = None, **filters: Any) -> client.Finding | None:
        """Give you the next finding to look at; takes what ``Client.next_finding`` takes."""
        found = reviewing.next_for(named(who), self._findings, where=filter_of(**filters))
        return None if found is None else self._whole_finding(found)

    def decide_finding(
        self,
        finding_id: str,
        deed: str,
        *,
        comment: str = "",
        revision: int | None = None,
        assignee: str | None = None,
        who: str | None = None,
    ) -> client.Finding:
        """Say what is to become of a finding; takes what ``Client.decide_finding`` takes.

        Raises:
            FindingNotFound: there is no such finding.
            Conflict: it has changed since you looked, or cannot be decided so in its state.
            InvalidRequest: a deed, name or comment that cannot be.
        """
        person = named(who)
        after = deciding.decide(
            self._finding_named(finding_id).id,
            self._findings,
            deed=deed,
            who=person,
            comment=comment,
            revision=revision,
            assignee=_assigned(assignee, own=person),
        )
        return self._whole_finding(after)

    def export_findings(
        self,
        path: Path | str,
        *,
        format: str | None = None,  # noqa: A002 (what everybody calls it)
        crs: str = WGS84,
        **filters: Any,
    ) -> None:
        """Write findings into a file; takes what ``Client.export_findings`` takes."""
        where = filter_of(**filters)
        write_findings(self._findings, Path(path), where=where, format=format, crs=crs)

    def save_finding_picture(self, finding_id: str, picture: str, path: Path | str) -> None:
        """Write a picture that was kept of a finding, a PNG, into a file."""
        found = self._finding_named(finding_id)
        if not any(picture == one.picture for one in found.evidence if one.picture):
            raise NotFound(f"finding {found.id} has no picture {picture[:64]!a}")
        content = self._pictures.read(picture)
        with saved(path) as file:
            file.write(content)

    def close(self) -> None:
        """Close what was opened."""
        self._findings.close()

    def _finding_named(self, finding_id: str) -> Finding:
        unseen = FindingNotFound(f"no finding {finding_id[:64]!a}")
        try:
            found = self._findings.get(finding_id)
        except (FindingNotFound, InvalidRequest) as error:
            raise unseen from error
        if found.id != finding_id:
            raise unseen
        return found

    def _whole_finding(self, finding: Finding) -> client.Finding:
        history = self._findings.history(finding.id)
        return client.finding_of(showing.shown_whole(finding, history))


def named(given: str | None) -> str:
    """Give the name under which somebody at this machine decides; None: that of their account."""
    if given is not None:
        return local_name(given)
    try:
        return local_name(getpass.getuser())
    except (KeyError, OSError):  # an account without a name, as containers have
        return LOCAL


def filter_of(
    *,
    kinds: Sequence[str] = (),
    sources: Sequence[str] = (),
    collections: Sequence[str] = (),
    states: Sequence[str] = (),
    labels: Sequence[str] = (),
    flags: Sequence[str] = (),
    assignee: str | None = None,
    bbox: Sequence[float] | None = None,
    area: Mapping[str, Any] | str | None = None,
    area_crs: str | None = None,
    start: str | None = None,
    end: str | None = None,
) -> FindingFilter:
    """Read a filter as it is asked for in Python.

    Raises:
        InvalidFilter: an area or dates that cannot be.
    """
    ground = read_filter(
        bbox=_four(bbox) if bbox else None,
        area=dict(area) if isinstance(area, dict) else area,
        area_crs=area_crs,
        start=start,
        end=end,
    )
    return FindingFilter(
        kinds=tuple(kinds),  # type: ignore[arg-type]  # the store says which there are
        sources=tuple(sources),
        collections=tuple(collections),
        states=tuple(states),  # type: ignore[arg-type]  # likewise
        labels=tuple(labels),
        flags=tuple(flags),
        assignee=_assigned(assignee, own=named(None)),
        area=ground.area,
        start=ground.start,
        end=ground.end,
    )


def _assigned(given: str | None, *, own: str) -> str | None:
    if not given:
        return given
    return own if given == ME else local_name(given)


def _four(bbox: Sequence[float]) -> tuple[float, float, float, float]:
    if len(bbox) != 4:  # noqa: PLR2004 (the sides of a box)
        raise InvalidFilter(f"bbox: expected west, south, east, north, got {len(bbox)} numbers")
    west, south, east, north = bbox
    return west, south, east, north
