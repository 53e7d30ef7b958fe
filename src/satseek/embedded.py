"""A data folder → the same verbs as a server's client, in this very process.

Knows no HTTP. What it answers has the same types as what ``satseek.Client`` answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from satseek.assemble import Assembly
from satseek.assemble.asking import ALL, ask, labels_known
from satseek.assemble.exporting import write_asked
from satseek.backup.underway import begin_use
from satseek.client import results
from satseek.client.exporting import WGS84, is_question
from satseek.client.images import content_of
from satseek.errors import FolderNotFound, InvalidFilter, InvalidRequest
from satseek.imagery.decode import decode_image
from satseek.jobs.watches import LocalWatches
from satseek.model.preprocessing import squared
from satseek.model.prompts import DISTRACTORS, TEMPLATES
from satseek.monitor.delivery.verbs import LocalAlerts
from satseek.monitor.findings.verbs import LocalFindings
from satseek.monitor.samples.verbs import LocalSamples
from satseek.search.classifying import classify_vectors, similarity
from satseek.search.explaining import explanation_of
from satseek.search.exporting import Choices, write_chips
from satseek.search.federating import check_rank_by
from satseek.search.filtering import read_filter
from satseek.search.grouping import check_group_by
from satseek.search.searching import wanted
from satseek.settings import read_settings
from satseek.types import Concept, Query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.assemble import ServedModel
    from satseek.assemble.asking import Asked
    from satseek.client.images import Image
    from satseek.types import Filter, GeoJSON, Hit, LabelScore, ModelCard, Pixels, Vectors


class Embedded(LocalWatches, LocalFindings, LocalAlerts, LocalSamples):
    """Collections, jobs and findings of one data folder; safe to share between threads."""

    def __init__(self, assembly: Assembly) -> None:
        """Take the working parts."""
        LocalWatches.__init__(self, assembly)
        LocalFindings.__init__(self, assembly.settings)
        LocalAlerts.__init__(self, assembly.settings)
        LocalSamples.__init__(self, assembly.settings, assembly.reader)
        self._assembly = assembly

    def search(
        self,
        text: str | None = None,
        *,
        image: Image | None = None,
        liked: Sequence[str] = (),
        disliked: Sequence[str] = (),
        concept: str | None = None,
        bbox: Sequence[float] | None = None,
        area: GeoJSON | str | None = None,
        area_crs: str | None = None,
        start: str | None = None,
        end: str | None = None,
        where: Sequence[str] | Mapping[str, Any] = (),
        levels: Sequence[int] = (),
        least: float | None = None,
        k: int | None = None,
        collection: str | None = None,
        collections: Sequence[str] = (),
        rank_by: str = "cosine",
        group_by: str | None = None,
        duplicate_cosine: float | None = None,
        explain: bool = False,
    ) -> results.Hits:
        """Find the chips nearest to words, an image, liked chips, a concept, or all together.

        Takes what ``Client.search`` takes.

        Raises:
            CollectionNotFound, ConceptNotFound, ModelMismatch, ChipNotFound: it cannot be searched.
            EmptyText, InvalidFilter, InvalidK, UnreadableImage: what was asked cannot be.
        """
        _, asked = self._ask(
            text,
            image=image,
            liked=liked,
            disliked=disliked,
            concept=concept,
            bbox=bbox,
            area=area,
            area_crs=area_crs,
            start=start,
            end=end,
            where=where,
            levels=levels,
            least=least,
            k=k,
            collection=collection,
            collections=collections,
            rank_by=rank_by,
            group_by=group_by,
            duplicate_cosine=duplicate_cosine,
        )
        answer, first = asked.answer, asked.collections[0]
        return results.Hits(
            hits=tuple(_hit(one, one.collection or first) for one in answer.hits),
            collection=first,
            model=_model(asked.card),
            plan=answer.plan,
            generation=answer.generation,
            seconds=answer.seconds,
            collections=asked.collections,
            translated=answer.translated,
            weight=answer.weight,
            concept=asked.concept,
            warnings=asked.warnings,
            explanation=explanation_of(answer.explained if explain else None, only=first),
        )

    def export(
        self,
        path: Path | str,
        text: str | None = None,
        *,
        collection: str | None = None,
        format: str | None = None,  # noqa: A002 (what everybody calls it)
        crs: str = WGS84,
        vectors: bool = False,
        **asked: Any,
    ) -> None:
        """Write hits, or the chips of a collection, into a file; takes what ``Client.export`` does.

        Raises:
            InvalidRequest: the format cannot hold what is asked for, or there is none.
            DependencyMissing: it needs a package that is not installed.
            DiskFull, FolderNotFound: the file cannot be written; it is as it was.
            As ``search`` otherwise.
        """
        choices = Choices(format=format, crs=crs, vectors=vectors)
        choices.checked(Path(path))
        asked.pop("explain", None)  # a file holds no explanation
        if is_question(text, asked):
            query, found = self._ask(text, collection=collection, **asked)
            write_asked(found, query, Path(path), parts=self._assembly, choices=choices)
            return
        if collection is None:
            raise InvalidRequest("give words to look for, or the collection to export")
        where = _filter(**asked)
        write_chips(self._assembly.reader(collection), Path(path), where=where, choices=choices)

    def classify(
        self,
        image: Image | None = None,
        labels: Sequence[str] = (),
        *,
        chip: str | None = None,
        collection: str | None = None,
        templates: Sequence[str] | None = None,
        distractors: Sequence[str] | None = None,
    ) -> results.Labels:
        """Score labels of your own on an image or a chip; takes what ``Client.classify`` takes.

        Raises:
            InvalidRequest: neither or both were given, or labels that cannot be.
            CollectionNotFound, ModelMismatch, ChipNotFound, UnreadableImage: as for ``search``.
        """
        if (image is None) == (chip is None):
            raise InvalidRequest("give either an image or a chip to classify")
        if image is not None:
            model = self._assembly.model()
            vectors = model.embedder.embed_images([self._pixels(image, model.card)])
        else:
            model, vectors = self._of_chip(str(chip), collection)
        templates = TEMPLATES if templates is None else templates
        known = labels_known(labels, model=model, templates=templates, parts=self._assembly)
        (found,) = classify_vectors(
            vectors,
            labels,
            embedder=model.embedder,
            templates=templates,
            distractors=(*(DISTRACTORS if distractors is None else distractors), *known.negatives),
            known=known.vectors,
        )
        return _labels(found.labels, model.card, translated=known.translated)

    def similarity(self, image: Image, texts: Sequence[str]) -> results.Labels:
        """Compare an image with each text as written; takes what ``Client.similarity`` takes."""
        model = self._assembly.model()
        pixels = self._pixels(image, model.card)
        return _labels(similarity(pixels, texts, embedder=model.embedder), model.card)

    def embed_texts(self, texts: Sequence[str], *, model: str | None = None) -> results.Embedding:
        """Give the vectors of texts; takes what ``Client.embed_texts`` takes."""
        served = self._assembly.model_named(model)
        vectors = served.embedder.embed_texts(texts)
        return results.Embedding(vectors=vectors, model=_model(served.card))

    def embed_images(
        self, images: Sequence[Image], *, model: str | None = None
    ) -> results.Embedding:
        """Give the vectors of images; takes what ``Client.embed_images`` takes."""
        served = self._assembly.model_named(model)
        pixels = [self._pixels(image, served.card) for image in images]
        vectors = served.embedder.embed_images(pixels)
        return results.Embedding(vectors=vectors, model=_model(served.card))

    def collections(self) -> list[results.Collection]:
        """List the collections."""
        return [self.collection(name) for name in self._assembly.collections()]

    def collection(self, name: str) -> results.Collection:
        """Show one collection; raises CollectionNotFound."""
        opened_one = self._assembly.reader(name)
        spec, stats = opened_one.spec, opened_one.stats()
        start, end = stats.dates or (None, None)
        return results.Collection(
            name=name,
            model=results.Model(name=spec.model_name, version=spec.model_version),
            searchable=self._assembly.can_search(spec),
            chips=stats.chips,
            scenes=stats.scenes,
            refusals=stats.refusals,
            generation=stats.generation,
            extent=stats.extent,
            start=start,
            end=end,
        )

    def stats(self, name: str) -> results.Stats:
        """Count what lies in a collection's folder; raises CollectionNotFound."""
        opened_one = self._assembly.reader(name)
        stats, held = opened_one.stats(), opened_one.inventory()
        return results.Stats(
            name=name,
            generation=stats.generation,
            chips=stats.chips,
            rows=held.rows,
            dead=held.dead,
            coded=held.coded,
            bytes=sum(held.bytes.values()),
            bytes_of=held.bytes,
            pending=None if held.pending is None else held.pending.model,
            recall={},
        )

    def concepts(self) -> list[Concept]:
        """List the saved concepts, each in its newest version."""
        return list(self._assembly.concepts.list())

    def concept(self, name: str, *, version: int | None = None) -> Concept:
        """Show a concept: the newest version, or another one; raises ConceptNotFound."""
        return self._assembly.concepts.get(name, version)

    def save_concept(
        self,
        name: str,
        *,
        prompts: Sequence[str] = (),
        negatives: Sequence[str] = (),
        liked: Sequence[str] = (),
        disliked: Sequence[str] = (),
        notes: str = "",
        least: float | None = None,
    ) -> Concept:
        """Save a concept as the next version under its name; takes what the client's takes."""
        concept = Concept(
            name=name,
            version=0,
            prompts=tuple(prompts),
            negatives=tuple(negatives),
            liked=tuple(liked),
            disliked=tuple(disliked),
            notes=notes,
            least=least,
        )
        return self._assembly.concepts.save(concept)

    def remove_concept(self, name: str) -> None:
        """Remove a concept with all its versions; raises ConceptNotFound."""
        self._assembly.concepts.remove(name)

    def model(self) -> results.Model:
        """Show which model is in force."""
        return _model(self._assembly.model().card)

    def close(self) -> None:
        """Close what was opened; jobs at work go on where another worker takes them up."""
        for kind in (LocalWatches, LocalFindings, LocalAlerts, LocalSamples):
            kind.close(self)
        self._assembly.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(
        self,
        text: str | None,
        *,
        image: Image | None = None,
        liked: Sequence[str] = (),
        disliked: Sequence[str] = (),
        concept: str | None = None,
        least: float | None = None,
        k: int | None = None,
        collection: str | None = None,
        collections: Sequence[str] = (),
        rank_by: str = "cosine",
        group_by: str | None = None,
        duplicate_cosine: float | None = None,
        **filters: Any,
    ) -> tuple[Query, Asked]:
        query = Query(
            text=text,
            image=None if image is None else self._query_pixels(image, collection, collections),
            liked=tuple(liked),
            disliked=tuple(disliked),
            where=_filter(**filters),
            k=wanted(k, least=least),
            least=least,
            group_by=check_group_by(group_by),
            duplicate_cosine=duplicate_cosine,
        )
        asked = ask(
            query,
            self._assembly,
            collection=collection,
            collections=collections,
            rank_by=check_rank_by(rank_by),
            concept=concept,
        )
        return query, asked

    def _of_chip(self, chip: str, collection: str | None) -> tuple[ServedModel, Vectors]:
        matched = self._assembly.matched(self._assembly.chosen(collection))
        with matched.pinned() as index:
            return matched.model, index.vectors([index.row_of(chip)])

    def _query_pixels(
        self, image: Image, collection: str | None, collections: Sequence[str]
    ) -> Pixels:
        first = next((name for name in collections if name != ALL), None)
        name = first or (None if collections else self._assembly.chosen(collection))
        model = self._assembly.matched(name).model if name else self._assembly.model()
        return self._pixels(image, model.card)

    def _pixels(self, image: Image, card: ModelCard) -> Pixels:
        """Decode as the service does: the same input has the same vector through both."""
        limit = self._assembly.settings.max_image_pixels
        pixels = decode_image(content_of(image), name="image", max_pixels=limit).pixels
        return squared(pixels, size=card.image_size, how=card.preprocessing)


