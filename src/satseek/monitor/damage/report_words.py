"""What a report of damage says → its texts in each language. Knows nothing of what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

REPORT_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    # the first page
    "title": ("{hazard}: {parcels} parcels assessed", "{hazard}：{parcels} 个地块的受灾评估"),
    "subtitle": ("{before} → {after} · {source}", "{before} → {after} · {source}"),
    "subtitle_mono": ("seen {after} · {source}", "{after} 影像 · {source}"),
    "no_date": ("date unknown", "日期不详"),
    "next": (
        (
            "Settle what is red by its claim sheet below: {red} of {all} parcels, {ha} ha of them "
            "affected. Of what imagery cannot tell ({grey}) and what is in doubt ({amber}) nothing "
            "is said to its owner before somebody was there."
        ),
        (
            "请依据下文理赔单处理红色地块：{all} 个地块中的 {red} 个，受灾 {ha} 公顷。影像无法判定"
            "的（{grey} 个）和存疑的（{amber} 个），须先实地查勘，再答复农户。"
        ),
    ),
    "next_clear": (
        (
            "Settle what is red by its claim sheet below: {red} of {all} parcels, {ha} ha of them "
            "affected. No other parcel is in doubt, so that visits are checks alone."
        ),
        (
            "请依据下文理赔单处理红色地块：{all} 个地块中的 {red} 个，受灾 {ha} 公顷。其余地块均无"
            "疑问，查勘仅作核对。"
        ),
    ),
    "next_none": (
        (
            "No parcel shows a loss. Visit what imagery cannot tell ({grey} of {all} parcels) and "
            "what is in doubt ({amber}) before a claim is turned down; as far as this imagery "
            "tells, the others need no visit."
        ),
        (
            "没有地块显示损失。影像无法判定的（{all} 个地块中的 {grey} 个）和存疑的（{amber} 个），"
            "须先查勘再作拒赔决定；依据本次影像，其余地块无需查勘。"
        ),
    ),
    "next_green": (
        (
            "No parcel shows a loss, and none is in doubt: there is nothing to settle. Visits are "
            "checks alone. Keep this report with the claims that came in."
        ),
        "没有地块显示损失，也没有存疑地块：无需理赔，查勘仅作核对。请将本报告与报案材料一并存档。",
    ),
    "next_grey": (
        (
            "This imagery tells nothing of any of the {all} parcels ({lacks}): nothing can be "
            "settled or turned down by it. Get other imagery and run the assessment again, or "
            "have the parcels assessed on the spot."
        ),
        (
            "本次影像无法判定全部 {all} 个地块（{lacks}）：不能据此理赔或拒赔。请获取其他影像后重新"
            "评估，或实地定损。"
        ),
    ),
    "action_red": (
        (
            "Open the claim sheets of policies with a loss ({count}: {names}); compare both images "
            "of each parcel before you sign."
        ),
        "逐一打开有损失保单的理赔单（{count} 份：{names}）；签字前请对比每个地块的前后影像。",
    ),
    "action_visit": (
        (
            "Send surveyors by the list of visits ({count}): it holds {grey} of {all_grey} parcels "
            "that imagery cannot tell and {amber} of {all_amber} in doubt, these first; the others "
            "are checks."
        ),
        (
            "按查勘清单（{count} 个地块）派员：先查影像无法判定的（{all_grey} 个中的 {grey} 个）"
            "和存疑的（{all_amber} 个中的 {amber} 个），其余为核对。"
        ),
    ),
    "action_checks": (
        "Send surveyors by the list of visits ({count}): all of them are checks.",
        "按查勘清单（{count} 个地块）派员核对。",
    ),
    "action_longer": (
        "The list leaves out {count} of them: run the same again with `--visits {visits}`.",
        "清单未包含其中 {count} 个：请以 `--visits {visits}` 重新运行。",
    ),
    "action_list": (
        "Put the oddities of the list of parcels right before the next run ({count}).",
        "下次评估前请更正地块清单中的问题（{count} 处）。",
    ),
    "limit_area": (
        "An affected share is a share of the area on which damage shows, not a loss of yield.",
        "受灾比例是显示受灾的面积比例，不是减产率。",
    ),
    "limit_model": (
        (
            "Green says that the model {model} sees no sign of damage, not that there is none: "
            "hold some parcels whose damage is known against this report before you rely on it."
        ),
        "绿色表示模型 {model} 未见受灾迹象，不等于没有受灾：采信前请用已知灾情的地块核对本报告。",
    ),
    "limit_mono": (
        "Imagery after the event alone was looked at: what has always looked so counts as well.",
        "仅使用灾后影像：灾前即如此的地面也会被计入。",
    ),
    "limit_undated": (
        (
            "Some of the imagery tells no date: which is before and which after rests on how it "
            "was handed over."
        ),
        "部分影像没有日期：灾前与灾后仅以提供时的说明为准。",
    ),
    "limit_cells": (
        "Ground is told apart every {square} ha; a parcel smaller than {chip} ha is not judged.",
        "地面按 {square} 公顷的单元判定；小于 {chip} 公顷的地块不作判定。",
    ),
    "limit_grey": (
        (
            "Figures of parcels with insufficient evidence are shown to be looked at; they are in "
            "no sum."
        ),
        "证据不足地块的数值仅供参考，不计入任何合计。",
    ),
    # headlines, tables, maps
    "affected_area": ("affected", "受灾面积"),
    "of_judged": ("of {ha} ha that imagery can tell", "占影像可判定的 {ha} 公顷"),
    "parcels": ("parcels", "地块"),
    "of_parcels": ("of {count} parcels", "共 {count} 个地块"),
    "of_parcels_lacks": ("of {count} parcels: {lacks}", "共 {count} 个地块：{lacks}"),
    "lack_not seen": ("not seen", "未观测到"),
    "lack_too small": ("too small", "地块过小"),
    "lack_date gap": ("dates too far apart", "日期间隔过长"),
    "lack_no date": ("no date", "日期不详"),
    "map": ("Where the parcels lie", "地块分布"),
    "map_title": ("Parcels by light, over the imagery after", "各地块的判定结果（底图为灾后影像）"),
    "map_alt": (
        (
            "Map of {count} parcels: {red} red, {amber} amber, {green} green, {grey} with "
            "insufficient evidence."
        ),
        "{count} 个地块的地图：红 {red}，黄 {amber}，绿 {green}，证据不足 {grey}。",
    ),
    "districts": ("By village or district", "按村或区县汇总"),
    "districts_table": (
        "Parcels and hectares of each village or district",
        "各村或区县的地块数与面积",
    ),
    "policies": ("By policy", "按保单汇总"),
    "policies_table": (
        "Parcels and hectares of each policy, the largest affected area first",
        "各保单的地块数与面积，按受灾面积排序",
    ),
    "visits": ("What to visit", "查勘清单"),
    "visits_table": ("Parcels in the order of visiting", "按查勘顺序排列的地块"),
    "visits_note": (
        "Drawn at random within each light, by seed {seed}: the same list on every machine.",
        "在各判定类别内随机抽取，种子 {seed}：任何机器上结果相同。",
    ),
    "sheets": ("Claim sheets", "理赔单"),
    "sheet": ("Policy {policy}", "保单 {policy}"),
    "sheet_title": ("Claim sheet: policy {policy}", "理赔单：保单 {policy}"),
    "sheets_note": (
        (
            "One sheet for each policy that is not all green, the largest affected area first: "
            "{shown} of {count}."
        ),
        "每份非全绿保单一张理赔单，按受灾面积排序：{count} 份中的 {shown} 份。",
    ),
    "sheets_more": (
        "`--sheet pdf` writes all of them, a file for each policy.",
        "`--sheet pdf` 可为每份保单各写一个文件。",
    ),
    "sheets_none": ("Every policy is all green.", "所有保单均为绿色。"),
    "sheet_next": (
        (
            "Compare the images before and after of each parcel with what is said of it; sign "
            "where both agree, send a surveyor where they do not or where evidence is insufficient."
        ),
        "请将每个地块的前后影像与判定结果对照：一致则签字，不一致或证据不足则派员查勘。",
    ),
    "odd": ("What was odd about the list", "地块清单中的问题"),
    "odd_table": ("Rows of the list, and what became of them", "清单中的行及其处理"),
    "kind_left out": ("left out", "未评估"),
    "kind_repaired": ("repaired", "已修复"),
    "kind_duplicate": ("duplicate", "重复"),
    "kind_renamed": ("renamed", "已改名"),
    "kind_overlap": ("overlap", "重叠"),
    "kind_insured": ("insured", "承保面积"),
    "grade_none": ("none", "无"),
    "grade_slight": ("slight", "轻度"),
    "grade_moderate": ("moderate", "中度"),
    "grade_severe": ("severe", "重度"),
    "grade_total": ("total", "绝收"),
    "name": ("name", "名称"),
    "policy": ("policy", "保单"),
    "parcel": ("parcel", "地块"),
    "crop": ("crop", "作物"),
    "district": ("village or district", "村或区县"),
    "area": ("area (ha)", "面积（公顷）"),
    "insured": ("insured (ha)", "承保（公顷）"),
    "affected_ha": ("affected (ha)", "受灾（公顷）"),
    "share": ("affected share", "受灾比例"),
    "light": ("light", "判定"),
    "decided": ("Decision", "处理意见"),
    "decided_note": (
        "To be filled in by whoever decides; the report's digest does not cover handwriting.",
        "由处理人填写；报告摘要不含手写内容。",
    ),
    "settled": ("paid (ha)", "赔付（公顷）"),
    "remarks": ("remarks", "备注"),
    "signed": ("name, date, signature", "姓名、日期、签字"),
    "grade": ("grade", "等级"),
    "why": ("why", "理由"),
    "task": ("to do", "任务"),
    "number": ("no.", "序号"),
    "row": ("row", "行"),
    "kind": ("kind", "类别"),
    "what": ("what", "说明"),
    "seen": ("seen {when}", "{when}观测"),
    "beside": ("beside its neighbours", "与邻近地块相比"),
    "beside_value": (
        (
            "{own:+.0%} here, {neighbours:+.0%} on {count} unaffected neighbours{crop}: "
            "{difference:+.0%} more"
        ),
        (
            "本地块 {own:+.0%}，{count} 个未受灾邻近地块{crop} {neighbours:+.0%}：相差 "
            "{difference:+.0%}"
        ),
    ),
    "shows": ("shows after", "灾后所见"),
    "pair": ("{parcel}, place {number}", "{parcel}，位置 {number}"),
    "caption": ("{date} · {scene}", "{date} · {scene}"),
    "image_alt": ("{side} on parcel {parcel}", "地块 {parcel} {side}"),
    "all": ("all", "合计"),
    "not_told": ("not told", "未提供"),
    # where thresholds come from
    "seen_rule": ("least seen share of a parcel", "地块最低观测比例"),
    "cells_rule": ("least size of a parcel", "地块最小尺寸"),
    "cells": ("{count:g} cells", "{count:g} 个单元"),
    "between_rule": ("most days between before and after", "前后影像最大间隔天数"),
    "after_rule": ("most days from the event to the imagery", "灾后影像最大间隔天数"),
    "days": ("{count} days", "{count} 天"),
    "step_rule": ("step towards damage that a cell takes", "判为受灾所需的变化"),
    "step_value": ("{quantile:.1%} quantile", "{quantile:.1%} 分位"),
    "origin_sound": (
        "of the steps of cells that look sound at both dates",
        "相对于前后均未受灾的单元的变化",
    ),
    "grade_rule": ("grade {name}", "等级 {name}"),
    "from": ("from {share:.0%} affected", "受灾 {share:.0%} 起"),
    "origin_table": ("table of losses {name}", "损失等级表 {name}"),
    "origin_asked": ("as asked", "按要求"),
}
"""English and Chinese by what each text is called; `words.text` gives them."""
