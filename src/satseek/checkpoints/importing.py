"""Turns a source into a whole bundle and the proof that it gives what transformers gives.

Does not know where bundles are kept: it is given an empty folder, and leaves it whole or raises.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from satseek.checkpoints.hubs import Request, locate
from satseek.errors import DependencyMissing, ModelNotFound, UnreadableCheckpoint
from satseek.model.naming import check_model_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from satseek.checkpoints.checkpoint import Checkpoint
    from satseek.checkpoints.writing import Precision
    from satseek.types import ModelCard

_NEEDED = ("torch", "transformers", "safetensors", "onnx")
_OPEN_CLIP = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
)
"""Weights of an open_clip repository, the safe ones first."""

_FILES = frozenset({".safetensors", ".pt", ".pth", ".bin", ".ckpt"})
_FAMILIES = "siglip (SigLIP, SigLIP 2 at a fixed resolution, Git-RSCLIP) or clip"


def import_checkpoint(
    source: str | Path,
    staged_folder: Path,
    *,
    name: str | None = None,
    precision: Precision | None = None,
    allow_pickle: bool = False,
    revision: str | None = None,
    architecture: str | None = None,
    tokenizer: Path | None = None,
    licences: Mapping[str, str] | None = None,
    training_data: str = "not stated",
    offline: bool = False,
    report: Callable[[str], None] = lambda _step: None,
) -> ModelCard:
    """Write a source's bundle and its parity report into an empty folder.

    Args:
        source: A folder, an open_clip file, ``OWNER/NAME`` on Hugging Face, ``hf:OWNER/NAME`` or
            ``modelscope:OWNER/NAME``.
        staged_folder: Where the bundle is written; what lies there after an error is not one.
        name: Name on the card; None: the source's own, in lower case.
        precision: How weights are stored; None: float32, or float16 where a tower would not fit.
        allow_pickle: Whether a pickle of tensors may be read where there is no safetensors.
        revision: Branch, tag or commit at the hub; None: its newest.
        architecture: Of an open_clip file whose name does not say, such as ``ViT-B-32``.
        tokenizer: CLIP's vocabulary for an open_clip file, folder or file; None: beside it.
        licences: Licence by part, over what the source states.
        training_data: On the card.
        offline: Whether only what was fetched before may be used.
        report: Told each step in one line.

    Raises:
        DependencyMissing: the ``torch`` extra, or a hub's client, is not installed.
        ModelNotFound: the source does not exist.
        HubUnreachable: the hub does not answer or broke off.
        UnsafeCheckpoint: a pickle that was not allowed, or one with code.
        UnreadableCheckpoint: damaged, incomplete, or of another architecture.
        InvalidConfig: a tower does not fit into one ONNX file at this precision.
        GateNotPassed: the bundle does not give what transformers gives.
    """
    need_torch()
    from satseek.checkpoints.writing import check_precision, write_bundle  # noqa: PLC0415 (onnx)

    # What was asked for comes first: a hub's gigabytes and transformers take their time.
    check_precision(precision)
    if name is not None:
        check_model_name(name)
    request = Request(revision=revision, offline=offline, allow_pickle=allow_pickle)
    found = locate(source, request, report=report)
    check_model_name(name or found.name)
    from satseek.checkpoints.quiet import quiet_transformers  # noqa: PLC0415 (needs torch)

    with quiet_transformers():
        report(f"reading {found.path}")
        checkpoint = read_checkpoint(
            found.path,
            allow_pickle=allow_pickle,
            architecture=architecture,
            tokenizer=tokenizer,
            report=report,
        )
        checkpoint = replace(checkpoint, source=found.source | dict(checkpoint.source))
        card = write_bundle(
            checkpoint,
            staged_folder,
            name=name or found.name,
            precision=precision,
            licences=licences or {},
            training_data=training_data,
            accuracy={},
            report=report,
        )
        prove(checkpoint, staged_folder, report=report)
    return card


def read_checkpoint(
    path: Path,
    *,
    allow_pickle: bool,
    architecture: str | None = None,
    tokenizer: Path | None = None,
    report: Callable[[str], None],
) -> Checkpoint:
    """Read a folder or file by the family that it says it is of.

    Raises:
        ModelNotFound: there is nothing that says what it is.
        UnsafeCheckpoint: a pickle that was not allowed, or one with code.
        UnreadableCheckpoint: damaged, incomplete, or of a family that satseek does not read.
    """
    file = path if path.is_file() else _open_clip_file(path)
    if file is not None:
        if file.suffix not in _FILES:
            raise UnreadableCheckpoint(f"{file}: expected a folder or {', '.join(sorted(_FILES))}")
        from satseek.checkpoints import openclip  # noqa: PLC0415 (needs torch)

        return openclip.read(
            file,
            architecture=architecture,
            tokenizer=tokenizer,
            allow_pickle=allow_pickle,
            report=report,
        )
    if not (path / "config.json").is_file():
        raise ModelNotFound(f"{path}: expected config.json beside weights and tokenizer")
    from satseek.checkpoints import clip, siglip  # noqa: PLC0415 (need torch)
    from satseek.checkpoints.policies import read_json  # noqa: PLC0415

    kind = read_json(path / "config.json").get("model_type")
    readers = {"siglip": siglip.read, "siglip2": siglip.read, "clip": clip.read}
    if not isinstance(kind, str) or kind not in readers:
        raise UnreadableCheckpoint(
            f"{path / 'config.json'}: expected model_type {_FAMILIES}, got {kind!r}"
        )
    return readers[kind](path, report=report, allow_pickle=allow_pickle)


def prove(checkpoint: Checkpoint, folder: Path, *, report: Callable[[str], None]) -> None:
    """Compare a written bundle with its checkpoint's own library and write the report beside it.

    Raises:
        GateNotPassed: they differ; names every check that failed.
    """
    import transformers  # noqa: PLC0415 (slow to import)

    from satseek.checkpoints.county import county_chips  # noqa: PLC0415
    from satseek.checkpoints.parity import Candidate, compare, refuse_failed  # noqa: PLC0415
    from satseek.checkpoints.weights import WEIGHTS  # noqa: PLC0415
    from satseek.engines.onnxruntime import OnnxEngine  # noqa: PLC0415
    from satseek.model.bundle import open_bundle  # noqa: PLC0415
    from satseek.model.reports import write_report  # noqa: PLC0415
    from satseek.model.tokenizer import Tokenizer  # noqa: PLC0415

    bundle = open_bundle(folder)
    candidate = Candidate(
        engine=OnnxEngine(bundle),
        tokenizer=Tokenizer.from_bundle(bundle),
        weights=folder / WEIGHTS,
    )
    report("painting chips to compare with")
    images = county_chips()
    report("opening the same weights in transformers")
    gate = compare(
        candidate,
        checkpoint.oracle(),
        reference=f"transformers {transformers.__version__}, eager, float32",
        images=images,
        report=report,
    )
    refuse_failed(gate)
    write_report(gate, folder)


def need_torch() -> None:
    """Say how to install what an import needs.

    Raises:
        DependencyMissing: one of the packages is not installed.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise DependencyMissing(
            f"an import needs {', '.join(missing)}: install with pip install 'satseek[torch]'"
        )


def _open_clip_file(folder: Path) -> Path | None:
    """The weights of an open_clip repository that is no Hugging Face directory as well."""
    if (folder / "config.json").is_file():
        return None
    return next((folder / name for name in _OPEN_CLIP if (folder / name).is_file()), None)
