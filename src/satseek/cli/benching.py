"""``satseek model bench``: a model on this machine → a table, and the choice that is kept.

Knows no runtime: every way to run the model is timed in a process of its own.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json, assembly
from satseek.cli.modelling import group
from satseek.cli.printing import print_json, print_table, progress_bar, say
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from satseek.assemble import Assembly
    from satseek.engines.choice import EngineChoice
    from satseek.engines.choosing import Chosen
    from satseek.engines.machine import Machine
    from satseek.engines.measuring import Plan, Reference, Row, Table
    from satseek.model.bundle import Bundle

HEAD = (
    "engine",
    "threads×calls",
    "batch",
    "images/s",
    "texts/s",
    "image ms",
    "text ms",
    "peak MB",
    "cosine",
    "images ×",
    "texts ×",
)


@group.command()
def bench(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="Model; unset: the one in use.")] = None,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="A first idea in less than a minute (small models).")
    ] = False,
    batch: Annotated[
        list[int] | None, typer.Option(help="Images in a call; repeat it. Unset: 1, 2, 4 … 64.")
    ] = None,
    json: Json = False,
) -> None:
    """Time every engine, precision, batch and share of cores here, and keep what is fastest.

    Example: satseek model bench --quick
    """
    from satseek.engines.candidates import candidates  # noqa: PLC0415
    from satseek.engines.choosing import QUANTIZED, Asked, choose_engines  # noqa: PLC0415
    from satseek.engines.machine import this_machine  # noqa: PLC0415
    from satseek.engines.measuring import measure  # noqa: PLC0415
    from satseek.engines.probing import probes  # noqa: PLC0415
    from satseek.engines.remembering import remember  # noqa: PLC0415

    parts = assembly(context, **({"model": model} if model else {}))
    bundle, machine = parts.bundle, this_machine()
    allowed = replace(machine, cores=parts.settings.threads or machine.cores)
    with _progress() as report:
        table = measure(
            bundle,
            candidates(bundle, allowed, thorough=not quick),
            reference=_reference(parts, bundle, allowed),
            probes=probes(bundle),
            plan=_plan(quick=quick, batches=batch),
            report=report,
        )
    folder = parts.settings.data_dir
    stored = remember(
        folder,
        machine=machine,
        card=bundle.card,
        measured=[row.measured for row in table.rows],
    )
    chosen = choose_engines(bundle.card, Asked(threads=parts.settings.threads), folder=folder)
    if json:
        print_json(
            {
                "machine": machine,
                "model": bundle.card,
                "table": table,
                "chosen": chosen,
                "stored": stored,
            }
        )
        return
    _print(table, chosen)
    if bundle.card.precision in QUANTIZED:
        say(f"this model is {bundle.card.precision}: precisions above are its other operators'")
    say(f"kept in {stored} for {bundle.card.ref} on this machine")


def _plan(*, quick: bool, batches: list[int] | None) -> Plan:
    from satseek.engines.measuring import QUICK, Plan  # noqa: PLC0415

    plan = QUICK if quick else Plan()
    if not batches:
        return plan
    if min(batches) < 1:
        raise InvalidRequest(f"expected batches of at least 1 image, got {min(batches)}")
    return replace(plan, batches=tuple(sorted(set(batches))))


def _reference(parts: Assembly, bundle: Bundle, machine: Machine) -> Reference:
    """The float model that a quantized one came from, where it is still stored, else itself."""
    from satseek.engines.candidates import reference  # noqa: PLC0415
    from satseek.engines.measuring import Reference  # noqa: PLC0415

    whole = _parent(parts, bundle) or bundle
    return Reference(bundle=whole, choice=reference(whole, machine))


def _parent(parts: Assembly, bundle: Bundle) -> Bundle | None:
    from satseek.model.bundle import starter_bundle  # noqa: PLC0415
    from satseek.model.store import ModelStore  # noqa: PLC0415

    wanted = bundle.card.parent
    if not wanted:
        return None
    for stored in ModelStore(parts.models_dir).versions():
        if stored.card.version == wanted:
            return ModelStore(parts.models_dir).find(f"{stored.card.name}@{wanted}")
    shipped = starter_bundle()
    return shipped if shipped.card.version == wanted else None


@contextmanager
def _lines() -> Iterator[Callable[[str, int, int], None]]:
    yield lambda note, done, total: say(f"measuring {done}/{total}: {note}")


def _progress() -> AbstractContextManager[Callable[[str, int, int], None]]:
    """A bar on a terminal, a line for each way to run the model elsewhere."""
    return progress_bar("measuring") if sys.stderr.isatty() else _lines()


def _print(table: Table, chosen: Chosen) -> None:
    by_card = table.reference.measured.choice.runtime == "torch"
    print_table(HEAD, [_cells(row) for row in (table.reference, *table.rows)])
    say("")
    if by_card:
        say("× is to the first line: the model card's way (transformers, eager, float32).")
    else:
        say("× is to the first line: ONNX Runtime float32, because PyTorch cannot run this model")
        say("here (pip install 'satseek[torch]'; INT8 bundles need their float version stored).")
    for failed in table.failed:
        say(f"did not run: {failed.choice.name} {failed.choice.layout}: {failed.reason}")
    say(f"for one question: {_told(chosen.single)}")
    say(f"for long work: {_told(chosen.bulk)}")


def _cells(row: Row) -> list[str]:
    one = row.measured
    return [
        one.choice.name,
        one.choice.layout,
        str(one.choice.batch),
        f"{one.images_per_s:.1f}",
        f"{one.texts_per_s:.1f}",
        f"{one.image_ms:.1f}",
        f"{one.text_ms:.1f}",
        f"{one.peak_bytes / 1e6:.0f}",
        f"{one.least_cosine:.6f}",
        f"{row.image_ratio:.2f}",
        f"{row.text_ratio:.2f}",
    ]


def _told(choice: EngineChoice) -> str:
    return f"{choice.name}, {choice.layout} (threads×calls), batch {choice.batch}"
