"""What is asked for → one archive: fetched, exported, listed, summed, signed, packed.

Knows the store of models; does not know how wheels are found or files packed.
"""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.airgap.inventory import Carried, inventory_text
from satseek.airgap.keys import fingerprint, sign
from satseek.airgap.layout import (
    ABOUT,
    IMAGES,
    INSTALLER,
    INVENTORY,
    MODELS,
    SIGNATURE,
    SIGNER,
    SUMS,
    WHEELS,
    About,
    is_inside,
    sums_text,
)
from satseek.airgap.own import NAME
from satseek.airgap.packing import digest_files, pack
from satseek.airgap.shipped import unpack_shipped
from satseek.airgap.wheels import fetch_pip, fetch_wheels, wheels_in
from satseek.errors import FolderNotFound, InvalidRequest, NotFound
from satseek.model import durable
from satseek.model.locking import locked
from satseek.model.store import ModelStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from satseek.airgap.target import Target
    from satseek.airgap.wheels import Wheel
    from satseek.types import ModelCard

    Progress = Callable[[str, int, int], None]
    """What is at work, how much is done, of how much."""

IMAGE_LISTS = ("manifest.json", "index.json")
"""What the archives of `docker save` and of OCI begin their description with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an archive is to hold."""

    target: Target
    """The machines that it is for."""
    extras: Sequence[str]
    """Of satseek."""
    models: Sequence[str] = ()
    """``NAME@VERSION`` in the store, or a file that ``model export-bundle`` wrote."""
    images: Sequence[Path] = ()
    """Files that ``docker save`` or ``skopeo copy`` wrote."""
    key: Path | None = None
    """Private key; None: not signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An archive that was written."""

    file: Path
    """The archive; its digest lies beside it in ``FILE.sha256``."""
    bytes: int
    """Its size."""
    sha256: str
    """Of the whole file, 64 hex digits."""
    about: About
    """What it is."""
    wheels: int
    """How many."""
    files: int
    """How many there are in all."""
    signer: str | None
    """Fingerprint of the public key; None: not signed."""


def make_archive(
    archive: Path, asked: Asked, *, store: ModelStore, progress: Callable[[str], Progress]
) -> Made:
    """Write an archive; what was fetched before a failure is there when it is run again.

    Args:
        archive: Replaced where it is there.
        asked: What it is to hold.
        store: Of the models that are named.
        progress: Told the title of each step; gives what is told of the step.

    Raises:
        FolderNotFound, NotFound, ModelNotFound: something that was named is not there.
        HubUnreachable: a registry that wheels come from.
        InvalidRequest: an image or a model that is none, or two of one name.
        DamagedData: a model, a key or this installation is not what it should be.
        DiskFull: there is no room.
    """
    if not archive.parent.is_dir():
        raise FolderNotFound(f"{archive.parent}: expected a folder to write {archive.name} into")
    if asked.key:
        sign(b"", asked.key)  # a key that does not serve is told now, not when all is fetched
    images = _images(asked.images)
    room = archive.with_name(f".{archive.name}.parts")
    # beside the folder, as that goes before the lock does: the next one finds it gone, or whole
    lock = archive.with_name(f".{archive.name}.lock")
    with durable.room_named(archive.parent), locked(lock):
        durable.make_folder(room)
        made = _made(archive, asked, room, images, store=store, progress=progress)
        shutil.rmtree(room)
    return made


def _made(
    archive: Path,
    asked: Asked,
    room: Path,
    images: Mapping[str, Path],
    *,
    store: ModelStore,
    progress: Callable[[str], Progress],
) -> Made:
    wheels = _fetched(asked, room, progress("wheels"))
    models, cards = _models(asked.models, room / MODELS, store, progress("models"))
    about = About(
        version=str(wheels[NAME].version),
        python=asked.target.python,
        platform=asked.target.platform,
        extras=tuple(sorted(set(asked.extras))),
        models={card.ref: name for name, card in cards.items()},
        images=tuple(sorted(images)),
    )
    written = room / "written"
    shutil.rmtree(written, ignore_errors=True)
    written.mkdir()
    installer = wheels_in(room / INSTALLER)
    files = unpack_shipped(wheels[NAME], written / "shipped")
    files |= {f"{WHEELS}/{one.path.name}": one.path for one in wheels.values()}
    files |= {f"{INSTALLER}/{one.path.name}": one.path for one in installer.values()}
    files |= {f"{MODELS}/{name}": path for name, path in models.items()}
    files |= {f"{IMAGES}/{name}": path for name, path in images.items()}
    digests = digest_files(files, progress=progress("digests"))
    carried = _carried(cards, images, digests)
    texts = {
        ABOUT: json.dumps(about.written(), indent=2) + "\n",
        INVENTORY: inventory_text(wheels, root=NAME, installer=installer, carried=carried),
    }
    small = {name: _wrote(written / name, text.encode()) for name, text in texts.items()}
    small, signer = _sealed(small, digests, written, asked.key)
    files |= small
    sha256 = pack(archive, files, folder=about.folder, progress=progress("packing"))
    beside = archive.with_name(f"{archive.name}.sha256")
    durable.replace_text(beside, f"{sha256}  {archive.name}\n", by_way_of=written / "digest")
    return Made(
        file=archive,
        bytes=archive.stat().st_size,
        sha256=sha256,
        about=about,
        wheels=len(wheels),
        files=len(files),
        signer=signer,
    )