def open_folder(path: Path | str | None = None, **settings: Any) -> Embedded:
    """Open a data folder; ``satseek.open`` is this.

    Args:
        path: Folder that ``satseek --data-dir`` was given; None: the settings' own.
        settings: Whatever else ``satseek.toml`` may hold, such as ``threads``.

    Raises:
        FolderNotFound: there is none.
        Conflict: a restore is at work in it, or was killed there.
        InvalidSettings: a setting that is unknown or out of range.
    """
    flags = settings | ({"data_dir": path} if path is not None else {})
    chosen = read_settings(flags).settings
    if not chosen.data_dir.is_dir():
        raise FolderNotFound(
            f"{chosen.data_dir}: expected a data folder, such as `satseek index` makes"
        )
    begin_use(chosen.data_dir)
    return Embedded(Assembly(chosen))


def _filter(
    *,
    bbox: Sequence[float] | None = None,
    area: GeoJSON | str | None = None,
    area_crs: str | None = None,
    start: str | None = None,
    end: str | None = None,
    where: Sequence[str] | Mapping[str, Any] = (),
    levels: Sequence[int] = (),
) -> Filter:
    return read_filter(
        bbox=_four(bbox) if bbox else None,
        area=area,
        area_crs=area_crs,
        start=start,
        end=end,
        where=where,
        levels=levels,
    )


def _hit(one: Hit, collection: str) -> results.Hit:
    chip = one.chip
    return results.Hit(
        rank=one.rank,
        chip=chip.id,
        scene=chip.scene_id,
        cell=chip.cell,
        datetime=chip.datetime,
        valid_fraction=chip.valid_fraction,
        footprint=chip.footprint,
        scores={str(kind): value for kind, value in one.scores.items()},
        collection=collection,
    )


def _labels(
    found: Sequence[LabelScore],
    card: ModelCard,
    *,
    translated: Mapping[str, str] | None = None,
) -> results.Labels:
    return results.Labels(
        labels=tuple(
            results.Label(
                label=one.label, scores={str(kind): value for kind, value in one.scores.items()}
            )
            for one in found
        ),
        model=_model(card),
        translated=translated or {},
    )


def _model(card: ModelCard) -> results.Model:
    return results.Model(name=card.name, version=card.version)


def _four(bbox: Sequence[float]) -> tuple[float, float, float, float]:
    if len(bbox) != 4:  # noqa: PLR2004 (the sides of a box)
        raise InvalidFilter(f"bbox: expected west, south, east, north, got {len(bbox)} numbers")
    west, south, east, north = bbox
    return west, south, east, north
