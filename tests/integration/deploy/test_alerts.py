"""Alert rules: each asks for figures that there are, is tested, and stands in the runbook."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import helming
import pytest
import stacking
from promfiles import (
    PROMETHEUS,
    RULE_TESTS,
    RULES,
    RUNBOOK,
    TARGET_LABELS,
    asked,
    every_figure,
    rule_tests,
    rules,
)

from satseek.cli.application import root_command

PROMTOOL = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not on this machine: apt-get install prometheus",
)
ALERTS = rules()


@pytest.fixture(scope="module")
def figures() -> dict[str, set[str]]:
    return every_figure() | PROMETHEUS


@PROMTOOL
def test_promtool_accepts_the_rules() -> None:
    checked = subprocess.run(
        ["promtool", "check", "rules", RULES], capture_output=True, text=True, check=False
    )
    assert 0 == checked.returncode, checked.stderr
    assert f"{len(ALERTS)} rules found" in checked.stdout


@PROMTOOL
def test_each_fires_when_it_should_and_is_quiet_before_and_after() -> None:
    tested = subprocess.run(
        ["promtool", "test", "rules", RULE_TESTS], capture_output=True, text=True, check=False
    )
    assert 0 == tested.returncode, tested.stdout + tested.stderr


def test_no_alert_is_without_such_a_test() -> None:
    steps: dict[str, list[tuple[float, bool]]] = {name: [] for name in ALERTS}
    for group in rule_tests():
        for step in group["alert_rule_test"]:
            at, unit = re.fullmatch(r"(\d+)(m|h)", step["eval_time"]).groups()
            minutes = int(at) * (60 if unit == "h" else 1)
            steps[step["alertname"]].append((minutes, bool(step.get("exp_alerts"))))
    shapes = {name: [fires for _, fires in sorted(found)] for name, found in steps.items()}
    assert {name: [False, True, False] for name in ALERTS} == shapes


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_asks_for_what_there_is(name: str, figures: dict[str, set[str]]) -> None:
    found = asked(ALERTS[name]["expr"])
    assert found.names
    assert found.names <= set(figures)
    for figure, labels in found.matched.items():
        assert labels <= figures[figure] | TARGET_LABELS, figure
    known = set().union(*(figures[one] for one in found.names))
    assert found.grouped <= known | TARGET_LABELS


@pytest.mark.parametrize("name", ALERTS)
def test_what_an_alert_says_names_labels_that_it_has(
    name: str, figures: dict[str, set[str]]
) -> None:
    rule = ALERTS[name]
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    told = rule["annotations"]
    assert {"summary", "description", "runbook_url"} == set(told)
    named = set(re.findall(r"\$labels\.(\w+)", told["summary"] + told["description"]))
    found = asked(rule["expr"])
    known = set().union(*(figures[one] for one in found.names)) | {"job", "instance"}
    left_out = set()
    for labels in re.findall(r"without \(([^)]*)\)", rule["expr"]):
        left_out |= {one.strip() for one in labels.split(",")}
    assert named <= known - left_out


def test_the_runbook_has_a_section_for_each_and_for_no_other() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    sections = re.findall(r"^## (Satseek\w+)$", text, flags=re.MULTILINE)
    assert list(ALERTS) == sections  # in the order of the rules
    for name, rule in ALERTS.items():
        assert f"docs/guides/runbook.md#{name.lower()}" == rule["annotations"]["runbook_url"]


@pytest.mark.parametrize("name", ALERTS)
def test_a_section_tells_all_that_is_needed_at_night(name: str) -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    for part in ("**Users notice**", "**Look**", "**Do**", "**Over**"):
        assert part in section, part
    severity = ALERTS[name]["labels"]["severity"]
    assert f"({severity})" in section.strip().splitlines()[0]


def test_the_guide_lists_all_alerts_and_all_figures(figures: dict[str, set[str]]) -> None:
    guide = RUNBOOK.with_name("monitoring.md").read_text(encoding="utf-8")
    both = guide + RUNBOOK.with_name("serve.md").read_text(encoding="utf-8")
    assert set(ALERTS) == set(re.findall(r"`(Satseek\w+)`", guide))
    assert f"{len(ALERTS)} alert rules" in guide
    named = set(re.findall(r"`(satseek_\w+)(?:\{[^`]*)?`", both))
    ours = {one for one in figures if one.startswith("satseek_") and not one.endswith("_created")}
    assert {re.sub("_(bucket|sum|count)$", "", one) for one in ours} == named


@pytest.fixture(scope="module")
def commands() -> Any:
    """Every command."""
    root = root_command()
    root.list_commands(None)  # makes all of them
    return root


@pytest.mark.parametrize("guide", ["runbook", "monitoring"])
def test_the_commands_of_a_guide_are_there(guide: str, commands: Any) -> None:
    text = RUNBOOK.with_name(f"{guide}.md").read_text(encoding="utf-8")
    lines = re.findall(r"`(satseek [^`\n]+)`", text)
    for block in re.findall(r"```(?:bash|console)\n(.*?)```", text, flags=re.DOTALL):
        lines += re.findall(r"(?:^|; |\$ )(satseek [^|;#>\n]+)", block, flags=re.MULTILINE)
    assert len(lines) > 1
    for line in (one for one in lines if one.split()[1] != "…"):
        command, words = commands, line.split()[1:]
        while words and hasattr(command, "commands"):
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        options = {name for one in command.params for name in one.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_the_runbook_reaches_what_there_is_in_compose_and_on_a_cluster() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    services = set(stacking.read_compose()["services"])
    named = re.findall(
        r"docker compose (?:exec|restart|run --rm|logs --since 1h) ([a-z1-9 -]+)", text
    )
    assert len(named) > 5
    for words in named:
        assert words.split()[0] in services, words
    there = {one.name.lower() for one in helming.example("cpu")}
    for command in re.findall(r"kubectl [^;|`\n]+", text):
        assert " -n satseek" in command, command
        for kind, name in re.findall(r"\b(deploy|svc|cronjob)/([\w-]+)", command):
            full = {"deploy": "deployment", "svc": "service"}.get(kind, kind)
            assert f"{full}/{name}" in there, command
    # whichever values were taken, there is a server
    assert "| Kubernetes | `kubectl exec -n satseek deploy/satseek-server -- satseek …` |" in text
    assert "$SATSEEK" not in text, "nobody's shell has such a variable"


def test_a_figure_that_is_not_there_would_be_noticed(figures: dict[str, set[str]]) -> None:
    found = asked('sum by (colour) (rate(satseek_nonsense_total{size="1"}[5m])) > 1')
    assert {"satseek_nonsense_total"} == found.names
    assert ({"size"}, {"colour"}) == (found.matched["satseek_nonsense_total"], found.grouped)
    assert not found.names <= set(figures)
