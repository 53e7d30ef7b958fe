"""Turns what a person names as a source into files on this machine, fetched where they are not.

Does not know what is in them. Hubs are asked through their own clients, and only when named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek.errors import DependencyMissing, HubUnreachable, InvalidRequest, ModelNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

HUGGING_FACE, MODELSCOPE, LOCAL = "huggingface", "modelscope", "folder"

_PREFIXES = {"hf:": HUGGING_FACE, "huggingface:": HUGGING_FACE, "modelscope:": MODELSCOPE}
_MODELSCOPE_OWNERS = frozenset({"lcybuaa1111"})
"""Owners that are known to be on ModelScope alone: Git-RSCLIP's authors."""

_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)+")
"""OWNER/NAME, or a file in it: no part begins with a dot."""

_BESIDE = (
    *("README.md", "open_clip_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"),
)
"""What may lie beside one file of weights and is needed to read it."""

_SAFE = ("*.safetensors", "*.json", "*.txt", "spiece.model", "README.md")
"""What a checkpoint needs; other frameworks' copies of the weights stay where they are."""

_PICKLES = ("*.bin", "*.pt")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A checkpoint on this machine."""

    path: Path
    """Its folder, or its one file."""
    source: dict[str, str]
    """``kind``, ``id`` and, from a hub, ``revision``."""
    name: str
    """What it is called where nobody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How a source may be fetched."""

    revision: str | None = None
    """Branch, tag or commit; None: the hub's newest."""
    offline: bool = False
    """Whether only what was fetched before may be used."""
    allow_pickle: bool = False
    """Whether pickles are fetched too."""


def locate(source: str | Path, request: Request, *, report: Callable[[str], None]) -> Found:
    """Find a source on this machine, or fetch it from the hub that its name says.

    A folder or file of that name comes first; ``hf:`` and ``modelscope:`` name a hub; a bare
    ``OWNER/NAME`` is Hugging Face's, unless its owner is known to be on ModelScope.

    Raises:
        ModelNotFound: no such folder, file or id, or offline and not fetched before.
        HubUnreachable: the hub does not answer, or broke off; what arrived is kept by its client.
        DependencyMissing: the hub's client is not installed.
        InvalidRequest: a revision for a local folder, or an id that cannot be one.
    """
    written = str(source)
    hub = next((hub for prefix, hub in _PREFIXES.items() if written.startswith(prefix)), None)
    if hub is None and Path(written).expanduser().exists():
        return _local(Path(written).expanduser(), request)
    wanted = written.partition(":")[2] if hub else written
    if not _ID.fullmatch(wanted):
        raise ModelNotFound(
            f"{written[:200]}: expected a folder, a file, OWNER/NAME on Hugging Face or "
            "modelscope:OWNER/NAME"
        )
    if hub is None:
        hub = MODELSCOPE if wanted.split("/")[0] in _MODELSCOPE_OWNERS else HUGGING_FACE
    owner, name, *rest = wanted.split("/")
    repo, file = f"{owner}/{name}", "/".join(rest)
    report(f"fetching {wanted} from {hub}" if not request.offline else f"looking for {wanted}")
    fetch = _from_modelscope if hub == MODELSCOPE else _from_hugging_face
    folder, revision = fetch(repo, _patterns(request, file), request)
    path = folder / file if file else folder
    if not path.exists():
        raise ModelNotFound(f"{written}: expected {file} in {repo}, which has none")
    stem = Path(file).stem if file else name
    source_ = {"kind": hub, "id": wanted, "revision": revision}
    return Found(path=path, source=source_, name=plain_name(stem))


def plain_name(text: str) -> str:
    """Lower case, with hyphens for what a model's name may not hold."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-.") or "model"


def _local(path: Path, request: Request) -> Found:
    if request.revision is not None:
        raise InvalidRequest(f"{path}: a folder has no revision, leave out --revision")
    stem = path.resolve().stem if path.is_file() else path.resolve().name
    return Found(
        path=path, source={"kind": LOCAL, "id": path.resolve().name}, name=plain_name(stem)
    )


def _patterns(request: Request, file: str) -> list[str]:
    if file:
        return [file, *_BESIDE]
    return [*_SAFE, *(_PICKLES if request.allow_pickle else ())]


def _from_hugging_face(repo: str, patterns: list[str], request: Request) -> tuple[Path, str]:
    """Fetch through ``huggingface_hub``, which honours ``HF_HUB_OFFLINE`` and ``HF_ENDPOINT``."""
    _need("huggingface_hub", "'satseek[torch]'")
    from huggingface_hub import errors as said  # noqa: PLC0415
    from huggingface_hub import snapshot_download  # noqa: PLC0415 (slow to import)

    # Its HTTP library's own base, under whichever name that library goes.
    broken: type[Exception] = vars(said)["HTTPError"]
    ignored = [] if any("/" in pattern for pattern in patterns) else ["*/*"]
    try:
        path = snapshot_download(
            repo,
            revision=request.revision,
            allow_patterns=patterns,
            ignore_patterns=ignored,
            local_files_only=request.offline,
        )
    except said.HFValidationError as error:
        raise InvalidRequest(f"{repo}: expected OWNER/NAME: {_line(error)}") from error
    except said.GatedRepoError as error:
        raise ModelNotFound(f"{repo}: gated, ask its owner and log in: {_line(error)}") from error
    except (said.RepositoryNotFoundError, said.RevisionNotFoundError) as error:
        revision = f" at {request.revision}" if request.revision else ""
        raise ModelNotFound(f"{repo}: Hugging Face has no such model{revision}") from error
    except (said.LocalEntryNotFoundError, said.OfflineModeIsEnabled) as error:
        if request.offline or _is_offline():
            raise ModelNotFound(
                f"{repo}: not on this machine as a whole, and offline; fetch it once online"
            ) from error
        raise HubUnreachable(f"{repo}: Hugging Face does not answer: {_line(error)}") from error
    except (broken, OSError, RuntimeError) as error:
        raise HubUnreachable(
            f"{repo}: the download broke off, run it again to go on: {_line(error)}"
        ) from error
    folder = Path(path)
    commit = folder.name if _COMMIT.fullmatch(folder.name) else request.revision or "main"
    return folder, commit


def _is_offline() -> bool:
    from huggingface_hub import constants  # noqa: PLC0415

    return bool(constants.HF_HUB_OFFLINE)


def _from_modelscope(repo: str, patterns: list[str], request: Request) -> tuple[Path, str]:
    """Fetch through ``modelscope_hub``, which honours ``MODELSCOPE_ENDPOINT``, checks SHA-256."""
    _need("modelscope_hub", "'satseek[modelscope]'")
    from modelscope_hub import HubApi  # noqa: PLC0415 (an extra)
    from modelscope_hub import errors as said  # noqa: PLC0415

    revision = request.revision or "master"
    api: Any = HubApi()
    try:
        folder = api.download_repo(
            repo,
            "model",
            revision=revision,
            allow_patterns=patterns,
            local_files_only=request.offline,
        )
    except said.CacheNotFound as error:
        raise ModelNotFound(
            f"{repo}: not on this machine, and offline; fetch it once online"
        ) from error
    except said.NotExistError as error:
        raise ModelNotFound(f"{repo}: ModelScope has no such model at {revision}") from error
    except (said.HubError, OSError) as error:
        raise HubUnreachable(
            f"{repo}: the download broke off, run it again to go on: {_line(error)}"
        ) from error
    return Path(folder), revision


def _need(package: str, extra: str) -> None:
    if find_spec(package) is None:
        raise DependencyMissing(f"this hub needs {package}: install with pip install {extra}")


def _line(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:200]
