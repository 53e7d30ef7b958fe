"""A configuration becomes a trained model and its bundle.

Knows no terminal: progress goes to the caller or to the log.
"""

from __future__ import annotations

import copy
import json
import logging
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import multiprocessing

from satseek.errors import InvalidConfig
from satseek.model.card import TOKENIZER
from satseek.train import captioning, saving, teaching
from satseek.train.augmenting import resize
from satseek.train.building import load_model, new_model
from satseek.train.chipping import read_county_pool
from satseek.train.configuring import check
from satseek.train.exporting import export
from satseek.train.learning import Learner
from satseek.train.measuring import zero_shot
from satseek.train.progress import Progress
from satseek.train.prompting import TEMPLATES, prompts
from satseek.train.reading import read_pool
from satseek.train.sampling import stock_up
from satseek.train.tokenizing import END, encode, load_tokenizer, train_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokenizers import Tokenizer

    from satseek.train.configuring import TrainConfig
    from satseek.train.sampling import Stock
    from satseek.train.teaching import Teacher

TEACHER = "teacher.pt"
"""Name of the trained teacher below a run's folder; a run that finds it does not train another."""

_REPORT_STEPS = 20
_STATISTICS_CHIPS = 512
"""Chips whose patches are whitened; 64 patches each are plenty for 432 values."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """What all processes start from."""

    config: TrainConfig
    stock: Stock
    model: Any
    caption_ids: torch.Tensor
    prompt_ids: torch.Tensor
    teacher: Teacher | None
    teacher_is_ready: bool
    checkpoint: dict[str, Any] | None
    meeting: str
    """File by which processes find each other."""


def run(config: TrainConfig, *, resume: bool, report: Callable[[Progress], None] | None) -> Path:
    """See `satseek.train.train`."""
    check(config)
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    torch.manual_seed(config.seed)
    try:
        start, tokenizer = _prepare(config, out, resume=resume)
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


def _prepare(config: TrainConfig, out: Path, *, resume: bool) -> tuple[_Start, Tokenizer]:
    pools = [
        read_county_pool(source, px=config.store_px, seed=config.seed)
        if source.kind == "county"
        else read_pool(source, px=config.store_px)
        for source in config.sources
    ]
    stock = stock_up(pools, config.sources)
    stock.share_memory()
    said = [*stock.texts, *(text for name in stock.labels for text in prompts(name))]
    model, tokenizer = _model(config, stock, said, resume=resume)
    tokenizer.save(str(out / TOKENIZER))
    teacher = teaching.new_teacher(len(stock.taught_labels)) if len(stock.taught_labels) else None
    trained = Path(config.teacher.weights or out / TEACHER)
    ready = teacher is not None and _recall_teacher(teacher, trained)
    asked = [text for name in stock.labels for text in prompts(name)]
    prompt_ids = torch.from_numpy(encode(tokenizer, asked or ("",)))[: len(asked)]
    start = _Start(
        config=config,
        stock=stock,
        model=model,
        caption_ids=torch.from_numpy(encode(tokenizer, stock.texts or ("",))),
        prompt_ids=prompt_ids.reshape(len(stock.labels), len(TEMPLATES), prompt_ids.shape[1]),
        teacher=teacher,
        teacher_is_ready=ready,
        checkpoint=saving.load_checkpoint(out) if resume else None,
        meeting=tempfile.mktemp(prefix="satseek-train-"),  # noqa: S306 -- torch makes the file
    )
    return start, tokenizer


def _model(
    config: TrainConfig, stock: Stock, said: list[str], *, resume: bool
) -> tuple[Any, Tokenizer]:
    if config.init_from is not None:
        folder = Path(config.init_from)
        model = load_model(folder)
        context = model.config.text_config.max_position_embeddings
        return model, load_tokenizer(folder, context_length=context)
    shape = config.model
    tokenizer = (
        load_tokenizer(Path(config.out), context_length=shape.context_length)
        if resume and (Path(config.out) / TOKENIZER).is_file()
        else train_tokenizer(
            [*said, *captioning.every_phrase()],
            vocab_size=shape.vocab_size,
            context_length=shape.context_length,
        )
    )
    chosen = torch.randperm(len(stock.images))[:_STATISTICS_CHIPS]
    model = new_model(
        shape,
        vocab_size=tokenizer.get_vocab_size(),
        end_id=tokenizer.token_to_id(END) or 0,
        chips=resize(stock.images[chosen], shape.image_size),
    )
    return model, tokenizer


def _recall_teacher(teacher: Teacher, path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        teacher.load_state_dict(torch.load(path, weights_only=True))
    except RuntimeError as error:
        raise InvalidConfig(f"{path}: a teacher of other labels, remove it: {error}") from error
    teacher.eval()
    return True


def _together(
    start: _Start, tokenizer: Tokenizer, out: Path, report: Callable[[Progress], None]
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


def _follow(start: _Start, rank: int) -> None:
    torch.set_num_threads(1)
    learner = _learner(start, rank, None)
    while learner.step < learner.config.schedule.steps:
        learner.learn()
    dist.destroy_process_group()


def _learner(start: _Start, rank: int, out: Path | None) -> Learner:
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


def _teach(teacher: Teacher, start: _Start, rank: int, out: Path | None) -> None:
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
