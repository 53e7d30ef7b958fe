from __future__ import annotations

import sys

import pytest

from satseek.errors import DependencyMissing
from satseek.quantize.needing import need_onnx


def test_nothing_is_said_where_onnx_is_installed() -> None:
    need_onnx()


def test_a_missing_onnx_is_one_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "onnx")
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(DependencyMissing, match=r"pip install 'satseek\[quantize\]'"):
        need_onnx()
