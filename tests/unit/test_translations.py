"""Pages in Chinese say what those in English say: the same commands, tables and sections."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TWINS = sorted(DOCS.glob("**/*.zh-CN.md"))


def _english(path: Path) -> str:
    return path.with_name(path.name.replace(".zh-CN", "")).read_text(encoding="utf-8")


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
        "disaster-recovery",
        "hardening",
        "private-cloud",
        "sizing",
        "troubleshooting",
    }
