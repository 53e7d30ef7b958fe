from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from satseek.errors import InvalidConfig
from satseek.train import train
from satseek.train.building import load_model
from satseek.train.configuring import SourceConfig

if TYPE_CHECKING:
    from satseek.train.configuring import TrainConfig
    from satseek.train.progress import Progress


def _with(config: TrainConfig, *, out: Path | None = None, **schedule: object) -> TrainConfig:
    return dataclasses.replace(
        config,
        out=str(out) if out else config.out,
        schedule=dataclasses.replace(config.schedule, **schedule),  # type: ignore[arg-type]
    )


def _weights(bundle: Path) -> dict[str, torch.Tensor]:
    return dict(load_model(bundle.parent / "model").state_dict())


def test_a_few_steps_teach_three_colours(config: TrainConfig) -> None:
    seen: list[Progress] = []
    train(config, report=seen.append)
    assert [progress.step for progress in seen] == [20, 40]
    assert seen[-1].losses["share"] < 0.7 * seen[0].losses["share"]
    assert seen[-1].measured[f"top1_{Path(config.sources[0].path).name}"] == 1.0


def test_a_resumed_run_gives_the_same_weights(config: TrainConfig, tmp_path: Path) -> None:
    whole = train(_with(config, out=tmp_path / "whole", steps=9, save_seconds=0.0))
    interrupted = _with(config, out=tmp_path / "parts", steps=9, save_seconds=0.0)

    def stop(progress: Progress) -> None:
        if progress.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(_with(interrupted, steps=9, save_seconds=0.0, measure_steps=4), report=stop)
    saved = torch.load(tmp_path / "parts" / "checkpoint.pt", weights_only=True)
    assert saved["step"] == 4
    resumed = train(interrupted, resume=True)
    expected, actual = _weights(whole), _weights(resumed)
    assert expected.keys() == actual.keys()
    for name, values in expected.items():
        assert torch.equal(values, actual[name]), name


def test_two_processes_average_their_gradients(config: TrainConfig) -> None:
    seen: list[Progress] = []
    train(_with(config, processes=2, steps=20), report=seen.append)
    assert seen[-1].step == 20
    assert seen[-1].losses["share"] < 1.0986  # ln 3: chance


def test_a_teacher_guides_and_is_kept(config: TrainConfig) -> None:
    source = dataclasses.replace(config.sources[0], taught=True)
    seen: list[Progress] = []
    taught = dataclasses.replace(_with(config, steps=2), sources=(source,))
    train(taught, report=seen.append)
    assert {"captions", "match", "share", "teacher", "guide"} == set(seen[-1].losses)
    teacher = Path(config.out) / "teacher.pt"
    made = teacher.stat().st_mtime_ns
    train(taught)
    assert made == teacher.stat().st_mtime_ns


def test_goes_on_from_a_model_with_its_own_tokenizer(config: TrainConfig, tmp_path: Path) -> None:
    first = train(_with(config, out=tmp_path / "first", steps=2))
    tuned = dataclasses.replace(
        _with(config, out=tmp_path / "second", steps=2, matrix_rate=1e-9, other_rate=1e-9),
        init_from=str(first.parent / "model"),
    )
    second = train(tuned)
    assert (first / "tokenizer.json").read_text() == (second / "tokenizer.json").read_text()
    before, after = _weights(first), _weights(second)
    for name, values in before.items():
        assert torch.allclose(values, after[name], atol=1e-4), name


def test_learns_from_captions_alone(config: TrainConfig, chips: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    folder.mkdir()
    rows = ["path,caption"]
    for i in range(12):
        (folder / f"{i}.png").write_bytes((chips / f"{i:02}.png").read_bytes())
        rows.append(f"{i}.png,a chip number {i}")
    (folder / "pairs.csv").write_text("\n".join(rows), encoding="utf-8")
    pairs = (SourceConfig(kind="pairs", path=str(folder)),)
    seen: list[Progress] = []
    train(
        dataclasses.replace(_with(config, steps=20), sources=pairs, store_px=16),
        report=seen.append,
    )
    assert seen[-1].losses["share"] == 0
    first = json.loads((Path(config.out) / "progress.jsonl").read_text().splitlines()[0])
    assert first["captions"] > 0


def test_refuses_what_cannot_be(config: TrainConfig) -> None:
    with pytest.raises(InvalidConfig, match=r"schedule\.texts"):
        train(_with(config, texts=99))
