"""Verbs about findings, alerts, samples and reports, for both clients.

Knows what is asked, not how it is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.client import asking_alerts, asking_samples
from satseek.client import asking_findings as asking
from satseek.client.binding import awaited, listing, listing_awaited, verb
from satseek.client.exporting import WGS84
from satseek.client.jobbing import AsyncSending, Sending

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.client.reports import Report

PICTURE_PX = 512
"""Longer edge of a place's picture."""


class ReviewVerbs(Sending):
    """What a client may do with findings and what belongs to them."""

    findings = listing(asking.ask_findings)
    finding_counts = verb(asking.ask_finding_counts)
    finding = verb(asking.ask_finding)
    next_finding = verb(asking.ask_next_finding)
    decide_finding = verb(asking.ask_decide_finding)
    alerts = listing(asking_alerts.ask_alerts)
    alert = verb(asking_alerts.ask_alert)
    resend_alerts = verb(asking_alerts.ask_resend_alerts)
    channels = verb(asking_alerts.ask_channels)
    try_channel = verb(asking_alerts.ask_try_channel)
    samples = verb(asking_samples.ask_samples)
    sample = verb(asking_samples.ask_sample)
    sample_places = listing(asking_samples.ask_sample_places)
    sample_place = verb(asking_samples.ask_sample_place)
    next_place = verb(asking_samples.ask_next_place)
    judge_place = verb(asking_samples.ask_judge_place)
    sample_areas = verb(asking_samples.ask_sample_areas)
    reports = listing(asking_alerts.ask_reports)

    def export_findings(
        self,
        path: Path | str,
        *,
        format: str | None = None,  # noqa: A002 (what everybody calls it)
        crs: str = WGS84,
        **filters: Any,
    ) -> None:
        """Write findings into a file, whole or not at all.

        Args:
            path: The file; its name tells the format.
            format: Name of a format, instead of the file's name.
            crs: Of the coordinates, such as ``EPSG:4490``.
            filters: Those of ``findings``.
        """
        self.save(asking.ask_export_findings(path, format=format, crs=crs, **filters), path)

    def save_finding_picture(self, finding_id: str, picture: str, path: Path | str) -> None:
        """Write a picture that was kept of a finding, a PNG, into a file.

        Args:
            finding_id: Of which finding.
            picture: ``picture`` of its evidence.
            path: The file.
        """
        self.save(asking.ask_finding_picture(finding_id, picture), path, sha256=picture)

    def save_place_picture(
        self, name: str, place: str, number: int, path: Path | str, *, size: int = PICTURE_PX
    ) -> None:
        """Write a picture of a sample's place at one date, a JPEG, into a file.

        Args:
            name: Of which sample.
            place: Its id.
            number: Of its pictures; 1 is the earliest date.
            path: The file.
            size: Longer edge in pixels.
        """
        self.save(asking_samples.ask_place_picture(name, place, number, size=size), path)

    def save_report(self, report: Report, path: Path | str) -> None:
        """Write a report into a file, whole or not at all."""
        self.save(asking_alerts.ask_report(report.job, report.name), path, sha256=report.sha256)


class AsyncReviewVerbs(AsyncSending):
    """The same, awaited."""

    findings = listing_awaited(asking.ask_findings)
    finding_counts = awaited(asking.ask_finding_counts)
    finding = awaited(asking.ask_finding)
    next_finding = awaited(asking.ask_next_finding)
    decide_finding = awaited(asking.ask_decide_finding)
    alerts = listing_awaited(asking_alerts.ask_alerts)
    alert = awaited(asking_alerts.ask_alert)
    resend_alerts = awaited(asking_alerts.ask_resend_alerts)
    channels = awaited(asking_alerts.ask_channels)
    try_channel = awaited(asking_alerts.ask_try_channel)
    samples = awaited(asking_samples.ask_samples)
    sample = awaited(asking_samples.ask_sample)
    sample_places = listing_awaited(asking_samples.ask_sample_places)
    sample_place = awaited(asking_samples.ask_sample_place)
    next_place = awaited(asking_samples.ask_next_place)
    judge_place = awaited(asking_samples.ask_judge_place)
    sample_areas = awaited(asking_samples.ask_sample_areas)
    reports = listing_awaited(asking_alerts.ask_reports)

    async def export_findings(
        self,
        path: Path | str,
        *,
        format: str | None = None,  # noqa: A002 (what everybody calls it)
        crs: str = WGS84,
        **filters: Any,
    ) -> None:
        """Write findings into a file as ``Client.export_findings`` does."""
        await self.save(asking.ask_export_findings(path, format=format, crs=crs, **filters), path)

    async def save_finding_picture(self, finding_id: str, picture: str, path: Path | str) -> None:
        """Write a picture that was kept as ``Client.save_finding_picture`` does."""
        await self.save(asking.ask_finding_picture(finding_id, picture), path, sha256=picture)

    async def save_place_picture(
        self, name: str, place: str, number: int, path: Path | str, *, size: int = PICTURE_PX
    ) -> None:
        """Write a picture of a place as ``Client.save_place_picture`` does."""
        await self.save(asking_samples.ask_place_picture(name, place, number, size=size), path)

    async def save_report(self, report: Report, path: Path | str) -> None:
        """Write a report into a file, whole or not at all."""
        await self.save(
            asking_alerts.ask_report(report.job, report.name), path, sha256=report.sha256
        )
