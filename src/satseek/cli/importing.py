"""``satseek model import``: a checkpoint → a stored version. Knows only the use-case."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from satseek.cli.application import Json
from satseek.cli.modelling import group, opened_store
from satseek.cli.printing import print_json, say
from satseek.cli.recording import recorded


@group.command("import")
def import_(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            help="Folder, open_clip file, Hugging Face id or modelscope:OWNER/NAME.",
            metavar="SOURCE",
        ),
    ],
    *,
    name: Annotated[
        str | None, typer.Option(help="Name of the model. [default: the source's]")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="Store float32 or float16. [default: float32 where it fits]"),
    ] = None,
    allow_pickle: Annotated[
        bool,
        typer.Option("--allow-pickle", help="Read a pickle where there is no safetensors."),
    ] = False,
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit at the hub. [default: its newest]")
    ] = None,
    architecture: Annotated[
        str | None, typer.Option(help="Of an open_clip file, such as ViT-B-32.")
    ] = None,
    tokenizer: Annotated[
        Path | None, typer.Option(help="CLIP's vocabulary, where it is not beside its weights.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Licence of the weights. [default: what the source states]")
    ] = None,
    training_data: Annotated[str, typer.Option(help="What it was trained on.")] = "not stated",
    offline: Annotated[
        bool, typer.Option("--offline", help="Use only what was fetched before.")
    ] = False,
    activate: Annotated[bool, typer.Option("--activate", help="Use it from now on.")] = False,
    json: Json = False,
) -> None:
    """Import a checkpoint, prove that it gives what transformers gives, store it (extra torch).

    Example: satseek model import lcybuaa/Git-RSCLIP-base --licence Apache-2.0
    """
    from satseek.checkpoints.importing import import_checkpoint  # noqa: PLC0415 (slow)

    store = opened_store(context)
    with store.staging() as staged:
        import_checkpoint(
            source,
            staged,
            name=name,
            precision=precision,  # type: ignore[arg-type]  # checked where it is used
            allow_pickle=allow_pickle,
            revision=revision,
            architecture=architecture,
            tokenizer=tokenizer,
            licences={"weights": licence} if licence else {},
            training_data=training_data,
            offline=offline,
            report=lambda step: say(f"… {step}"),
        )
        say("… storing")
        bundle = store.add(staged)
    reference = bundle.card.ref
    if activate:
        with recorded(context, "model.activate", reference):
            store.activate(reference)
    if json:
        print_json({"card": bundle.card, "folder": bundle.folder, "active": activate})
    then = "search with it" if activate else f"use it with satseek model activate {reference}"
    say(f"stored {reference}; {then}")
