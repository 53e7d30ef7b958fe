"""A configuration becomes a trained model and its bundle.

Knows no terminal: progress goes to the caller or to the log.
"""

from __future__ import annotations

import copy
import json
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch import multiprocessing

from satseek.train import saving, teaching
from satseek.train.exporting import export
from satseek.train.learning import Learner
from satseek.train.measuring import zero_shot
from satseek.train.parsing import check
from satseek.train.preparing import TEACHER, Start, prepare
from satseek.train.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokenizers import Tokenizer

    from satseek.train.configuring import TrainConfig
    from satseek.train.teaching import Teacher

_REPORT_STEPS = 20
_log = logging.getLogger(__name__)


def run(config: TrainConfig, *, resume: bool, report: Callable[[Progress], None] | None) -> Path:
    """See `satseek.train.train`."""
    check(config)
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    torch.manual_seed(config.seed)
    try:
        start, tokenizer = prepare(config, out, resume=resume)
        torch.set_num_threads(max(1, threads // config.schedule.processes))
        learner = _together(start, tokenizer, out, report or _to_log)
        learner.model.load_state_dict(learner.average)
        saving.save_model(learner.model.eval(), tokenizer, out / "model")
        _export(config, learner, tokenizer, out)
    finally:
        torch.set_num_threads(threads)
    return out / "bundle"


def _export(config: TrainConfig, learner: Learner, tokenizer: Tokenizer, out: Path) -> None:
    export(
        out / "model",
        out / "bundle",
        name=config.name,
        licences=config.card.licences,
        training_data=config.card.training_data,
        accuracy={f"held_out_{k}": v for k, v in _measure(learner, tokenizer).items()},
    )


def _together(
    start: Start, tokenizer: Tokenizer, out: Path, report: Callable[[Progress], None]
) -> Learner:
    """Run rank 0 here and the other ranks in processes of their own."""
    context = multiprocessing.get_context("spawn")
    others = [
        context.Process(target=_follow, args=(start, rank), daemon=True)
        for rank in range(1, start.config.schedule.processes)
    ]
    for other in others:
        other.start()
    try:
        learner = _learner(start, 0, out)
        _loop(learner, tokenizer, out, report)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
        for other in others:
            other.join(timeout=10)
            other.terminate()
    return learner


def _follow(start: Start, rank: int) -> None:
    torch.set_num_threads(1)
    learner = _learner(start, rank, None)
    while learner.step < learner.config.schedule.steps:
        learner.learn()
    dist.destroy_process_group()


def _learner(start: Start, rank: int, out: Path | None) -> Learner:
    config = start.config
    # The weights came in shared memory: without a copy the processes would step on each other.
    model, teacher = copy.deepcopy(start.model), copy.deepcopy(start.teacher)
    world = config.schedule.processes
    if world > 1:
        where = f"file://{start.meeting}"
        dist.init_process_group("gloo", init_method=where, rank=rank, world_size=world)
    if teacher is not None and not start.teacher_is_ready:
        _teach(teacher, start, rank, out)
    learner = Learner(
        config,
        start.stock,
        model=model,
        caption_ids=start.caption_ids,
        prompt_ids=start.prompt_ids,
        teacher=teacher,
        rank=rank,
    )
    if start.checkpoint is not None:
        learner.restore(start.checkpoint)
    return learner


def _teach(teacher: Teacher, start: Start, rank: int, out: Path | None) -> None:
    config = start.config
    teaching.teach(
        teacher,
        start.stock,
        how=config.teacher,
        augment=config.augment,
        rank=rank,
        world=config.schedule.processes,
        say=_log.info,
        seed=config.seed,
    )
    if out is not None:
        torch.save(teacher.state_dict(), out / TEACHER)
        right = teaching.accuracy(teacher, start.stock, size=config.teacher.size)
        _log.info("teacher held_out_accuracy=%.4f", right)


def _loop(
    learner: Learner, tokenizer: Tokenizer, out: Path, report: Callable[[Progress], None]
) -> None:
    plan = learner.config.schedule
    started = saved = time.monotonic()
    first, means = learner.step, dict[str, float]()
    while learner.step < plan.steps:
        for name, value in learner.learn().items():
            means[name] = 0.95 * means.get(name, value) + 0.05 * value
        now, last = time.monotonic(), learner.step == plan.steps
        due = plan.measure_steps and learner.step % plan.measure_steps == 0
        if last or now - saved >= plan.save_seconds:
            saving.save_checkpoint(learner.state(), out)
            saved = now
        if last or due or learner.step % _REPORT_STEPS == 0:
            pace = (learner.step - first) / (now - started)
            progress = Progress(
                step=learner.step,
                steps=plan.steps,
                chips_per_second=pace * plan.batch,
                seconds_left=(plan.steps - learner.step) / pace,
                losses=dict(means),
                measured=_measure(learner, tokenizer) if last or due else {},
            )
            with (out / "progress.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": learner.step, **means, **progress.measured}) + "\n")
            report(progress)


def _measure(learner: Learner, tokenizer: Tokenizer) -> dict[str, float]:
    """Zero-shot accuracy of the running average on every source's held-out chips."""
    model = copy.deepcopy(learner.model)
    model.load_state_dict(learner.average)
    model.eval()
    stock, figures = learner.stock, dict[str, float]()
    for i, source in enumerate(learner.config.sources):
        columns = stock.exclusive[i].nonzero()[:, 0]
        rows = stock.of_source(i, held_out=True)
        true = stock.targets[rows][:, columns] == 1
        rows, true = rows[true.any(1)], true[true.any(1)]
        if len(rows) and len(columns) > 1:
            labels = [stock.labels[c] for c in columns.tolist()]
            truth = [labels[k] for k in true.int().argmax(1).tolist()]
            figures[f"top1_{Path(source.path).name}"] = zero_shot(
                model, tokenizer, stock.images[rows], truth=truth, labels=labels
            )
    return figures


def _to_log(progress: Progress) -> None:
    _log.info("train %s", progress.line())