def _fetched(asked: Asked, room: Path, progress: Progress) -> dict[str, Wheel]:
    folder, installer = room / WHEELS, room / INSTALLER
    for one in (folder, installer):
        one.mkdir(exist_ok=True)
    wheels = fetch_wheels(folder, extras=asked.extras, target=asked.target, progress=progress)
    fetch_pip(installer, target=asked.target)
    return wheels


def _carried(
    cards: Mapping[str, ModelCard], images: Mapping[str, Path], digests: Mapping[str, str]
) -> list[Carried]:
    """Models and images as the inventory has them."""
    models = [
        Carried(
            kind="machine-learning-model",
            name=card.name,
            version=card.version,
            file=f"{MODELS}/{name}",
            digest=digests[f"{MODELS}/{name}"],
            licences=tuple(card.licences.values()),
        )
        for name, card in sorted(cards.items())
    ]
    containers = [
        Carried(
            kind="container",
            name=name,
            version=None,
            file=f"{IMAGES}/{name}",
            digest=digests[f"{IMAGES}/{name}"],
        )
        for name in sorted(images)
    ]
    return [*models, *containers]


def _sealed(
    small: Mapping[str, Path], digests: Mapping[str, str], written: Path, key: Path | None
) -> tuple[dict[str, Path], str | None]:
    """Add the sums, and the signature where there is a key, and give its owner's fingerprint.

    Args:
        small: Files that were written last, and have no digest yet.
        digests: Of all others.
        written: Where to write.
        key: Private; None: no signature.
    """
    sealed, signer = dict(small), None
    if key:
        _, public = sign(b"", key)
        sealed[SIGNER] = _wrote(written / SIGNER, public)
        signer = fingerprint(public, where=key)
    fresh = digest_files(sealed, progress=lambda *_: None)
    text = sums_text({**digests, **fresh}).encode()
    sealed[SUMS] = _wrote(written / SUMS, text)
    if key:
        sealed[SIGNATURE] = _wrote(written / SIGNATURE, sign(text, key)[0])
    return sealed, signer


def _models(
    names: Sequence[str], folder: Path, store: ModelStore, progress: Progress
) -> tuple[dict[str, Path], dict[str, ModelCard]]:
    """Sound models: their files, and their cards, by the name in the archive."""
    files, cards = {}, {}
    folder.mkdir(exist_ok=True)
    for at, name in enumerate(names):
        progress(name, at, len(names))
        with tempfile.TemporaryDirectory(dir=folder) as empty:
            if Path(name).is_file():
                card = ModelStore(Path(empty) / "store").import_bundle(Path(name)).card
                path = Path(name)
            else:
                card = store.find(name).card
                path = folder / f"{card.name}-{card.version}.bundle"
                store.export_bundle(name, path)
        file = f"{card.name}-{card.version}.bundle"
        files[file], cards[file] = path, card
    return files, cards


def _images(paths: Sequence[Path]) -> dict[str, Path]:
    """The files of images by name."""
    found: dict[str, Path] = {}
    for path in paths:
        if not path.is_file():
            raise NotFound(f"{path}: expected an image's file, found none")
        if path.name in found or not is_inside(path.name) or "/" in path.name:
            raise InvalidRequest(f"{path}: expected one image of a plain name, got {path.name!r}")
        _check_image(path)
        found[path.name] = path
    return found


def _check_image(path: Path) -> None:
    try:
        with tarfile.open(path) as members:
            if any(one.name.removeprefix("./") in IMAGE_LISTS for one in members):
                return
    except tarfile.TarError as error:
        raise InvalidRequest(f"{path}: expected an image's archive: {error}") from error
    raise InvalidRequest(f"{path}: expected an image's archive, found neither {IMAGE_LISTS}")


def _wrote(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
