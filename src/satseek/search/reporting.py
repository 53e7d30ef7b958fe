"""Evaluations → one HTML file that needs nothing else: no script, no outside address.

Knows nothing of how the figures came about. Names, labels and captions are foreign text: everything
goes through ``safe``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from satseek.search.plotting import safe
from satseek.search.report_examples import examples_section, retrieval_section
from satseek.search.report_sections import (
    calibration_section,
    confusion_section,
    labels_section,
    refused_section,
    table,
    templates_section,
    tiles,
)
from satseek.search.report_style import STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from satseek.search.evaluating import Evaluation
    from satseek.types import ModelCard

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a browser may load for the page (Content Security Policy Level 3): what is in it."""


def write_report(
    path: Path, results: Sequence[Evaluation], *, card: ModelCard, command: str, date: datetime
) -> None:
    """Write the report, replacing a file of that name in one step.

    Args:
        path: HTML file.
        results: One or more; a part of the page each.
        card: The model that was measured.
        command: What was typed.
        date: When.
    """
    half_written = path.with_name(f".{path.name}.new")
    half_written.write_text(
        report_page(results, card=card, command=command, date=date), encoding="utf-8"
    )
    half_written.replace(path)


def report_page(
    results: Sequence[Evaluation], *, card: ModelCard, command: str, date: datetime
) -> str:
    """The whole page; reads the examples' images again."""
    model = card.ref
    body = "".join(_part(one, model=model, date=date) for one in results)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{safe(model)} on {safe(', '.join(_title(one) for one in results))}</title>"
        f"<style>{STYLE}</style></head><body><main>{body}"
        f"{_model_section(card)}{_origin_section(results, command=command, date=date)}"
        "</main></body></html>\n"
    )


def _part(one: Evaluation, *, model: str, date: datetime) -> str:
    head = (
        f"<header><p>Evaluation of {safe(model)}, {date:%Y-%m-%d}</p>"
        f"<h1>{safe(_title(one))}</h1><p>{_counts(one)}</p></header>"
    )
    sections = (
        tiles(one),
        templates_section(one),
        labels_section(one),
        confusion_section(one),
        calibration_section(one),
        retrieval_section(one),
        examples_section(one),
        refused_section(one),
    )
    return head + "".join(sections)


def _title(one: Evaluation) -> str:
    name = Path(one.folder).absolute().name or one.folder
    return f"{name}, split {one.split}" if one.split else name


def _counts(one: Evaluation) -> str:
    counts = [f"{one.images:,} images"]
    if one.labels:
        counts.append(f"{one.labels:,} labels")
    if one.captions:
        counts.append(f"{one.captions:,} captions")
    if one.refused:
        counts.append(f"{len(one.refused):,} refused")
    return ", ".join(counts)


def _model_section(card: ModelCard) -> str:
    facts = {
        "model": card.ref,
        "precision": card.precision,
        "image, text": f"{card.image_size} px, {card.context_length} tokens, {card.dim} dimensions",
        "scores": f"{card.score_head}; factor on the cosine exp({card.logit_scale:.4g}), "
        f"bias {card.logit_bias:.4g}",
        "made from": card.parent,
        "trained on": card.training_data,
        **{f"licence, {part}": licence for part, licence in card.licences.items()},
    }
    return f"<section><h2>The model</h2>{_facts(facts)}</section>"


def _origin_section(results: Sequence[Evaluation], *, command: str, date: datetime) -> str:
    rows = [
        [
            safe(one.folder),
            safe(one.split or "all"),
            safe(one.form),
            f'<span class="digest">{safe(one.digest)}</span>',
        ]
        for one in results
    ]
    head = ("set", "split", "format", "SHA-256 over the images measured")
    sets = table(head, rows, kinds="tttt")
    facts = _facts({"command": command, "date": f"{date:%Y-%m-%d %H:%M %Z}"})
    return f"<section><h2>How it was made</h2>{facts}<h3>Sets</h3>{sets}</section>"


def _facts(facts: dict[str, str]) -> str:
    rows = "".join(
        f"<dt>{safe(name)}</dt><dd>{safe(value)}</dd>" for name, value in facts.items() if value
    )
    return f"<dl>{rows}</dl>"
