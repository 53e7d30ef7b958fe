"""Links of every page lead somewhere; pages in Chinese say what those in English say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TWINS = sorted(ROOT.glob("docs/**/*.zh-CN.md"))
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])


def _english(path: Path) -> str:
    return path.with_name(path.name.replace(".zh-CN", "")).read_text(encoding="utf-8")


def _anchors(page: Path) -> set[str]:
    """Give what parts of a page are called by, as GitHub names them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def _leads(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    is_page = bool(anchor) and target.suffix == ".md"
    return target.exists() and (not is_page or anchor in _anchors(target))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
    inside = [link for link in links if not re.match(r"\w+:", link)]
    assert [] == [link for link in inside if not _leads(path, link)]


@pytest.mark.parametrize("path", TWINS, ids=lambda path: path.name)
def test_a_translation_keeps_commands_tables_and_sections(path: Path) -> None:
    first, second = _english(path), path.read_text(encoding="utf-8")
    for pattern in (
        r"```\w*\n(.*?)```",  # what is typed
        r"^(#+) ",  # sections
        r"^\|",  # lines of tables
    ):
        flags = re.DOTALL if "`" in pattern else re.MULTILINE
        assert re.findall(pattern, first, flags) == re.findall(pattern, second, flags), pattern


@pytest.mark.parametrize("path", TWINS, ids=lambda path: path.name)
def test_a_translation_is_one_and_leads_to_what_it_translates(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert f"[English]({path.name.replace('.zh-CN', '')})" in text
    assert 0.1 < len(re.findall(r"[\u4e00-\u9fff]", text)) / len(text)


def test_the_pages_that_operators_need_first_are_translated() -> None:
    names = {path.name.removesuffix(".zh-CN.md") for path in TWINS}
    assert names >= {
        "air-gap",
        "backup",
        "compose",
        "deploy",
        "disaster-recovery",
        "hardening",
        "kubernetes",
        "monitoring",
        "private-cloud",
        "runbook",
        "sizing",
        "troubleshooting",
        "upgrade",
    }
