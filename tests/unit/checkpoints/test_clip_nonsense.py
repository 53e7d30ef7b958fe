"""Whatever stands in the JSON files beside a CLIP's weights, an error of ours says so."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from satseek.errors import SatseekError, UnreadableCheckpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

INSTALL = "reading checkpoints needs it: pip install 'satseek[torch]'"
clipmaker = pytest.importorskip("clipmaker", reason=INSTALL, exc_type=ImportError)
clip = pytest.importorskip("satseek.checkpoints.clip", reason=INSTALL, exc_type=ImportError)
openclip = pytest.importorskip("satseek.checkpoints.openclip", reason=INSTALL, exc_type=ImportError)
pixels = pytest.importorskip("satseek.checkpoints.clippixels", reason=INSTALL, exc_type=ImportError)
pieces = pytest.importorskip("satseek.checkpoints.clippieces", reason=INSTALL, exc_type=ImportError)

NONSENSE = (None, [], {}, "x", -1, 0, 1.5, True, [1, 2, 3], 10**9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clipmaker.make_clip_directory(tmp_path_factory.mktemp("nonsense") / "made")


def _places(written: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, value in written.items():
        yield (name,)
        if isinstance(value, dict):
            yield from ((name, *rest) for rest in _places(value))


def _tried(written: dict[str, Any], read: Callable[[dict[str, Any]], Any]) -> int:
    """Put nonsense into every place in turn; give how often it was refused."""
    refused = 0
    for place in list(_places(written)):
        for value in NONSENSE:
            changed = copy.deepcopy(written)
            inside = changed
            for name in place[:-1]:
                inside = inside[name]
            inside[place[-1]] = value
            try:
                read(changed)
            except SatseekError:
                refused += 1
    return refused


def test_nonsense_in_a_config(folder: Path) -> None:
    path = folder / "config.json"
    written = json.loads(path.read_text())
    kept = {name: written[name] for name in ("model_type", "projection_dim")}
    for tower in ("vision_config", "text_config"):
        kept[tower] = {
            name: value
            for name, value in written[tower].items()
            if not name.endswith(("bos_token_id", "pad_token_id"))  # transformers only warns
        }
    assert _tried(kept, lambda changed: clip.parse_config(changed, path)) > 100


def test_nonsense_in_a_preprocessor(folder: Path, tmp_path: Path) -> None:
    def read(changed: dict[str, Any]) -> None:
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(changed))
        pixels.read_clip_preprocessing(tmp_path, image_size=64)

    written = json.loads((folder / "preprocessor_config.json").read_text())
    assert _tried(written, read) > 50


def test_nonsense_in_a_tokenizers_config(folder: Path, tmp_path: Path) -> None:
    words = pieces.load_clip_pieces(folder)

    def read(changed: dict[str, Any]) -> None:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(changed))
        pieces.read_clip_tokenization(tmp_path, words)

    written = json.loads((folder / "tokenizer_config.json").read_text())
    assert _tried(written, read) > 15


def test_nonsense_in_open_clips_config(tmp_path: Path) -> None:
    path = tmp_path / openclip.CONFIG

    def read(changed: dict[str, Any]) -> None:
        path.write_text(json.dumps(changed))
        known = openclip._architecture(tmp_path / "a.pt", {}, None)
        clip.parse_config(openclip.clip_config(known, begin=1, end=2, pad=0), path)
        openclip._preprocessing(tmp_path / "a.pt")

    assert _tried(clipmaker.openclip_config(), read) > 100


@pytest.mark.parametrize("place", [("model",), ("model", "vocab"), ("model", "merges")])
@pytest.mark.parametrize("value", NONSENSE)
def test_nonsense_in_a_vocabulary(
    folder: Path, tmp_path: Path, place: tuple[str, ...], value: Any
) -> None:
    written = json.loads((folder / "tokenizer.json").read_text())
    inside = written if len(place) == 1 else written["model"]
    inside[place[-1]] = value
    (tmp_path / "tokenizer.json").write_text(json.dumps(written))
    if place[-1] == "merges" and value in ([], {}):  # no merges: letters alone
        pieces.load_clip_pieces(tmp_path)
        return
    with pytest.raises(UnreadableCheckpoint, match=r"tokenizer\.json|CLIP's"):
        pieces.load_clip_pieces(tmp_path)
