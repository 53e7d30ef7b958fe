"""``satseek config`` and ``satseek doctor``: what is set and what works. Knows every setting."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import typer

from satseek.cli.application import Json, app, assembly, configured
from satseek.cli.printing import print_json, print_table
from satseek.errors import SatseekError

if TYPE_CHECKING:
    from satseek.assemble import Assembly

group = typer.Typer(help="See the settings in force.", no_args_is_help=True)
app.add_typer(group, name="config")

PACKAGES = ("numpy", "onnxruntime", "rasterio", "tokenizers", "nicegui", "faiss-cpu", "torch")
"""Packages that bug reports ask for; the last three are extras."""

LEAST_FREE_BYTES = 1_000_000_000
"""Less free disk than this is worth a word: a million chips take about 2.5 GB."""


@group.command("show")
def show(context: typer.Context, *, json: Json = False) -> None:
    """Show every setting, its value and where it came from.

    Example: satseek config show
    """
    known = configured(context)
    values = known.settings.model_dump()
    if json:
        print_json(
            {name: {"value": value, "from": known.origins[name]} for name, value in values.items()}
        )
        return
    rows = [[name, str(value), known.origins[name]] for name, value in values.items()]
    print_table(["setting", "value", "from"], rows)


@app.command()
def doctor(context: typer.Context, *, json: Json = False) -> None:
    """Check that this machine can do the work; say what is missing and how to get it.

    Example: satseek doctor
    """
    parts = assembly(context)
    checks = [
        ("python", True, sys.version.split()[0]),
        ("cores", True, str(os.cpu_count())),
        *((name, *_package(name)) for name in PACKAGES),
        ("data folder", *_data_folder(parts)),
        ("model", *_model(parts)),
        ("collections", *_collections(parts)),
    ]
    if json:
        print_json([{"check": name, "ok": ok, "found": found} for name, ok, found in checks])
    else:
        rows = [[name, "ok" if ok else "NO", found] for name, ok, found in checks]
        print_table(["check", "", "found"], rows)
    if not all(ok for _, ok, _ in checks):
        raise typer.Exit(1)


def _package(name: str) -> tuple[bool, str]:
    extras = {"nicegui": "web", "faiss-cpu": "faiss", "torch": "torch"}
    try:
        return True, version(name)
    except PackageNotFoundError:
        hint = f"not installed, optional: pip install 'satseek[{extras.get(name)}]'"
        return name in extras, hint


def _data_folder(parts: Assembly) -> tuple[bool, str]:
    folder = parts.settings.data_dir
    there = folder
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    writable = os.access(there, os.W_OK)
    note = f"{folder}, {free / 1e9:.1f} GB free{'' if writable else ', not writable'}"
    return writable and free > LEAST_FREE_BYTES, note


def _model(parts: Assembly) -> tuple[bool, str]:
    """Embed a word, so that a bundle that loads but does not run is found out."""
    try:
        card = parts.bundle.card
        parts.embedder.embed_texts(["a river"])
    except SatseekError as error:
        return False, str(error)
    return True, f"{card.name}@{card.version}, {card.dim}-d, {card.image_size} px"


def _collections(parts: Assembly) -> tuple[bool, str]:
    names = parts.collections()
    try:
        sizes = [f"{name} ({len(parts.reader(name))} chips)" for name in names]
    except SatseekError as error:
        return False, str(error)
    return True, ", ".join(sizes) or "none yet"
