"""A configuration becomes everything that the processes of a run start from.

Knows no optimizer and no loss.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from satseek.errors import InvalidConfig
from satseek.model.card import TOKENIZER
from satseek.train import captioning, saving, teaching
from satseek.train.augmenting import resize
from satseek.train.building import load_model, new_model
from satseek.train.chipping import read_county_pool
from satseek.train.prompting import TEMPLATES, prompts
from satseek.train.reading import read_pool
from satseek.train.sampling import stock_up
from satseek.train.tokenizing import END, encode, load_tokenizer, train_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from satseek.train.configuring import TrainConfig
    from satseek.train.sampling import Stock
    from satseek.train.teaching import Teacher

TEACHER = "teacher.pt"
"""Name of the trained teacher below a run's folder; a run that finds it does not train another."""

_STATISTICS_CHIPS = 512
"""Chips whose patches are whitened; 64 patches each are plenty for 432 values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What all processes start from."""

    config: TrainConfig
    """The run."""
    stock: Stock
    """Chips and truth, in shared memory."""
    model: Any
    """SigLIP, to be copied by each process."""
    caption_ids: torch.Tensor
    """int64, (texts, context), in the order of ``stock.texts``."""
    prompt_ids: torch.Tensor
    """int64, (labels, templates, context), in the order of ``stock.labels``."""
    teacher: Teacher | None
    """To be copied by each process; None where no source is taught."""
    teacher_is_ready: bool
    """False: the processes train it first."""
    checkpoint: dict[str, Any] | None
    """State to go on from; None: from the start."""
    meeting: str
    """File by which processes find each other."""


def prepare(config: TrainConfig, out: Path, *, resume: bool) -> tuple[Start, Tokenizer]:
    """Read the sources, make or load the model, and find the teacher and the checkpoint.

    Raises:
        FolderNotFound: A source or file that is not there.
        InvalidConfig: A source without chips, or a teacher of other labels.
        ModelNotFound: ``init_from`` holds no SigLIP.
    """
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
    start = Start(
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
