"""A language → the texts of a report of findings. Knows nothing of what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from satseek.monitor.findings.finding import Kind, State
    from satseek.monitor.reports.report import Language

_TEXTS: dict[str, tuple[str, str]] = {
    "title_all": ("Findings", "发现清单"),
    "title": ("Findings of {sources}", "发现清单：{sources}"),
    "subtitle": (
        "{findings}, seen {first} to {last}",
        "共 {count} 处，观测日期 {first} 至 {last}",
    ),
    "subtitle_once": ("{findings}, seen {first}", "共 {count} 处，观测日期 {first}"),
    "subtitle_undated": (
        "{findings}",
        "共 {count} 处",
    ),
    "next_none": (
        (
            "There is nothing to do: no finding passes what was asked for ({asked}). If you "
            "expected "
            "some, ask for more: other states, sources, dates or a larger area."
        ),
        "无需处理：没有符合条件的发现（{asked}）。如与预期不符，请放宽状态、来源、日期或范围。",
    ),
    "next_waiting": (
        (
            "Waiting for a decision: {waiting} of {findings}{outside}. Look at both images "
            "of each, in the order of this report: no. 1 first ({what}, {where}, first seen "
            "{first}). Confirm or reject each one (`satseek findings confirm ID`, "
            "`satseek findings reject ID`); where the images do not settle it, send somebody "
            "to the coordinates given."
        ),
        (
            "{count} 处发现中有 {waiting} 处待核实{outside}。请按本报告顺序对比前后影像，从第"
            " 1 处开始（{what}，{where}，首次见于 {first}）。逐一确认或排除（"
            "`satseek findings confirm ID`、`satseek findings reject ID`）；影像无法判定的，"
            "请按所列坐标实地核查。"
        ),
    ),
    "outside": (", {count} of them outside any permit", "，其中 {count} 处在许可范围之外"),
    "next_confirmed": (
        (
            "Every finding has been looked at. Confirmed and still open: {confirmed} of "
            "{findings}. Follow them up on the ground, beginning with no. 1 ({what}, "
            "{where}), and close each one when it is dealt with (`satseek findings close ID`)."
        ),
        (
            "全部发现均已核实。其中 {confirmed} 处已确认、尚未办结：请实地跟进，从第 1 处开始"
            "（{what}，{where}），处理完毕后逐一办结（`satseek findings close ID`）。"
        ),
    ),
    "next_done": (
        (
            "There is nothing left to do: of {findings}, all are closed or rejected. Keep "
            "this report with your records."
        ),
        "无待办事项：{count} 处发现均已办结或排除。请将本报告存档。",
    ),
    "action": (
        (
            "{what}, {area}, at {where}{flags}; first seen {first}, dates that show it: {seen} "
            "(no. {number}, id {id})."
        ),
        (
            "{what}，{area}，位于 {where}{flags}；首次见于 {first}，共 {seen} 期可见"
            "（第 {number} 处，编号 {id}）。"
        ),
    ),
    "action_outside": (", outside any permit", "，在许可范围之外"),
    "waiting": ("wait for a decision", "待核实"),
    "waiting_note": (
        "{new} new, {assigned} with somebody",
        "新发现 {new} 处，已分派 {assigned} 处",
    ),
    "confirmed": ("confirmed, still open", "已确认未办结"),
    "outside_permit": ("outside any permit", "许可范围之外"),
    "done": ("closed or rejected", "已办结或排除"),
    "done_note": ("{closed} closed, {rejected} rejected", "办结 {closed} 处，排除 {rejected} 处"),
    "area": ("area", "面积"),
    "area_note": ("confirmed and waiting, each counted alone", "待核实与已确认之和，逐处计算"),
    "limit_unreviewed": (
        (
            "What waits has been seen by the machine alone: some of it is nothing. Only confirmed "
            "findings should go into a notice or a claim."
        ),
        "待核实的发现仅由机器识别，其中会有误报。只有经确认的发现才能写入通知或理赔。",
    ),
    "limit_groundless": (
        (
            "Without a place on the ground, as their imagery has no georeference: "
            "{findings}. They are on no map and have no area."
        ),
        "{count} 处发现的影像没有地理参考，因此不在图上，也没有面积。",
    ),
    "limit_pictures": (
        "An image is missing of {findings}, as a scene could not be read at the time.",
        "{count} 处发现缺少影像截图，因为发现时影像无法读取。",
    ),
    "limit_withdrawn": (
        "Not found again by a later run of their source (withdrawn): {findings}.",
        "{count} 处发现在其来源后续运行中未再出现（已撤回）。",
    ),
    "limit_gone": (
        "The collections {names} are not at hand: their models, recipes and scenes are not told.",
        "影像集 {names} 不可用，因此未列出其模型、显示方案和影像。",
    ),
    "limit_more": (
        "Of {findings}, images of the first {shown} are shown.",
        "仅显示前 {shown} 处（共 {count} 处）的影像。",
    ),
    "limit_listed": (
        "Of {findings}, the first {shown} are listed; `satseek findings export` writes all.",
        "仅列出前 {shown} 处（共 {count} 处）；`satseek findings export` 可导出全部。",
    ),
    "overview": ("Where they are", "分布"),
    "map": (
        "Findings of {collection}, numbered as in this report",
        "{collection} 的发现，编号同本报告",
    ),
    "map_alt": (
        "{count} numbered places around {where}; the largest is no. {largest}.",
        "{where} 附近 {count} 处带编号的地点，面积最大的是第 {largest} 处。",
    ),
    "table": ("All findings", "全部发现"),
    "number": ("no.", "序号"),
    "what": ("what", "类型"),
    "source": ("source", "来源"),
    "state": ("state", "状态"),
    "area_ha": ("area (ha)", "面积（公顷）"),
    "first": ("first seen", "首次"),
    "last": ("last seen", "最近"),
    "times": ("{day} (dates: {seen})", "{day}（共 {seen} 期）"),
    "flag_outside-permit": ("outside permit", "许可范围外"),
    "flag_withdrawn": ("withdrawn", "已撤回"),
    "flag_not-compared": ("not compared", "未对比"),
    "flag_in-doubt": ("in doubt", "存疑"),
    "seen": ("dates", "期数"),
    "flags": ("flags", "标记"),
    "place": ("place", "位置"),
    "id": ("id", "编号"),
    "pairs": ("Before and after", "前后对比"),
    "pair": ("No. {number}: {what}", "第 {number} 处：{what}"),
    "image_alt": (
        "No. {number}, {what}: the ground on {date}, scene {scene}",
        "第 {number} 处，{what}：{date} 的影像，{scene}",
    ),
    "caption": ("{date}, scene {scene}", "{date}，影像 {scene}"),
    "no_picture": ("no picture was kept", "未保存影像"),
    "assignee": ("with", "负责人"),
    "who": ("who", "操作者"),
    "when": ("when (UTC)", "时间（UTC）"),
    "deed": ("decision", "决定"),
    "comment": ("comment", "说明"),
    "decisions": ("Decisions", "核实记录"),
    "decisions_table": ("The last decision on each finding", "每处发现的最近一次决定"),
    "nowhere": ("no place", "无坐标"),
    "no_area": ("area unknown", "面积未知"),
    "asked_all": ("all findings", "全部发现"),
    "asked": ("asked for", "筛选条件"),
    "state_new": ("new", "新发现"),
    "state_assigned": ("assigned", "已分派"),
    "state_confirmed": ("confirmed", "已确认"),
    "state_rejected": ("rejected", "已排除"),
    "state_closed": ("closed", "已办结"),
    "kind_landuse": ("land use", "土地利用"),
    "kind_watch": ("watch", "监视"),
    "kind_damage": ("damage", "灾损"),
    "states": ("states", "状态"),
    "kinds": ("kinds", "类别"),
    "labels": ("labels", "标签"),
    "period": ("seen", "观测"),
    "an_area": ("in an area of interest", "限定范围内"),
    "unknown": ("date unknown", "日期不详"),
}


def text(name: str, language: Language, **values: object) -> str:
    """Say something; ``values`` fill what stands in braces."""
    english, chinese = _TEXTS[name]
    count = values.get("count")
    findings = f"{count} finding" if count == 1 else f"{count} findings"
    return (chinese if language == "zh" else english).format(findings=findings, **values)


def state_name(state: State, language: Language) -> str:
    """Name a state."""
    return text(f"state_{state}", language)


def flag_name(flag: str, language: Language) -> str:
    """Name a flag; one that a source made up as it wrote it."""
    known = f"flag_{flag}"
    return text(known, language) if known in _TEXTS else flag


def kind_name(kind: Kind, language: Language) -> str:
    """Name a job."""
    return text(f"kind_{kind}", language)
