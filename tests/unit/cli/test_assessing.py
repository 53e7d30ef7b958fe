from __future__ import annotations

from pathlib import Path

import typer.main

from satseek.cli import assessing
from satseek.cli.application import app
from satseek.monitor.damage.asking import Said

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
SHARED = {"--help", "-h", "--json"}
"""Options that the reference tells once for all commands."""


def test_every_option_is_in_the_reference() -> None:
    reference = REFERENCE.read_text(encoding="utf-8")
    (row,) = [line for line in reference.splitlines() if line.startswith("| `assess PARCELS")]
    command = typer.main.get_command(app).commands["assess"]  # type: ignore[attr-defined]
    missing = [
        param.opts
        for param in command.params
        if param.opts[0].startswith("-")
        and not SHARED & {*param.opts}
        and not any(f"`{one}`" in row for one in param.opts)
    ]
    assert [] == missing


def test_a_job_is_told_zero_days_where_any_will_do() -> None:
    said = Said(parcels="/p.gpkg", after="2024-07", most_days_between=None)
    fields = assessing._fields(said, Path("/out"), ["/scenes"])
    assert (0, 30) == (fields["most_days_between"], fields["most_days_after"])
    assert (["/scenes"], "/out") == (fields["allow"], fields["out"])
    assert not {"before", "collection", "event"} & fields.keys()
