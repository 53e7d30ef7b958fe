"""A model → a smaller version in the store, proved against it: the use-case, run here and now.

Does not know queues or processes. A version is stored whole, or not at all.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from satseek.assemble import Assembly
from satseek.assemble.sampling import LEAST_CHIPS, samples_of
from satseek.errors import GateNotPassed, InvalidRequest
from satseek.jobs.asking import ByHand, Task

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.jobs.asking import OnProgress, OnStage, Parts, Result
    from satseek.model.bundle import Bundle
    from satseek.model.reports import GateReport
    from satseek.settings import Settings
    from satseek.types import ModelCard


class QuantizeTask(Task):
    """Make a smaller, faster version of a model, prove it against the original, and store it."""

    scope: ClassVar[Literal["jobs", "models"]] = "models"

    model: str | None = Field(
        None, max_length=200, description="`NAME@VERSION`; unset: the one in use."
    )
    to: Literal["int8", "float16", "bfloat16"] = Field("int8", description="What it is stored as.")
    towers: Literal["both", "image", "text"] = Field("both", description="Which towers change.")
    folder: str | None = Field(
        None,
        min_length=1,
        max_length=1000,
        description="Folder of scenes below one of the server's `reference_roots` to measure on; "
        "unset: made-up counties.",
    )
    collection: str | None = Field(
        None, min_length=1, max_length=64, description="Collection whose chips to measure on."
    )
    texts: tuple[Annotated[str, Field(min_length=1, max_length=4000)], ...] | None = Field(
        None, min_length=16, max_length=100_000, description="Own texts; unset: about land cover."
    )
    chips: int = Field(
        256,
        ge=LEAST_CHIPS,
        le=10_000,
        description="Chips to set ranges with, and as many to prove it on.",
    )
    finetune: bool = Field(
        default=False, description="Refit the last projection, if that is better."
    )
    minutes: float = Field(
        10.0, ge=0, le=6000, description="Longest search for sensitive layers, per tower."
    )
    keep: bool = Field(default=False, description="Store it even where its gate fails.")

    def about(self) -> str:
        """Name the collection whose chips are looked at."""
        return self.collection or ""


class QuantizeHere(QuantizeTask, ByHand):
    """The same, asked by a person at this machine's terminal."""


def check_quantize(asked: QuantizeTask, parts: Parts) -> None:
    """Refuse what is not there or cannot be made smaller.

    Raises:
        DependencyMissing, ModelNotServed, InvalidRequest, CollectionNotFound, UnsafeReference,
            FolderNotFound: as said.
    """
    from satseek.jobs.sources import is_by_hand, path_of  # noqa: PLC0415 - slow to load
    from satseek.quantize.needing import need_onnx  # noqa: PLC0415

    need_onnx()
    if asked.folder is not None and asked.collection is not None:
        raise InvalidRequest("give folder or collection, not both")
    if asked.model is not None:
        if is_by_hand(asked):
            _by_hand(asked, parts.settings)
        else:
            parts.model_named(asked.model)
    if asked.collection is not None:
        parts.reader(asked.collection)
    if asked.folder is not None:
        path_of(asked, asked.folder, parts.settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A smaller version, and its proof."""

    parent: ModelCard
    """What it was made from."""
    card: ModelCard
    """The version."""
    report: GateReport
    """What its gate found."""
    stored: bool
    """Whether the store has it now."""

    def refusal(self) -> GateNotPassed | None:
        """Say which figures its gate failed at; None: it passed."""
        if self.report.passed:
            return None
        failed = ", ".join(check.name for check in self.report.checks if not check.passed)
        kept = "it is kept all the same" if self.stored else "it is not stored"
        return GateNotPassed(
            f"{self.card.ref}: its gate failed at {failed}; {kept}. A model whose labels "
            "lie close together, such as one of random weights, may fail on agreement alone"
        )


def quantize(
    asked: QuantizeTask, settings: Settings, on_progress: OnProgress, _results: Path
) -> Result:
    """Make a version, and store it if its gate passes.

    Raises:
        GateNotPassed: it does not; it is stored all the same where that was asked.
    """
    made = make_version(asked, settings, lambda stage, done, total: on_progress(done, total, stage))
    if refusal := made.refusal():
        raise refusal
    return {
        "model": made.card.ref,
        "parent": made.parent.ref,
        "precision": made.card.precision,
        "passed": made.report.passed,
        "stored": made.stored,
        "images": made.report.images,
        "texts": made.report.texts,
        "checks": {check.name: check.value for check in made.report.checks},
    }


def make_version(asked: QuantizeTask, settings: Settings, show: OnStage) -> Made:
    """Make a version, whether its gate passes or not.

    Raises:
        DependencyMissing: the extra quantize is not installed.
        InvalidRequest: the model is as small already, or there are too few chips.
    """
    from satseek.jobs.sources import path_of  # noqa: PLC0415 - slow to load
    from satseek.model.reports import read_report  # noqa: PLC0415
    from satseek.model.store import ModelStore  # noqa: PLC0415
    from satseek.quantize.calibrating import Options  # noqa: PLC0415
    from satseek.quantize.needing import need_onnx  # noqa: PLC0415
    from satseek.quantize.quantizing import check_parent, quantize_bundle  # noqa: PLC0415

    need_onnx()
    with closing(Assembly(settings)) as parts:
        parent = _parent(asked, parts)
        check_parent(parent, asked.to)
        store = ModelStore(parts.models_dir)
        with store.staging() as folder:
            seen, proof = samples_of(
                parts,
                images=None if asked.folder is None else path_of(asked, asked.folder, settings),
                texts=asked.texts,
                collection=asked.collection,
                chips=asked.chips,
                show=show,
            )
            card = quantize_bundle(
                parent,
                folder,
                images=seen.images,
                texts=seen.texts,
                proof=proof,
                to=asked.to,
                towers=asked.towers,
                options=Options(
                    finetune=asked.finetune,
                    search_seconds=asked.minutes * 60,
                    threads=settings.threads or 0,
                ),
                report=show,
            )
            report = read_report(folder)
            assert report is not None, "quantize_bundle writes one"
            if stored := report.passed or asked.keep:
                store.add(folder)
    return Made(parent=parent.card, card=card, report=report, stored=stored)


def _parent(asked: QuantizeTask, parts: Assembly) -> Bundle:
    from satseek.jobs.sources import is_by_hand  # noqa: PLC0415 - slow to load

    if asked.model is not None and is_by_hand(asked):
        return _by_hand(asked, parts.settings)
    return parts.model_named(asked.model).bundle


def _by_hand(asked: QuantizeTask, settings: Settings) -> Bundle:
    """Find a model as a person names it, who may mean the shipped one, or a folder."""
    return Assembly(settings.model_copy(update={"model": asked.model})).bundle
