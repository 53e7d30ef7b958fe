"""What a training run is told: sources, shape, schedule, losses.

Knows nothing of torch or TOML: only the nouns of a run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SourceKind = Literal["labels", "pairs", "folders", "county"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig:
    """One folder of chips to learn from."""

    kind: SourceKind
    """``labels``: labels.csv (path,label[,captions,split]); ``pairs``: pairs.csv (path,caption);
    ``folders``: one folder a class; ``county``: made-up counties with ground truth."""
    path: str
    """Folder, relative to the working directory."""
    weight: float = 1.0
    """Share of every batch, relative to the other sources."""
    split: str | None = None
    """Only rows of this split; None: all rows."""
    holdout: float = 0.0
    """Fraction kept out of training by a hash of the path, and measured on instead; 0–0.9."""
    unnamed: tuple[str, ...] = ()
    """Labels that are no answer to a question (``not mine``): only ever negatives of the others."""
    also: dict[str, list[str]] = field(default_factory=dict)
    """Further true names by label, such as ``residential area`` for a dense one."""
    taught: bool = False
    """True: a teacher network is trained on this source's labels first."""
    chips: int = 0
    """County only: chips cut a county; 0 is an error there."""
    seeds: tuple[int, ...] = ()
    """County only: counties that are made below ``path`` where missing; empty: those found."""
    county_px: int = 4096
    """County only: edge of a county that is made, pixels of one metre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """Shape of a SigLIP model to start from random weights."""

    image_size: int = 96
    """Edge of the square the image tower takes, pixels; a multiple of ``patch_size``."""
    patch_size: int = 12
    """Edge of a patch, pixels."""
    width: int = 192
    """Image tower's hidden size, and the length of a vector; a multiple of 4 and of ``heads``."""
    depth: int = 6
    """Image tower's layers."""
    heads: int = 6
    """Image tower's attention heads."""
    mlp_width: int = 576
    """Image tower's MLP width."""
    text_width: int = 128
    """Text tower's hidden size."""
    text_depth: int = 2
    """Text tower's layers."""
    text_heads: int = 4
    """Text tower's attention heads."""
    text_mlp_width: int = 384
    """Text tower's MLP width."""
    context_length: int = 64
    """Tokens a text is padded to."""
    vocab_size: int = 3000
    """Most pieces of the tokenizer that is trained; few captions give fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long, how fast, how large."""

    steps: int
    """Optimizer steps in all; positive."""
    batch: int = 128
    """Chips a step over all processes."""
    texts: int = 64
    """Captions a step over all processes, at most ``batch``."""
    processes: int = 1
    """Training processes of one thread each; gradients are averaged."""
    warmup: int = 40
    """Steps until the full learning rate."""
    final: float = 0.02
    """Learning rate at the end, as a fraction of the full one (linear decay)."""
    matrix_rate: float = 0.02
    """Learning rate of Muon, for the towers' weight matrices."""
    other_rate: float = 2e-3
    """Learning rate of AdamW, for everything else."""
    matrix_decay: float = 0.1
    """Decoupled weight decay of the matrices."""
    other_decay: float = 0.02
    """Decoupled weight decay of everything else."""
    average: float = 0.998
    """Decay of the running weight average that is saved in the end."""
    small_size: int = 0
    """Edge of the chips in the first part of the run, pixels; 0: always full size."""
    small_share: float = 0.0
    """Share of the steps at ``small_size``."""
    save_seconds: float = 180.0
    """Wall time between two checkpoints."""
    measure_steps: int = 0
    """Steps between two measurements on the held-out chips; 0: only at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Augment:
    """How a chip is varied each time it is seen; quarter turns and mirroring always are."""

    scale_min: float = 0.5
    """Smallest share of the chip's area that is cropped, 0–1."""
    aspect: float = 0.2
    """Largest natural logarithm of the crop's aspect ratio."""
    brightness: float = 0.2
    """Largest shift of all values, in units of half the 8-bit range."""
    contrast: float = 0.25
    """Largest relative change of contrast."""
    colour: float = 0.08
    """Largest shift of one band, in units of half the 8-bit range."""
    grey: float = 0.3
    """Share of chips whose colours are partly taken away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossWeights:
    """What counts how much."""

    captions: float = 0.3
    """Sigmoid loss of chips against captions (SigLIP)."""
    match: float = 0.3
    """Sigmoid loss of chips against all label prompts."""
    share: float = 1.0
    """Softmax loss over the label prompts of a chip's own source."""
    smoothing: float = 0.05
    """Label smoothing of ``share``."""
    teacher: float = 1.0
    """Divergence from the teacher's shares (temperature 2); used where a source is taught."""
    guide: float = 2.0
    """Cosine distance of the middle layer's patches from the teacher's feature map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherConfig:
    """A small convolutional network, trained first on the same chips and thrown away after."""

    epochs: float = 12.0
    """Passes over the taught sources."""
    size: int = 64
    """Edge of the chips it sees, pixels; a multiple of 8."""
    small_size: int = 48
    """Edge in the first 55 % of its training, pixels."""
    batch: int = 128
    """Chips a step over all processes."""
    weights: str | None = None
    """``teacher.pt`` of an earlier run on the same labels; None: train one, once a run folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardConfig:
    """What the model's card says that cannot be measured."""

    licences: dict[str, str] = field(default_factory=dict)
    """Licence by part: ``weights``, ``training data``, ``use``."""
    training_data: str = ""
    """What it was trained on, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """One training run."""

    name: str
    """Name of the model."""
    out: str
    """Folder for checkpoints (``checkpoint.pt``) and the result (``model/``, ``bundle/``)."""
    sources: tuple[SourceConfig, ...]
    """What to learn from; at least one."""
    schedule: Schedule
    """How long and how fast."""
    model: ModelShape = field(default_factory=ModelShape)
    """Shape of a new model; ignored where ``init_from`` is given."""
    augment: Augment = field(default_factory=Augment)
    """How chips are varied."""
    loss: LossWeights = field(default_factory=LossWeights)
    """What counts how much."""
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    """Used where a source is taught."""
    card: CardConfig = field(default_factory=CardConfig)
    """What is written on the bundle's card."""
    init_from: str | None = None
    """Hugging Face SigLIP directory to go on from, with its tokenizer; None: random weights."""
    store_px: int = 128
    """Edge at which chips are kept in memory, pixels."""
    seed: int = 0
    """Everything drawn by chance follows from it."""
