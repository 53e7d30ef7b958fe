from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from satseek.engines import machine
from satseek.engines.machine import parse_processor, this_machine

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SAPPHIRE = """processor\t: 0
model name\t: Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz
flags\t\t: fpu avx2 avx512f avx512_vnni avx512_bf16 amx_bf16 amx_tile amx_int8

processor\t: 1
model name\t: another
flags\t\t: fpu
"""
GRAVITON = "processor\t: 0\nBogoMIPS\t: 2100.00\nFeatures\t: fp asimd asimddp sve i8mm bf16\n"


def test_the_first_processor_is_the_one_described() -> None:
    name, features = parse_processor(SAPPHIRE)
    assert name == "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz"
    expected = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
    assert expected == features


def test_arm_calls_flags_features() -> None:
    assert parse_processor(GRAVITON)[1] == ("asimddp", "i8mm", "bf16")


def test_a_processor_without_flags_has_none() -> None:
    assert parse_processor("")[1] == ()


def test_the_fingerprint_follows_what_matters() -> None:
    here = this_machine()
    others = [
        replace(here, cores=here.cores + 1),
        replace(here, gpus=(*here.gpus, "NVIDIA H100")),
        replace(here, runtimes=(("onnxruntime", "0.1"),)),
    ]
    assert len({here.fingerprint, *(other.fingerprint for other in others)}) == 4
    assert here.fingerprint == this_machine().fingerprint


def test_a_quota_counts_as_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "cpu.max"
    path.write_text("150000 100000\n", encoding="ascii")
    monkeypatch.setattr(machine, "CPU_QUOTA", path)
    assert (machine.cpu_quota(), machine.usable_cores()) == (1.5, 1)
    path.write_text("max 100000\n", encoding="ascii")
    assert machine.cpu_quota() is None


def test_gpus_are_read_from_the_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for number, name in enumerate(("NVIDIA H100 80GB HBM3", "NVIDIA L4")):
        (tmp_path / f"0000:0{number}").mkdir()
        text = f"Model: \t\t {name}\nIRQ:   \t\t 0\n"
        (tmp_path / f"0000:0{number}" / "information").write_text(text, encoding="ascii")
    monkeypatch.setattr(machine, "_NVIDIA", tmp_path)
    assert this_machine().gpus == ("NVIDIA H100 80GB HBM3", "NVIDIA L4")


def test_memory_is_counted() -> None:
    assert 0 < machine.free_memory_bytes() <= machine.memory_bytes()
