"""``satseek classify``: images and labels → how each label fits. Knows only the use-case."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json, app, assembly
from satseek.cli.printing import print_json, print_table, say
from satseek.errors import FolderNotFound, UnreadableImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from satseek.assemble import Assembly
    from satseek.search.classifying import Classification


@app.command()
def classify(
    context: typer.Context,
    images: Annotated[list[Path], typer.Argument(help="Images or folders of images.")],
    *,
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", "-l", help="A label, or @CONCEPT; give it several times."),
    ] = None,
    labels_file: Annotated[Path | None, typer.Option(help="Text file, one label a line.")] = None,
    distractors: Annotated[
        bool, typer.Option(help="Let other land cover take its share as 'none of these'.")
    ] = True,
    json: Json = False,
) -> None:
    """Classify images by labels of your own, without training.

    Example: satseek classify ./chips -l quarry -l forest -l 'solar farm'
    """
    parts = assembly(context)
    asked = [*(labels or ()), *_labels_of(labels_file)]
    refused: list[UnreadableImage] = []
    results = list(_classified(images, asked, parts, use_distractors=distractors, refused=refused))
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
