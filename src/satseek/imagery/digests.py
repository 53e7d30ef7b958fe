"""A scene → whether what it was described from is still the same.

Reads headers, never pixels.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.errors import UnreadableImage
from satseek.imagery._open import shown
from satseek.imagery._sources import head_of, split_variable
from satseek.imagery.reach import is_bucket, is_remote
from satseek.imagery.scenes import describe_scene

if TYPE_CHECKING:
    from satseek.types import Scene


def current_digest(scene: Scene) -> str:
    """Digest what a scene is now, to be compared with the digest that it had.

    Files count by size, time and header. Assets on other machines are not asked: they count as
    changed once their item says so (``updated``, ``file:checksum``) and is indexed again.

    Raises:
        UnreadableImage: it is gone, or broken.
    """
    if scene.assets:
        return assets_digest(scene)
    path = Path(scene.path)
    return describe_scene(path, root=path.parent).digest


def assets_digest(scene: Scene) -> str:
    """Digest what the chips of a scene with assets are made of.

    Raises:
        UnreadableImage: a file is gone.
    """
    files = sorted(set(scene.assets.values()))
    facts = [
        scene.datetime.isoformat() if scene.datetime else "",
        [scene.crs, list(scene.transform), scene.width, scene.height, scene.dtype],
        list(scene.band_names),
        scene.properties.get("bands"),
        scene.properties.get("updated") if any(map(_is_elsewhere, files)) else None,
    ]
    digest = hashlib.sha256(json.dumps(facts).encode())
    for location in files:
        digest.update(_state(location))
    return digest.hexdigest()[:32]


def _is_elsewhere(location: str) -> bool:
    return is_remote(location) or is_bucket(location)


def _state(location: str) -> bytes:
    if _is_elsewhere(location):
        return location.partition("?")[0].encode()  # what follows may be a signature that expires
    file, variable = split_variable(Path(location))
    try:
        stat = file.stat()
    except OSError as error:
        raise UnreadableImage(f"{shown(location)}: {error.strerror}") from error
    return f"{file.name} {variable} {stat.st_size} {stat.st_mtime_ns} ".encode() + head_of(file)
