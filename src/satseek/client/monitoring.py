"""Verbs about land use, watches, parcels and assessments, for both clients.

Knows what is asked, not how it is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.client import asking_runs as asking
from satseek.client import asking_watches
from satseek.client.binding import awaited, listing, listing_awaited, verb
from satseek.client.jobbing import AsyncJobVerbs, JobVerbs

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.client.handles import AsyncJobHandle, JobHandle


class LandVerbs(JobVerbs):
    """What a client may do to watch the land."""

    land_uses = listing(asking.ask_land_uses)
    land_use = verb(asking.ask_land_use)
    land_use_changes = listing(asking.ask_land_use_changes)
    land_use_districts = listing(asking.ask_land_use_districts)
    remove_land_use = verb(asking.ask_remove_land_use)
    label_sets = verb(asking.ask_label_sets)
    watches = verb(asking_watches.ask_watches)
    watch = verb(asking_watches.ask_watch)
    put_watch = verb(asking_watches.ask_put_watch)
    pause_watch = verb(asking_watches.ask_pause_watch)
    resume_watch = verb(asking_watches.ask_resume_watch)
    remove_watch = verb(asking_watches.ask_remove_watch)
    teach_watch = verb(asking_watches.ask_teach_watch)
    watch_expected = verb(asking_watches.ask_watch_expected)
    measure_watch = verb(asking_watches.ask_measure_watch)
    send_parcels = verb(asking.ask_send_parcels)
    uploads = verb(asking.ask_uploads)
    upload = verb(asking.ask_upload)
    remove_upload = verb(asking.ask_remove_upload)
    assessments = listing(asking.ask_assessments)
    assessment = verb(asking.ask_assessment)
    assessed_parcels = listing(asking.ask_assessed_parcels)
    assessment_visits = listing(asking.ask_assessment_visits)
    assessment_rows = listing(asking.ask_assessment_rows)
    remove_assessment = verb(asking.ask_remove_assessment)

    def run_land_use(self, collection: str, *, key: str | None = None, **asked: Any) -> JobHandle:
        """Ask what each place of a collection was at each date, as a job.

        Args:
            collection: Which; made of ``folder`` where it is not there yet.
            key: Of your making: asked again under it, the same job is given; None: one is made up.
            asked: Parameters of the task ``landuse``, such as ``labels``, ``by``, ``districts``,
                and of its job, such as ``priority``.
        """
        return self._hold(self.send(asking.ask_run_land_use(collection, key=key, **asked)))

    def draw_sample(
        self, collection: str, *, name: str, key: str | None = None, **asked: Any
    ) -> JobHandle:
        """Ask for places of the map of a run of land use, for people to judge, as a job.

        Args:
            collection: Whose map.
            name: Of the sample.
            key: As in ``run_land_use``.
            asked: Further parameters of the task ``sample``, such as ``run``, ``date``, ``size``,
                and of its job.
        """
        return self._hold(
            self.send(asking.ask_draw_sample(collection, name=name, key=key, **asked))
        )

    def run_watch(self, name: str, *, again: bool = False, key: str | None = None) -> JobHandle:
        """Ask for a run of a watch, as a job.

        Args:
            name: Which.
            again: True: all dates are looked at again, as after a change.
            key: As in ``run_land_use``.
        """
        return self._hold(self.send(asking_watches.ask_run_watch(name, again=again, key=key)))

    def run_assessment(
        self, collection: str, *, parcels: str, after: str, key: str | None = None, **asked: Any
    ) -> JobHandle:
        """Ask how much of each parcel is affected, as a job.

        Args:
            collection: Where the imagery lies, or is indexed.
            parcels: ``parcels_ref`` of an upload, or a file below the server's
                ``reference_roots``.
            after: Imagery after the event: scenes, or a period of the collection: ``2025-08``.
            key: As in ``run_land_use``.
            asked: Further parameters of the task ``assess``, such as ``before``, ``hazard``,
                ``name``, ``losses``, and of its job.
        """
        ask = asking.ask_run_assessment(collection, parcels=parcels, after=after, key=key, **asked)
        return self._hold(self.send(ask))

    def save_land_use_file(self, name: str, file: str, path: Path | str) -> None:
        """Write a file that a run of land use left into a file, whole or not at all."""
        self.save(asking.ask_run_file("landuse", name, file), path)

    def save_assessment_file(self, name: str, file: str, path: Path | str) -> None:
        """Write a file that an assessment left into a file, whole or not at all."""
        self.save(asking.ask_run_file("assessments", name, file), path)

    def save_claim_sheet(
        self, name: str, policy: str, path: Path | str, *, form: str = "html"
    ) -> None:
        """Write the claim sheet of a policy into a file.

        Args:
            name: Of which assessment.
            policy: Which; one that is all green has none.
            path: The file.
            form: ``html`` or ``pdf``, as it was asked for.
        """
        self.save(asking.ask_claim_sheet(name, policy, form=form), path)


class AsyncLandVerbs(AsyncJobVerbs):
    """The same, awaited."""

    land_uses = listing_awaited(asking.ask_land_uses)
    land_use = awaited(asking.ask_land_use)
    land_use_changes = listing_awaited(asking.ask_land_use_changes)
    land_use_districts = listing_awaited(asking.ask_land_use_districts)
    remove_land_use = awaited(asking.ask_remove_land_use)
    label_sets = awaited(asking.ask_label_sets)
    watches = awaited(asking_watches.ask_watches)
    watch = awaited(asking_watches.ask_watch)
    put_watch = awaited(asking_watches.ask_put_watch)
    pause_watch = awaited(asking_watches.ask_pause_watch)
    resume_watch = awaited(asking_watches.ask_resume_watch)
    remove_watch = awaited(asking_watches.ask_remove_watch)
    teach_watch = awaited(asking_watches.ask_teach_watch)
    watch_expected = awaited(asking_watches.ask_watch_expected)
    measure_watch = awaited(asking_watches.ask_measure_watch)
    send_parcels = awaited(asking.ask_send_parcels)
    uploads = awaited(asking.ask_uploads)
    upload = awaited(asking.ask_upload)
    remove_upload = awaited(asking.ask_remove_upload)
    assessments = listing_awaited(asking.ask_assessments)
    assessment = awaited(asking.ask_assessment)
    assessed_parcels = listing_awaited(asking.ask_assessed_parcels)
    assessment_visits = listing_awaited(asking.ask_assessment_visits)
    assessment_rows = listing_awaited(asking.ask_assessment_rows)
    remove_assessment = awaited(asking.ask_remove_assessment)

    async def run_land_use(
        self, collection: str, *, key: str | None = None, **asked: Any
    ) -> AsyncJobHandle:
        """Ask for a run as ``Client.run_land_use`` does."""
        return self._hold(await self.send(asking.ask_run_land_use(collection, key=key, **asked)))

    async def draw_sample(
        self, collection: str, *, name: str, key: str | None = None, **asked: Any
    ) -> AsyncJobHandle:
        """Ask for a sample as ``Client.draw_sample`` does."""
        ask = asking.ask_draw_sample(collection, name=name, key=key, **asked)
        return self._hold(await self.send(ask))

    async def run_watch(
        self, name: str, *, again: bool = False, key: str | None = None
    ) -> AsyncJobHandle:
        """Ask for a run as ``Client.run_watch`` does."""
        return self._hold(await self.send(asking_watches.ask_run_watch(name, again=again, key=key)))

    async def run_assessment(
        self, collection: str, *, parcels: str, after: str, key: str | None = None, **asked: Any
    ) -> AsyncJobHandle:
        """Ask for an assessment as ``Client.run_assessment`` does."""
        ask = asking.ask_run_assessment(collection, parcels=parcels, after=after, key=key, **asked)
        return self._hold(await self.send(ask))

    async def save_land_use_file(self, name: str, file: str, path: Path | str) -> None:
        """Write a file of a run into a file as ``Client.save_land_use_file`` does."""
        await self.save(asking.ask_run_file("landuse", name, file), path)

    async def save_assessment_file(self, name: str, file: str, path: Path | str) -> None:
        """Write a file of an assessment into a file as ``Client.save_assessment_file`` does."""
        await self.save(asking.ask_run_file("assessments", name, file), path)

    async def save_claim_sheet(
        self, name: str, policy: str, path: Path | str, *, form: str = "html"
    ) -> None:
        """Write a claim sheet into a file as ``Client.save_claim_sheet`` does."""
        await self.save(asking.ask_claim_sheet(name, policy, form=form), path)
