"""Memory, disks and GPUs as they are, or no figure at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from satseek.service import machine
from satseek.service.machine import Room

if TYPE_CHECKING:
    from pathlib import Path

MEMINFO = "MemTotal:  1000 kB\nMemFree:  100 kB\nMemAvailable:  400 kB\nHugePages_Total: 0\n"
GROUPS = "sys/fs/cgroup"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="ascii")
    return root


V2 = {
    f"{GROUPS}/memory.max": "2000\n",
    f"{GROUPS}/memory.current": "1500\n",
    f"{GROUPS}/memory.stat": "anon 300\nkernel 60\nfile 1140\nshmem 40\nactive_file 900\n",
    "proc/meminfo": MEMINFO,
}
V1 = {
    f"{GROUPS}/memory/memory.limit_in_bytes": "2000\n",
    f"{GROUPS}/memory/memory.usage_in_bytes": "1500\n",
    f"{GROUPS}/memory/memory.stat": "cache 9\nshmem 9\ntotal_cache 340\ntotal_shmem 40\n",
    "proc/meminfo": MEMINFO,
}
ALL = Room(used_bytes=600 * 1024, bytes=1000 * 1024)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (V2, Room(used_bytes=400, bytes=2000)),  # vectors that are mapped could go
        (V1, Room(used_bytes=1200, bytes=2000)),
        (V2 | {f"{GROUPS}/memory.max": "max\n"}, ALL),
        (V1 | {f"{GROUPS}/memory/memory.limit_in_bytes": "9223372036854771712\n"}, ALL),
        ({"proc/meminfo": MEMINFO}, ALL),
        ({"proc/meminfo": "MemTotal: none\n"}, None),
        ({}, None),
    ],
    ids=["v2", "v1", "v2 unlimited", "v1 unlimited", "machine", "odd", "none"],
)
def test_memory_is_the_containers_or_the_machines(
    files: dict[str, str], expected: Room | None, tmp_path: Path
) -> None:
    assert expected == machine.memory(write(tmp_path, files))


def test_here_there_is_memory_and_a_disk(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    found = machine.look(tmp_path)
    assert found.memory is not None
    assert 0 < found.memory.used_bytes < found.memory.bytes
    assert ["data"] == list(found.disks)  # what lies on the same file system is not told twice
    assert 0 < found.disks["data"].used_bytes <= found.disks["data"].bytes


def test_a_folder_on_another_file_system_has_its_own_figure(tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to("/proc")
    assert ["data", "models"] == list(machine.disks(tmp_path))


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert {} == machine.disks(tmp_path / "nowhere")


def answers(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a program of that name answer as NVIDIA's does."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_gpus_are_told_by_their_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 'test "$1" = --query-gpu=index,memory.used,memory.total || exit 9'
    answers(tmp_path, f"{asked}\necho '0, 512, 81559'\necho '1, 0, 81559'", monkeypatch)
    most = 81559 * 1024**2
    assert {
        "0": Room(used_bytes=512 * 1024**2, bytes=most),
        "1": Room(used_bytes=0, bytes=most),
    } == machine.gpus()


@pytest.mark.parametrize("script", ["exit 6", "echo '0, [N/A], [N/A]'", "echo nothing"])
def test_gpus_that_cannot_be_read_have_no_figure(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(tmp_path, script, monkeypatch)
    assert {} == machine.gpus()


def test_a_machine_without_the_tool_has_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert {} == machine.gpus()
