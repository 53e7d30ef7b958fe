"""``satseek train``: a training config → a model bundle. Knows only how to start it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from satseek.cli.application import app, configured
from satseek.cli.printing import say


@app.command()
def train(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(help="TOML file; see docs/guides/train.md.")],
    *,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew instead of going on at the checkpoint.")
    ] = False,
) -> None:
    """Train or fine-tune a model; run it again to go on after an interruption.

    Example: satseek train examples/train/starter-1.toml
    """
    from satseek.train import read_config  # noqa: PLC0415
    from satseek.train import train as run  # noqa: PLC0415

    configured(context)
    result = run(
        read_config(config), resume=not fresh, report=lambda progress: say(progress.line())
    )
    say(f"wrote {result}")
