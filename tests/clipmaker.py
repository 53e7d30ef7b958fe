"""Makes small CLIP models with random weights: Hugging Face directories and open_clip's files.

``OpenClip`` is an independent forward pass with open_clip's own parameter names, in torch alone:
that package itself cannot be installed beside every torch.
"""

from __future__ import annotations

import json
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

if TYPE_CHECKING:
    from pathlib import Path

MERGES = (
    ("t", "h"),
    ("th", "e</w>"),
    ("r", "i"),
    ("ri", "v"),
    ("e", "r</w>"),
    ("riv", "er</w>"),
    ("a", "t"),
    ("b", "o"),
    ("bo", "at"),
    ("boat", "s</w>"),
)
BEGIN, END = "<|startoftext|>", "<|endoftext|>"
NORMAL = {
    "mean": (0.48145466, 0.4578275, 0.40821073),
    "std": (0.26862954, 0.26130258, 0.27577711),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipShape:
    """What both towers look like; every width differs, so that nothing fits by accident."""

    vision: int = 192
    """Hidden size of the image tower; heads are 64 wide."""
    text: int = 128
    """Hidden size of the text tower, likewise."""
    dim: int = 96
    """Length of a vector."""
    layers: int = 2
    """Layers of each tower."""
    image_size: int = 64
    """Edge of the image in pixels; patches are 16 pixels."""
    context: int = 24
    """Tokens of a text."""
    rows: int = 2 * 256 + len(MERGES) + 2
    """Rows of the token table: `vocabulary` has as many pieces."""
    activation: str = "quick_gelu"
    """``quick_gelu`` or ``gelu``."""


SMALL = ClipShape()


def letters() -> list[str]:
    """Signs that stand for the 256 bytes in a byte-level vocabulary, in CLIP's order."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + at) for at in range(len(hidden))]


def vocabulary(merges: tuple[tuple[str, str], ...] = MERGES) -> dict[str, int]:
    """Single bytes, bytes that end a word, merged pieces, the two special tokens: CLIP's order."""
    single = letters()
    pieces = [*single, *(sign + "</w>" for sign in single), *map("".join, merges), BEGIN, END]
    return {piece: at for at, piece in enumerate(pieces)}


def clip_tokenizer(pad: str = END) -> CLIPTokenizer:
    return CLIPTokenizer(vocab=vocabulary(), merges=list(MERGES), pad_token=pad)


def make_clip_directory(
    folder: Path,
    shape: ClipShape = SMALL,
    *,
    old_end: bool = False,
    pad: str = END,
    half: bool = False,
) -> Path:
    """Write config, weights, tokenizer and preprocessor of a random ``CLIPModel``."""
    folder.mkdir(parents=True, exist_ok=True)
    model = _random_clip(shape, 2 if old_end else len(vocabulary()) - 1, seed=0)
    if half:
        model = model.half()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save_pretrained(folder)
        clip_tokenizer(pad).save_pretrained(folder)
        size = shape.image_size
        CLIPImageProcessorPil(
            size={"shortest_edge": size}, crop_size={"height": size, "width": size}
        ).save_pretrained(folder)
    return folder


def load_clip_oracle(folder: Path) -> CLIPModel:
    """What transformers makes of a directory, in float32 whatever is stored."""
    return CLIPModel.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()


def _random_clip(shape: ClipShape, end: int, seed: int) -> CLIPModel:
    tower = {"num_hidden_layers": shape.layers, "hidden_act": shape.activation}
    config = CLIPConfig(
        text_config={
            **tower,
            "hidden_size": shape.text,
            "intermediate_size": 4 * shape.text,
            "num_attention_heads": shape.text // 64,
            "vocab_size": shape.rows,
            "max_position_embeddings": shape.context,
            "bos_token_id": len(vocabulary()) - 2,
            "eos_token_id": end,
            "pad_token_id": 1,
        },
        vision_config={
            **tower,
            "hidden_size": shape.vision,
            "intermediate_size": 4 * shape.vision,
            "num_attention_heads": shape.vision // 64,
            "image_size": shape.image_size,
            "patch_size": 16,
        },
        projection_dim=shape.dim,
    )
    torch.manual_seed(seed)
    model = CLIPModel(config).eval().float()
    enliven(model)
    return model


def enliven(model: nn.Module) -> None:
    """Random weights so large that different inputs have clearly different features."""
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name == "logit_scale":
                weights.fill_(3.9)
            elif name.endswith(("fc1.bias", "c_fc.bias")):
                weights.fill_(-1.8)  # where the two GELUs differ most
            elif weights.ndim == 1 and not name.endswith("class_embedding"):
                weights.add_(torch.randn_like(weights) * 0.2)
            elif "embed" in name:
                weights.normal_(std=0.7)
            elif name.endswith(("fc2.weight", "c_proj.weight")):
                weights.normal_(std=5 * weights[0].numel() ** -0.5)
            else:
                weights.normal_(std=1.4 * weights[0].numel() ** -0.5)


class QuickGELU(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    def __init__(self, width: int, *, quick: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, width // 64)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            OrderedDict(
                c_fc=nn.Linear(width, 4 * width),
                gelu=QuickGELU() if quick else nn.GELU(),
                c_proj=nn.Linear(4 * width, width),
            )
        )

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        seen = self.ln_1(x)  # (tokens, n, width), as open_clip runs it
        x = x + self.attn(seen, seen, seen, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp(self.ln_2(x))


class Blocks(nn.Module):
    def __init__(self, width: int, layers: int, *, quick: bool) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width, quick=quick) for _ in range(layers))

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        x = x.permute(1, 0, 2)
        for block in self.resblocks:
            x = block(x, mask)
        return x.permute(1, 0, 2)


