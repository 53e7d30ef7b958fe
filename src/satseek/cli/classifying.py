"""``satseek classify``: images and labels → how each label fits; or one table of thousands.

Knows only the use-cases.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.buckets import deliver, standing_in
from satseek.cli.application import Json, app, assembly, configured
from satseek.cli.detaching import (
    Detach,
    Key,
    Priority,
    asked_of,
    detached,
    wants_job,
)
from satseek.cli.executing import Address, ExecutorName, Workers, check_executor
from satseek.cli.printing import list_refusals, print_json, print_table, progress_bar, say
from satseek.errors import FolderNotFound, InvalidRequest, UnreadableImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.assemble import Assembly
    from satseek.jobs.classifying import ClassifyHere
    from satseek.search.classifying import Classification
    from satseek.search.classifying_bulk import BulkReport


@app.command()
def classify(
    context: typer.Context,
    images: Annotated[
        list[str],
        typer.Argument(
            help="Images or folders of images; with --out also scenes, STAC documents (files or "
            "addresses) and tables of STAC items."
        ),
    ],
    *,
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", "-l", help="A label, or @CONCEPT; give it several times."),
    ] = None,
    labels_file: Annotated[Path | None, typer.Option(help="Text file, one label a line.")] = None,
    distractors: Annotated[
        bool, typer.Option(help="Let other land cover take its share as 'none of these'.")
    ] = True,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            help="Write one table of all images: .csv, .parquet, .geojson, .gpkg …; a file, or "
            "s3://BUCKET/KEY. Killed or interrupted, the same command goes on.",
        ),
    ] = None,
    all_labels: Annotated[
        bool, typer.Option("--all-labels", help="A row for each label of an image, ranked.")
    ] = False,
    templates: Annotated[
        list[str] | None,
        typer.Option("--template", "-t", help="Prompt with {} for the label; several times."),
    ] = None,
    cut: Annotated[
        str,
        typer.Option(
            help="What is cut into chips: auto (what is georeferenced and larger than a chip), "
            "always or never."
        ),
    ] = "auto",
    chip: Annotated[
        int | None, typer.Option(help="Edge of chips in pixels. [default: 256]")
    ] = None,
    stride: Annotated[
        int | None, typer.Option(help="Step from chip to chip. [default: the chip edge]")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="How samples become pixels. [default: auto]")
    ] = None,
    min_valid: Annotated[
        float | None, typer.Option(help="Smallest valid fraction of a chip. [default: 0.5]")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST|s3://BUCKET|FOLDER",
            help="Where scenes of a STAC source may lie besides beside it; may be repeated.",
        ),
    ] = None,
    executor: ExecutorName = None,
    workers: Workers = None,
    address: Address = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what an interrupted run of it had done.")
    ] = False,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Classify images by labels of your own, without training.

    Example: satseek classify ./chips -l quarry -l forest -l 'solar farm' --out labels.csv
    """
    asked = [*(labels or ()), *_labels_of(labels_file)]
    check_executor(executor, workers, address)
    wanted = {
        "all_labels": all_labels or None,
        "templates": templates,
        "cut": None if cut == "auto" else cut,
        "chip_px": chip,
        "stride_px": stride,
        "recipe": recipe,
        "min_valid": min_valid,
        "allow": allow,
        "executor": executor,
        "workers": workers,
        "address": address,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    apart = wants_job(detach, priority=priority, key=key)
    if out is None:
        if given or apart or restart:
            raise InvalidRequest("give --out: these options are about a table of many images")
        _show_each(context, list(map(Path, images)), asked, use_distractors=distractors, json=json)
        return
    task = _task(images, asked, out, distractors=distractors, given=given)
    if restart:
        _forget(context, out)
    if apart:
        detached(context, task, priority=priority, key=key, json=json)
    else:
        _write_table(context, task, out, json=json)


def _task(
    images: Sequence[str],
    labels: Sequence[str],
    out: str,
    *,
    distractors: bool,
    given: Mapping[str, Any],
) -> ClassifyHere:
    from satseek.jobs.classifying import ClassifyHere  # noqa: PLC0415 (help must not wait for it)
    from satseek.search.classifying import check_labels  # noqa: PLC0415

    check_labels(labels)
    folder, *more = images
    fields = {
        "folder": folder,
        "more": more,
        "labels": labels,
        "distractors": distractors,
        "out": out,
        **given,
    }
    task = asked_of("classify", fields)
    assert isinstance(task, ClassifyHere)
    return task


def _forget(context: typer.Context, out: str) -> None:
    from satseek.search.classifying_bulk import work_folder  # noqa: PLC0415
    from satseek.search.classifying_parts import forget  # noqa: PLC0415

    folder = configured(context).settings.data_dir
    forget(work_folder(standing_in(out, folder=folder)))


def _write_table(context: typer.Context, task: ClassifyHere, out: str, *, json: bool) -> None:
    from satseek.jobs.classifying import check_classify, classify_into  # noqa: PLC0415

    parts = assembly(context)
    check_classify(task, parts)
    table = standing_in(out, folder=parts.settings.data_dir)
    with progress_bar("classifying") as show:
        report = classify_into(
            table,
            task,
            parts.settings,
            lambda done, total, note: show(note, done, total),
        )
    deliver(table, out)
    if json:
        print_json({"file": out, "report": report})
        return
    _tell(report, out)


def _tell(report: BulkReport, out: str) -> None:
    rows = [
        [label, str(count), f"{100 * count / report.images:.1f} %"]
        for label, count in report.by_label.items()
    ]
    print_table(["label", "images", "of all"], rows)
    for label, taken in report.told.items():
        say(f"{label} was taken for: {taken}")
    fresh = report.images - report.resumed
    rate = f" ({fresh / report.seconds:.0f}/s)" if fresh > 0 else ""
    before = f", {report.resumed} of them done before" if report.resumed else ""
    say(
        f"wrote {report.rows} rows for {report.images} images{before} into {out} in "
        f"{report.seconds:.1f} s{rate}; {report.refused} refused"
    )
    list_refusals(report.refusals)


def _show_each(
    context: typer.Context,
    images: Sequence[Path],
    labels: Sequence[str],
    *,
    use_distractors: bool,
    json: bool,
) -> None:
    parts = assembly(context)
    refused: list[UnreadableImage] = []
    results = list(
        _classified(images, labels, parts, use_distractors=use_distractors, refused=refused)
    )
    if json:
        found = [{"path": str(path), "labels": result.labels} for path, result in results]
        print_json({"images": found, "refused": [str(error) for error in refused]})
    else:
        _print_best(results)
    for error in refused:
        say(f"  refused {error}")
    if refused and not results:
        raise UnreadableImage(f"none of the {len(refused)} images can be used")


def _classified(
    images: Sequence[Path],
    labels: Sequence[str],
    parts: Assembly,
    *,
    use_distractors: bool,
    refused: list[UnreadableImage],
) -> Iterator[tuple[Path, Classification]]:
    from satseek.assemble.asking import labels_known  # noqa: PLC0415
    from satseek.imagery.decode import decode_image  # noqa: PLC0415
    from satseek.imagery.scenes import find_scenes  # noqa: PLC0415
    from satseek.model.prompts import DISTRACTORS, TEMPLATES  # noqa: PLC0415
    from satseek.search.classifying import check_labels, classify  # noqa: PLC0415

    check_labels(labels)
    known = labels_known(labels, model=parts.model(), templates=TEMPLATES, parts=parts)
    for label, taken in known.translated.items():
        say(f"translated: {label}: {taken}")
    others = (*DISTRACTORS, *known.negatives) if use_distractors else ()
    limit = parts.settings.max_image_pixels
    for path in (file for image in images for file in find_scenes(image)):
        try:
            image = decode_image(path.read_bytes(), name=str(path), max_pixels=limit)
        except UnreadableImage as error:
            refused.append(error)
            continue
        scored = classify(
            [image.pixels],
            labels,
            embedder=parts.embedder,
            distractors=others,
            known=known.vectors,
        )
        yield path, scored[0]


def _labels_of(path: Path | None) -> list[str]:
    if path is None:
        return []
    if not path.is_file():
        raise FolderNotFound(f"no labels file {path}")
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _print_best(results: Sequence[tuple[Path, Classification]]) -> None:
    rows = [
        [
            f"{result.best.scores['share']:.3f}",
            f"{result.best.scores['match']:.3f}" if "match" in result.best.scores else "–",
            f"{result.best.scores['cosine']:.3f}",
            result.best.label,
            str(path),
        ]
        for path, result in results
    ]
    print_table(["share", "match", "cosine", "label", "image"], rows)
