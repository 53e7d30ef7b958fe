"""``satseek evaluate``: labelled or captioned images → figures of the model, and a report.

Knows only the use-case.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json, app, assembly
from satseek.cli.detaching import Detach, Key, Priority, asked_of, detached, wants_job
from satseek.cli.printing import list_refusals, print_json, print_table, progress_bar, say
from satseek.cli.recording import command_line
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from satseek.search.evaluating import Evaluation

NONE = "–"


@app.command()
def evaluate(
    context: typer.Context,
    sets: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH[:SPLIT]...",
            help="A folder with labels.csv, a folder for each class, a CSV, a JSON of captions.",
        ),
    ],
    *,
    split: Annotated[str | None, typer.Option(help="Take this split alone.")] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", help="folders, csv, coco or karpathy; unset: found by looking."),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the images that a CSV or JSON file lists.")
    ] = None,
    templates: Annotated[
        list[str] | None,
        typer.Option("--template", "-t", help="Prompt with {} for the label; several times."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Take so many images, drawn by chance, always the same.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML report to this file.", dir_okay=False)
    ] = None,
    by_label: Annotated[bool, typer.Option("--by-label", help="Show every class.")] = False,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Measure the model: zero-shot accuracy, retrieval by captions, and calibration.

    Example: satseek evaluate data/aerial30 --split test --report aerial30.html
    """
    from satseek.model.prompts import TEMPLATES  # noqa: PLC0415
    from satseek.search.evaluating import evaluate_set  # noqa: PLC0415
    from satseek.search.evaluating_sets import read_set  # noqa: PLC0415

    named = [_split(one, split) for one in sets]
    if wants_job(detach, priority=priority, key=key):
        if len(named) > 1 or by_label:
            raise InvalidRequest("--detach takes one set, and leaves --by-label to its report")
        ((path, part),) = named
        asked = {
            "folder": path,
            "split": part,
            "form": form,
            "images": images,
            "templates": templates,
            "limit": limit,
            "report": report,
        }
        task = asked_of("evaluate", asked)
        detached(context, task, priority=priority, key=key, json=json)
        return
    parts = assembly(context)
    listed = [
        read_set(path, split=part, form=form, images=images, note=say).limited(limit)
        for path, part in named
    ]
    if report is not None and not report.absolute().parent.is_dir():
        raise InvalidRequest(f"expected a folder for the report, found no {report.parent}")
    results: list[Evaluation] = []
    for one in listed:
        with progress_bar(Path(one.source).name) as show:
            results.append(
                evaluate_set(
                    one,
                    embedder=parts.bulk_embedder,
                    workers=parts.workers,
                    templates=templates or TEMPLATES,
                    batch=parts.batch,
                    max_pixels=parts.settings.max_image_pixels,
                    on_progress=show,
                )
            )
    if report is not None:
        from satseek.search.reporting import write_report  # noqa: PLC0415

        now = datetime.now(UTC)
        write_report(report, results, card=parts.bundle.card, command=command_line(), date=now)
        say(f"wrote {report}")
    if json:
        print_json({"model": parts.bundle.card, "results": results})
    else:
        _print_figures(results)
        if by_label:
            _print_labels(results)
    for result in results:
        list_refusals(result.refused)


def _split(named: Path, split: str | None) -> tuple[Path, str | None]:
    path, colon, part = str(named).rpartition(":")
    if not colon or named.exists():
        return named, split
    if split is not None:
        raise InvalidRequest(f"expected one split, got {part!r} in {named} and {split!r}")
    return Path(path), part


def _print_figures(results: list[Evaluation]) -> None:
    head = ("set", "images", "refused", "labels", "top-1", "95 %", "alone", "top-5", "per class")
    rows = []
    for one in results:
        row = [_title(one), str(one.images), str(len(one.refused)), str(one.labels)]
        found = one.zero_shot
        if found is None:
            rows.append([*row, *[NONE] * 5])
            continue
        low, high = found.top_1_interval
        alone = sorted(template.top_1 for template in found.templates)
        row += [_figure(found.top_1), f"{low:.3f} to {high:.3f}"]
        row += [f"{alone[0]:.3f} to {alone[-1]:.3f}", _figure(found.top_5)]
        rows.append([*row, _figure(found.mean_per_class)])
    print_table(head, rows)
    typer.echo()
    recalls = ("R@1", "R@5", "R@10", "back R@1", "back R@5", "back R@10")  # text → image, back
    print_table(
        ("set", "captions", *recalls, "mAP", "ECE"),
        [[_title(one), *_retrieved(one)] for one in results],
    )


def _retrieved(one: Evaluation) -> list[str]:
    found = one.retrieval
    recalls = [
        _figure(value)
        for side in ((found.text_to_image, found.image_to_text) if found else ())
        for value in (side.recall_at_1, side.recall_at_5, side.recall_at_10)
    ]
    return [
        str(one.captions),
        *(recalls or [NONE] * 6),
        _figure(one.zero_shot.mean_average_precision if one.zero_shot else None),
        _figure(one.calibration.share.ece if one.calibration else None),
    ]


def _print_labels(results: list[Evaluation]) -> None:
    rows = [
        [
            _title(one),
            label.label,
            str(label.images),
            _figure(label.top_1),
            _figure(label.top_5),
            _figure(label.average_precision),
        ]
        for one in results
        if one.zero_shot
        for label in one.zero_shot.by_label
    ]
    typer.echo()
    print_table(["set", "label", "images", "top-1", "top-5", "AP"], rows)


def _title(one: Evaluation) -> str:
    return f"{Path(one.folder).name}{':' + one.split if one.split else ''}"


def _figure(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"
