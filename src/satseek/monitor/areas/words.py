"""What reports of accuracy and areas say, in the languages that reports are written in.

Does not know what was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.monitor.reports.report import Language

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Accuracy and honest areas",
        "class": "class",
        "map": "on the map (ha)",
        "area": "estimated (ha)",
        "error": "standard error (ha)",
        "low": "from (ha)",
        "high": "to (ha)",
        "users": "user's accuracy",
        "producers": "producer's accuracy",
        "areas": "Areas with their 95 % confidence intervals",
        "accuracy": "Accuracy of the map by class",
        "matrix": "Error matrix: rows as the map has it, columns as people judged it (places)",
        "mapped": "map ＼ judged",
        "all": "all",
        "chart": "Area of each class: on the map, and estimated",
        "method": (
            "Estimated from {judged} places that were drawn at random in {strata} strata and "
            "judged by people (Olofsson et al. 2014). Areas counted from a map carry its mistakes; "
            "these do not, and of 100 such samples the truth lies between both ends in about 95. "
            "Overall accuracy is {overall:.1%} ({low:.1%} to {high:.1%})."
        ),
        "from": "{low:.0%} to {high:.0%}",
        "estimated": "estimated",
        "alt": "Bars of hectares by class, estimated areas with their intervals: {classes}.",
        "is": "{label} {area:,.0f} ha ({low:,.0f} to {high:,.0f})",
        "next_done": (
            "Use the estimated areas with their intervals, not those counted from the map. Where "
            "an interval is too wide for the decision, draw more places of that class and judge "
            "them: `satseek landuse sample {name} --more N --of CLASS=N`."
        ),
        "next_open": (
            "{open} of {drawn} places still wait to be judged or agreed upon: do that first "
            "(`satseek landuse answer {name}`), as the figures may move."
        ),
        "overall": "Overall accuracy",
        "judged": "Places judged",
        "widest": "Least certain class",
        "of_drawn": "of {drawn} drawn",
        "sampled": "sample",
        "drawn_as": "{name}: {unit}s, seed {seed}, {opinions} judging each",
        "frame": "digest of the map",
        "interval": "confidence intervals",
        "of_date": "land use {date}",
        "of_change": "change of land use {since} to {date}",
    },
    "zh": {
        "title": "精度与校正面积",
        "class": "类别",
        "map": "图上面积（公顷）",
        "area": "估计面积（公顷）",
        "error": "标准误（公顷）",
        "low": "下限（公顷）",
        "high": "上限（公顷）",
        "users": "用户精度",
        "producers": "制图精度",
        "areas": "面积及其 95% 置信区间",
        "accuracy": "各类别的制图精度",
        "matrix": "误差矩阵：行为图上类别，列为人工判读类别（样本数）",
        "mapped": "图上 ＼ 判读",
        "all": "合计",
        "chart": "各类别面积：图上面积与估计面积",
        "method": (
            "根据在 {strata} 个分层中随机抽取并由人工判读的 {judged} 个样本估计（Olofsson 等，"
            "2014）。直接从图上统计的面积含有分类误差，校正面积则不含；在 100 次同样的抽样中，"
            "约有 95 次真值落在上下限之间。总体精度为 {overall:.1%}（{low:.1%} 至 {high:.1%}）。"
        ),
        "from": "{low:.0%} 至 {high:.0%}",
        "estimated": "估计",
        "alt": "各类别面积柱状图，估计面积带置信区间：{classes}。",
        "is": "{label} {area:,.0f} 公顷（{low:,.0f} 至 {high:,.0f}）",
        "next_done": (
            "请使用带置信区间的估计面积，而不是直接从图上统计的面积。若某一类别的区间过宽，"
            "请为该类别追加样本并判读：`satseek landuse sample {name} --more N --of 类别=N`。"
        ),
        "next_open": (
            "{drawn} 个样本中仍有 {open} 个待判读或待统一意见：请先完成判读"
            "（`satseek landuse answer {name}`），否则结果仍会变动。"
        ),
        "overall": "总体精度",
        "judged": "已判读样本",
        "widest": "最不确定的类别",
        "of_drawn": "共抽取 {drawn} 个",
        "sampled": "样本",
        "drawn_as": "{name}：单元 {unit}，随机种子 {seed}，每个样本由 {opinions} 人判读",
        "frame": "地图摘要",
        "interval": "置信区间方法",
        "of_date": "{date} 土地利用",
        "of_change": "{since} 至 {date} 土地利用变化",
    },
}
"""By language, then by key; braces take figures."""
