"""Three spellings of one vocabulary."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from satseek.errors import ModelNotFound, UnreadableCheckpoint

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = "reading checkpoints needs it: pip install 'satseek[torch]'"
clipmaker = pytest.importorskip("clipmaker", reason=INSTALL, exc_type=ImportError)
pieces = pytest.importorskip("satseek.checkpoints.clippieces", reason=INSTALL, exc_type=ImportError)

TEXT = "The river, the BOATS  and a quay!"
IDS = clipmaker.clip_tokenizer().backend_tokenizer.encode(TEXT, add_special_tokens=False).ids
LIST = "\n".join(["#version: 0.2", *(" ".join(pair) for pair in clipmaker.MERGES)])


def _ids(path: Path) -> list[int]:
    return pieces.load_clip_pieces(path).encode(TEXT, add_special_tokens=False).ids


def test_a_tokenizer_file(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    clipmaker.clip_tokenizer().backend_tokenizer.save(str(path))
    assert _ids(path) == _ids(tmp_path) == IDS
    written = json.loads(path.read_text())
    written["model"]["merges"] = [" ".join(pair) for pair in written["model"]["merges"]]
    path.write_text(json.dumps(written))  # as older versions of the library write it
    assert _ids(path) == IDS


def test_a_vocabulary_and_its_merges(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text(json.dumps(clipmaker.vocabulary()))
    (tmp_path / "merges.txt").write_text(LIST + "\n\n")
    assert _ids(tmp_path) == IDS


@pytest.mark.parametrize("packed", [True, False])
def test_open_clips_list_of_merges(tmp_path: Path, packed: bool) -> None:  # noqa: FBT001
    path = tmp_path / ("bpe_simple_vocab_16e6.txt" + (".gz" if packed else ""))
    path.write_bytes(gzip.compress(LIST.encode()) if packed else LIST.encode())
    assert _ids(path) == IDS
    if packed:
        assert _ids(tmp_path) == IDS


def test_a_text_is_lowered_and_split_as_clip_does() -> None:
    vocabulary = clipmaker.vocabulary()
    expected = ["the</w>", "river</w>", ",</w>", "the</w>", "boats</w>"]
    assert [vocabulary[piece] for piece in expected] == IDS[:5]


def test_nothing_of_the_kind_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"tokenizer\.json, or vocab\.json and merges\.txt"):
        pieces.load_clip_pieces(tmp_path)
    with pytest.raises(ModelNotFound, match="no such file"):
        pieces.load_clip_pieces(tmp_path / "tokenizer.json")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer.json", b"{"),
        ("tokenizer.json", b"[]"),
        ("tokenizer.json", b'{"model": {"vocab": {"a": 1}}}'),
        ("tokenizer.json", b'{"model": {"vocab": {"a": 1}, "merges": ["a b c"]}}'),
        ("bpe_simple_vocab_16e6.txt.gz", b"no gzip"),
        ("bpe_simple_vocab_16e6.txt.gz", gzip.compress(LIST.encode(), mtime=0)[:40]),
        ("bpe_simple_vocab_16e6.txt", b"#version\nonly-one"),
    ],
)
def test_a_damaged_vocabulary_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableCheckpoint, match=name):
        pieces.load_clip_pieces(tmp_path / name)


def test_a_vocabulary_of_another_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text(json.dumps({"a": 0, "b": 1, "</s>": 2}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    with pytest.raises(UnreadableCheckpoint, match=r"it lacks <\|startoftext\|> and"):
        pieces.load_clip_pieces(tmp_path)
