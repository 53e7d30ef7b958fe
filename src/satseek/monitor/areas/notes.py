"""What there is to be careful about in figures from a sample → a sentence, in each language.

Does not know how it was found out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from satseek.monitor.reports.report import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing to be careful about."""

    key: str
    """Which, of `TEXTS`."""
    values: Mapping[str, str | int | float] = field(default_factory=dict, hash=False)
    """What goes into its sentence."""

    def said(self, language: Language = "en") -> str:
        """Say it."""
        return TEXTS[self.key][language].format(**self.values)


TEXTS: Mapping[str, Mapping[Language, str]] = {
    "left out": {
        "en": (
            "nothing was judged in {strata}: {share:.1%} of the area is left out, and the figures "
            "speak of the rest"
        ),
        "zh": "{strata} 中没有已判读的样本：占总面积 {share:.1%}，未计入，以下数字只针对其余部分",
    },
    "single": {
        "en": (
            "one place alone was judged in {strata}: there is no standard error, and the interval "
            "is as wide as one answer makes it"
        ),
        "zh": "{strata} 中只有一个已判读的样本：无法计算标准误，置信区间因此很宽",
    },
    "plain": {
        "en": "there is one stratum: the sample is a plain random one",
        "zh": "只有一个分层：样本为简单随机样本",
    },
    "unseen": {
        "en": (
            "no judged place is {labels}: its area is estimated as 0, and may be up to the upper "
            "end"
        ),
        "zh": "没有样本被判读为 {labels}：其面积估计为 0，但可能达到区间上限",
    },
    "not counted": {
        "en": (
            "{left} of {drawn} places do not count: {open} wait for an answer, on {contested} "
            "people do not agree, of {unclear} they cannot tell; if these are of another kind than "
            "the rest, the figures lean"
        ),
        "zh": (
            "{drawn} 个样本中有 {left} 个未计入：{open} 个待判读，{contested} 个意见不一，"
            "{unclear} 个无法判断；如果这些样本与其余样本性质不同，结果会有偏差"
        ),
    },
    "several": {
        "en": "{several} places were judged by several people, who agree on {same} of them",
        "zh": "{several} 个样本由多人判读，其中 {same} 个意见一致",
    },
    "uneven": {
        "en": (
            "cells of one stratum differ by up to {share:.1%} from their mean area, and count "
            "alike; where that matters, draw points"
        ),
        "zh": "同一分层内格网面积与平均值最多相差 {share:.1%}，计算时视为相同；如有影响，请抽样点",
    },
    "whole cells": {
        "en": "areas are those of whole cells, each by what covers most of it",
        "zh": "面积按整个格网统计，每个格网取其主要类别",
    },
}
"""By key, then by language."""


def listed(names: Iterable[str]) -> str:
    """List names in a sentence."""
    return ", ".join(repr(name) for name in names)
