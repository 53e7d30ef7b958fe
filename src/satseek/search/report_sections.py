"""An evaluation → the sections of its report, as HTML.

Knows neither the page around them nor how figures came about. A section whose figures are missing
is empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.search.plotting import (
    MAX_CELL_LABELS,
    bar,
    confusion_grid,
    reliability_plot,
    safe,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.evaluate.intervals import Interval
    from satseek.search.evaluating import Evaluation
    from satseek.search.evaluating_figures import (
        CalibrationFigures,
        LabelFigures,
        ZeroShotFigures,
    )

NONE = "–"
_CLASSES = {"t": "", "n": ' class="number"', "b": ' class="bars"'}

MAX_REFUSED = 50
"""Refused files that are listed; the JSON has all."""


def figure(value: float | None) -> str:
    """A share with three digits, or a dash."""
    return NONE if value is None else f"{value:.3f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, kinds: str) -> str:
    """Rows of HTML under a head of text; a letter for each column: text, number or bar."""
    classes = [_CLASSES[kind] for kind in kinds]
    top = "".join(f"<th{one}>{safe(name)}</th>" for one, name in zip(classes, head, strict=True))
    body = "".join(f"<tr>{_cells(classes, row)}</tr>" for row in rows)
    inner = f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="wide"><table>{inner}</table></div>'


def _cells(classes: Sequence[str], row: Sequence[str]) -> str:
    return "".join(f"<td{one}>{cell}</td>" for one, cell in zip(classes, row, strict=True))


def tiles(one: Evaluation) -> str:
    """The figures to remember."""
    shown = [*_label_tiles(one), *_caption_tiles(one)]
    cells = "".join(
        f'<div class="tile"><span>{safe(name)}</span><b>{safe(value)}</b>'
        f"<small>{safe(note)}</small></div>"
        for name, value, note in shown
        if value != NONE
    )
    return f'<div class="tiles">{cells}</div>'


def _label_tiles(one: Evaluation) -> list[tuple[str, str, str]]:
    found, calibration = one.zero_shot, one.calibration
    if found is None or calibration is None:
        return []
    return [
        ("top-1", figure(found.top_1), f"95 %: {_interval(found.top_1_interval)}"),
        ("top-5", figure(found.top_5), "true label among the first five"),
        ("top-1, mean per class", figure(found.mean_per_class), "every class counts the same"),
        ("mAP", figure(found.mean_average_precision), "label → images, mean over labels"),
        ("ECE of share", figure(calibration.share.ece), "0 is best; see Calibration"),
    ]


def _caption_tiles(one: Evaluation) -> list[tuple[str, str, str]]:
    found = one.retrieval
    if found is None:
        return []
    there, back = found.text_to_image, found.image_to_text
    return [
        ("R@10, text → image", figure(there.recall_at_10), f"among {there.gallery:,} images"),
        ("R@10, image → text", figure(back.recall_at_10), f"among {back.gallery:,} captions"),
    ]


def templates_section(one: Evaluation) -> str:
    """What each prompt reaches alone beside all together."""
    found = one.zero_shot
    if found is None:
        return ""
    rows = [["<b>all together</b>", figure(found.top_1), bar(found.top_1)]]
    rows += [
        [f"<code>{safe(template.template)}</code>", figure(template.top_1), bar(template.top_1)]
        for template in found.templates
    ]
    alone = [template.top_1 for template in found.templates]
    gain = found.top_1 - sum(alone) / len(alone)
    low, high = found.top_1_interval
    return section(
        "Prompts",
        f"<p>A label's vector is the mean over its prompts, here {len(alone)}: {gain:+.3f} top-1 "
        "against the mean of the prompts alone.</p>"
        f'<p class="note">The 95 % interval is {high - low:.3f} wide: differences far below that '
        "say little. It takes the images as independent; crops of one scene are not. A prompt "
        "chosen because it wins here has to be measured on other images.</p>",
        table(("prompt", "top-1", ""), rows, kinds="tnb"),
    )


def labels_section(one: Evaluation) -> str:
    """Every label with its bar, the lowest first."""
    found = one.zero_shot
    if found is None:
        return ""
    place = {label.label: at for at, label in enumerate(found.by_label)}
    rows = [
        [
            safe(label.label),
            f"{label.images:,}",
            figure(label.top_1),
            bar(label.top_1, interval=label.top_1_interval),
            figure(label.top_5),
            figure(label.average_precision),
            _taken_for(found, place[label.label]),
        ]
        for label in sorted(found.by_label, key=_lowest_first)
    ]
    return section(
        "Labels",
        '<p class="note">The lowest first. The dark line over a bar is its 95 % interval (Wilson): '
        "with few images it is long, and the order of labels then means little. AP: average "
        "precision of all images ranked for the label.</p>",
        table(
            ("label", "images", "top-1", "", "top-5", "AP", "most often taken for"),
            rows,
            kinds="tnnbnnt",
        ),
    )


def _lowest_first(label: LabelFigures) -> tuple[bool, float, str]:
    return label.top_1 is None, label.top_1 or 0.0, label.label


def _taken_for(found: ZeroShotFigures, row: int) -> str:
    """The wrong label that most images of a label got, and how many."""
    wrong = [
        (count, other.label)
        for column, (count, other) in enumerate(
            zip(found.confusion[row], found.by_label, strict=True)
        )
        if count and column != row
    ]
    if not wrong:
        return NONE
    count, name = max(wrong, key=lambda it: it[0])
    return f"{safe(name)} ({count:,})"


def confusion_section(one: Evaluation) -> str:
    """The confusion matrix and the pairs to look into."""
    found = one.zero_shot
    if found is None:
        return ""
    names = [label.label for label in found.by_label]
    drawn = f'<p class="note">{len(names)} labels are too many to draw: see the JSON.</p>'
    if len(names) <= MAX_CELL_LABELS:
        drawn = (
            '<p class="note">Rows: the true label; columns: the first label. Numbers count images; '
            "colour deepens with the square root of the share of the row, so that rare mistakes "
            "can be seen.</p>"
            f'<div class="wide">{confusion_grid(found.confusion, names)}</div>'
        )
    pairs = [
        [safe(pair.label), safe(pair.first), f"{pair.images:,}", figure(pair.share)]
        for pair in found.confused_pairs
    ]
    worst = table(("true label", "taken for", "images", "of its images"), pairs, kinds="ttnn")
    return section("Confusion", drawn, f"<h3>Most confused</h3>{worst}" if pairs else "")


def calibration_section(one: Evaluation) -> str:
    """Whether share and match could be read as probabilities."""
    found = one.calibration
    if found is None:
        return ""
    share = (
        f"<figure>{reliability_plot(found.share.bins, across='share', up='right')}<figcaption>"
        f"<b>share</b> of each image's first label, over the labels alone. "
        f"ECE {figure(found.share.ece)}: the mean share is {figure(found.share.mean_score)}, "
        f"and {figure(found.share.right)} are right. "
        f"Brier score {figure(found.share.brier)} (0 to 2), of equal shares "
        f"{figure(found.share.brier_of_no_knowledge)}.</figcaption></figure>"
    )
    return section(
        "Calibration",
        "<p>Neither score is a probability. This says how far off it would be to read them as one, "
        "on these images and among these labels alone: each image shows one of them, which your "
        "imagery need not. It has no meaning for other labels, nor for shares with distractors, as "
        "classification takes them.</p>",
        f'<div class="plots">{share}{_match_figure(found.match)}</div>',
        '<p class="note">Expected calibration error: mean over outcomes of the distance between '
        "dot and diagonal, in 15 bins of equal width (Naeini et al. 2015; Guo et al. 2017, "
        "equation 3). Larger dots hold more outcomes; the bars below count them.</p>",
    )


def _match_figure(found: CalibrationFigures | None) -> str:
    if found is None:
        return ""
    return (
        f"<figure>{reliability_plot(found.bins, across='match', up='right')}<figcaption>"
        f"<b>match</b> of each image with each label, {found.outcomes:,} pairs. ECE "
        f"{figure(found.ece)}; a score of 0 for everything would have {figure(found.right)}, the "
        f"share of pairs that are right. Brier score {figure(found.brier)} (0 to 1), of that share "
        f"for everything {figure(found.brier_of_no_knowledge)}.</figcaption></figure>"
    )


def refused_section(one: Evaluation) -> str:
    """What was left out."""
    if not one.refused:
        return ""
    rows = [[safe(it.path), safe(it.reason)] for it in one.refused[:MAX_REFUSED]]
    more = len(one.refused) - len(rows)
    rest = f'<p class="note">… and {more:,} more: the JSON lists all.</p>' if more else ""
    return section("Refused", table(("file", "why"), rows, kinds="tt"), rest)


def section(title: str, *parts: str) -> str:
    """Parts under a title."""
    return f"<section><h2>{safe(title)}</h2>{''.join(parts)}</section>"


def _interval(interval: Interval) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}"
