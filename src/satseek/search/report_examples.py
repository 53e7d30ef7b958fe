"""An evaluation → the sections of its report that show images.

Knows neither the page around them nor how the images were chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.search.plotting import safe
from satseek.search.report_images import inline_image
from satseek.search.report_sections import figure, section, table

if TYPE_CHECKING:
    from satseek.search.evaluating import Evaluation
    from satseek.search.evaluating_examples import CaptionExample, ImageExample
    from satseek.search.evaluating_figures import RecallFigures


def retrieval_section(one: Evaluation) -> str:
    """Recall both ways, and captions whose image came late."""
    found = one.retrieval
    if found is None:
        return ""
    rows = [
        ["text → image", *_recall_cells(found.text_to_image)],
        ["image → text", *_recall_cells(found.image_to_text)],
    ]
    head = ("", "queries", "gallery", "R@1", "R@5", "R@10", "median rank")
    late = "".join(_late(example) for example in one.examples.late)
    shared = (
        f"{found.shared_captions:,} captions stand word for word at another image too, where no "
        "model could know which is meant."
        if found.shared_captions
        else ""
    )
    return section(
        "Retrieval",
        table(head, rows, kinds="tnnnnnn"),
        '<p class="note">Text → image: the caption\'s own image has to be found. Image → text: any '
        "of the image's own captions counts. Ties count against. Recall falls as the gallery "
        f"grows. {shared}</p>",
        f'<h3>Captions whose image came last</h3><div class="gallery pairs">{late}</div>'
        if late
        else "",
    )


def _recall_cells(found: RecallFigures) -> list[str]:
    return [
        f"{found.queries:,}",
        f"{found.gallery:,}",
        figure(found.recall_at_1),
        figure(found.recall_at_5),
        figure(found.recall_at_10),
        f"{found.median_rank:g}",
    ]


def _late(example: CaptionExample) -> str:
    return (
        f'<figure><div class="pair">{inline_image(example.path, name=example.name)}'
        f"{inline_image(example.first_path, name=example.first_name)}</div>"
        f"<figcaption><b>{safe(example.caption)}</b><br>left: its image, rank {example.rank:,}; "
        "right: the first found"
        f'<div class="name">{safe(example.name)} · {safe(example.first_name)}</div>'
        "</figcaption></figure>"
    )


def examples_section(one: Evaluation) -> str:
    """Images and what they were taken for."""
    kinds = (
        ("Wrong with the largest share", one.examples.far_off),
        ("Wrong, drawn by chance", one.examples.wrong),
        ("Right, drawn by chance", one.examples.right),
    )
    parts = "".join(
        f'<h3>{title}</h3><div class="gallery">{"".join(map(_example, examples))}</div>'
        for title, examples in kinds
        if examples
    )
    note = (
        '<p class="note">Above the line the true label; below it the labels with the largest '
        "share.</p>"
    )
    return section("Examples", note, parts) if parts else ""


def _example(example: ImageExample) -> str:
    shares = "".join(
        f'<li class="{_verdict(example, at)}"><span>{safe(one.label)}</span>'
        f"<span>{one.share:.2f}</span></li>"
        for at, one in enumerate(example.first)
    )
    return (
        f"<figure>{inline_image(example.path, name=example.name)}<figcaption>"
        f'<b>{safe(example.label)}</b><ol>{shares}</ol><div class="name">{safe(example.name)}</div>'
        "</figcaption></figure>"
    )


def _verdict(example: ImageExample, at: int) -> str:
    """Class of one of the first labels: only the true one and a wrong first one have a colour."""
    if example.first[at].label == example.label:
        return "hit"
    return "other" if at else "miss"