class Visual(nn.Module):
    def __init__(self, shape: ClipShape) -> None:
        super().__init__()
        width, grid = shape.vision, shape.image_size // 16
        self.class_embedding = nn.Parameter(torch.randn(width))
        self.positional_embedding = nn.Parameter(torch.randn(grid**2 + 1, width))
        self.proj = nn.Parameter(torch.randn(width, shape.dim))
        self.conv1 = nn.Conv2d(3, width, 16, 16, bias=False)
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Blocks(width, shape.layers, quick=shape.activation == "quick_gelu")
        self.ln_post = nn.LayerNorm(width)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = self.conv1(pixels).flatten(2).permute(0, 2, 1)
        first = self.class_embedding.expand(len(x), 1, -1)
        x = self.ln_pre(torch.cat([first, x], dim=1) + self.positional_embedding)
        return self.ln_post(self.transformer(x)[:, 0]) @ self.proj


class OpenClip(nn.Module):
    """The text tower lies at the top level, the image tower under ``visual``."""

    def __init__(self, shape: ClipShape = SMALL, *, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.positional_embedding = nn.Parameter(torch.randn(shape.context, shape.text))
        self.text_projection = nn.Parameter(torch.randn(shape.text, shape.dim))
        self.logit_scale = nn.Parameter(torch.tensor(3.9))
        self.visual = Visual(shape)
        self.transformer = Blocks(shape.text, shape.layers, quick=shape.activation == "quick_gelu")
        self.token_embedding = nn.Embedding(shape.rows, shape.text)
        self.ln_final = nn.LayerNorm(shape.text)
        enliven(self)
        self.eval()

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.visual(pixels)

    def encode_text(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.token_embedding(ids) + self.positional_embedding[: ids.shape[1]]
        later = torch.full((ids.shape[1], ids.shape[1]), float("-inf")).triu_(1)
        x = self.ln_final(self.transformer(x, later))
        return x[torch.arange(len(x)), ids.argmax(dim=-1)] @ self.text_projection


def openclip_config(shape: ClipShape = SMALL) -> dict[str, Any]:
    """What open_clip writes beside weights that it pushes to a hub."""
    return {
        "model_cfg": {
            "embed_dim": shape.dim,
            "quick_gelu": shape.activation == "quick_gelu",
            "vision_cfg": {
                "image_size": shape.image_size,
                "layers": shape.layers,
                "width": shape.vision,
                "patch_size": 16,
            },
            "text_cfg": {
                "context_length": shape.context,
                "vocab_size": shape.rows,
                "width": shape.text,
                "heads": shape.text // 64,
                "layers": shape.layers,
            },
        },
        "preprocess_cfg": {
            "mean": list(NORMAL["mean"]),
            "std": list(NORMAL["std"]),
            "interpolation": "bicubic",
            "resize_mode": "shortest",
        },
    }


def make_openclip_directory(
    folder: Path, shape: ClipShape = SMALL, *, file: str = "epoch_20.pt", half: bool = False
) -> Path:
    """Write a training run's checkpoint, nested and prefixed, its config and its vocabulary.

    Gives the path of the weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = OpenClip(shape).state_dict()
    save_state(folder / file, {name: w.half() if half else w for name, w in state.items()})
    (folder / "open_clip_config.json").write_text(json.dumps(openclip_config(shape)))
    clip_tokenizer().backend_tokenizer.save(str(folder / "tokenizer.json"))
    return folder / file


def save_state(path: Path, state: dict[str, torch.Tensor], *, prefix: str = "module.") -> None:
    """As open_clip's training loop saves it, from under a DistributedDataParallel."""
    named = {prefix + name: weights for name, weights in state.items()}
    if path.suffix == ".safetensors":
        save_file({name: weights.contiguous() for name, weights in named.items()}, path)
    else:
        torch.save({"epoch": 20, "name": "random", "state_dict": named}, path)
