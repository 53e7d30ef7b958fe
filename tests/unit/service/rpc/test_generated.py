"""The messages that are checked in are those of the proto files."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

pytest.importorskip("grpc_tools", reason="grpcio-tools is not on this machine")

ROOT = Path(__file__).parents[4]
SERVICE = ROOT / "src" / "satseek" / "service"
MADE = [
    ("satseek", "satseek_pb2", SERVICE / "rpc" / "generated"),
    ("inference", "open_inference_pb2", SERVICE / "inference" / "generated"),
]


def described(folder: Path, name: str) -> list[str]:
    """The description of the messages, without the release of protoc that wrote it."""
    text = (folder / f"{name}.py").read_text(encoding="utf-8")
    found = re.findall(r"AddSerializedFile\((.*)\)$", text, re.MULTILINE)
    assert 1 == len(found)
    assert "DescriptorPool()" in text  # of their own: clients bring the same names
    return found


def types_of(folder: Path, name: str) -> str:
    text = (folder / f"{name}.pyi").read_text(encoding="utf-8")
    return text.replace("_Optional[bool]", "bool")  # from 6.31 on, protoc says that it may be None


@pytest.mark.parametrize(("proto", "name", "checked_in"), MADE)
def test_proto_files_and_messages_agree(
    proto: str, name: str, checked_in: Path, tmp_path: Path
) -> None:
    generate = runpy.run_path(str(ROOT / "proto" / proto / "generate.py"))["generate"]
    generate(tmp_path)
    assert described(tmp_path, name) == described(checked_in, name)
    assert types_of(tmp_path, name) == types_of(checked_in, name)


@pytest.mark.parametrize(("proto", "name", "checked_in"), MADE)
def test_messages_load_with_the_oldest_protobuf_that_is_allowed(
    proto: str, name: str, checked_in: Path
) -> None:
    text = (checked_in / f"{name}.py").read_text(encoding="utf-8")
    (wrote,) = re.findall(r"Protobuf Python Version: (\d+)\.(\d+)", text)
    allowed = re.findall(r'"protobuf>=(\d+)\.(\d+)', (ROOT / "pyproject.toml").read_text())
    assert [wrote] == allowed, proto
