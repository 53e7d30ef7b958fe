"""``satseek embed``: texts and images → the vectors that searches compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json, app, assembly
from satseek.cli.printing import print_json, print_table, say
from satseek.errors import FolderNotFound, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.assemble import Assembly
    from satseek.types import Vectors


@app.command()
def embed(
    context: typer.Context,
    texts: Annotated[list[str] | None, typer.Argument(help="Texts, one vector each.")] = None,
    *,
    images: Annotated[
        list[Path] | None, typer.Option("--image", "-i", help="An image; give it several times.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="NumPy file (.npy) for the vectors: texts, then images.")
    ] = None,
    json: Json = False,
) -> None:
    """Embed texts and images: unit vectors, as every search compares them.

    Example: satseek embed 'a harbour' --image chip.png --out vectors.npy
    """
    words, files = texts or [], images or []
    if not words and not files:
        raise InvalidRequest("give texts, images, or both to embed")
    if out is not None and out.suffix != ".npy":
        raise InvalidRequest(f"--out: expected a name that ends with .npy, came {out.name}")
    parts = assembly(context)
    vectors = _embedded(words, files, parts)
    if out is not None:
        _write(vectors, out)
    card = parts.embedder.card
    names = [*words, *map(str, files)]
    if json:
        items = [
            {"text" if at < len(words) else "image": name, "vector": vector.tolist()}
            for at, (name, vector) in enumerate(zip(names, vectors, strict=True))
        ]
        print_json({"model": card.ref, "dim": card.dim, "vectors": items})
    elif out is not None:
        say(f"{len(vectors)} vectors of {card.dim} numbers by {card.ref} in {out}")
    else:
        shown = [" ".join(f"{one:.4f}" for one in vector) for vector in vectors]
        print_table(["input", "vector"], list(map(list, zip(names, shown, strict=True))))


def _embedded(texts: Sequence[str], files: Sequence[Path], parts: Assembly) -> Vectors:
    import numpy as np  # noqa: PLC0415 (slow to load)

    from satseek.imagery.decode import decode_image  # noqa: PLC0415

    embedder, limit = parts.embedder, parts.settings.max_image_pixels
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise FolderNotFound(f"no file {missing[0]}")
    pixels = [
        decode_image(file.read_bytes(), name=str(file), max_pixels=limit).pixels for file in files
    ]
    return np.concatenate([embedder.embed_texts(texts), embedder.embed_images(pixels)])


def _write(vectors: Vectors, out: Path) -> None:
    import numpy as np  # noqa: PLC0415

    from satseek.export.replacing import replaced  # noqa: PLC0415

    with replaced(out, suffixes=(".npy",)) as draft:
        np.save(draft, vectors)
