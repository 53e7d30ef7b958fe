"""A machine's folders of fonts → the files that words on paper are set in, in order of preference.

Knows no document. No font is shipped: those for Chinese alone are as large as all of satseek.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from satseek.errors import FolderNotFound, InvalidRequest

FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path("~/.local/share/fonts"),
    Path("~/.fonts"),
    Path("/System/Library/Fonts"),
    Path("/Library/Fonts"),
    Path("~/Library/Fonts"),
    Path("C:/Windows/Fonts"),
)
"""Where Linux, macOS and Windows keep them."""

INSTALL = "apt-get install fonts-noto-cjk (or fonts-wqy-microhei)"
"""What brings Chinese to a machine; Debian's and Ubuntu's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FontFace:
    """One face of a font file."""

    path: Path
    """The file."""
    number: int = 0
    """Of the faces in a collection (``.ttc``)."""
    is_given: bool = False
    """True: somebody named it."""


_BEGINNINGS = (b"\x00\x01\x00\x00", b"OTTO", b"true", b"ttcf")
"""Of TrueType and OpenType files, and of collections of them (OpenType 1.9.1, "Font file")."""

_LATIN = (
    (("NotoSans-Regular.ttf", 0), ("NotoSans-Bold.ttf", 0)),
    (("DejaVuSans.ttf", 0), ("DejaVuSans-Bold.ttf", 0)),
    (("LiberationSans-Regular.ttf", 0), ("LiberationSans-Bold.ttf", 0)),
    (("Arial.ttf", 0), ("Arial Bold.ttf", 0)),
    (("arial.ttf", 0), ("arialbd.ttf", 0)),
    (("segoeui.ttf", 0), ("segoeuib.ttf", 0)),
)
"""Regular and bold: file and face."""

_CHINESE = (
    (("NotoSansCJK-Regular.ttc", 2), ("NotoSansCJK-Bold.ttc", 2)),
    (("NotoSansCJKsc-Regular.otf", 0), ("NotoSansCJKsc-Bold.otf", 0)),
    (("NotoSansSC-Regular.otf", 0), ("NotoSansSC-Bold.otf", 0)),
    (("NotoSansSC-Regular.ttf", 0), ("NotoSansSC-Bold.ttf", 0)),
    (("SourceHanSansSC-Regular.otf", 0), ("SourceHanSansSC-Bold.otf", 0)),
    (("SourceHanSansCN-Regular.otf", 0), ("SourceHanSansCN-Bold.otf", 0)),
    (("wqy-microhei.ttc", 0), None),
    (("wqy-zenhei.ttc", 0), None),
    (("DroidSansFallbackFull.ttf", 0), None),
    (("msyh.ttc", 0), ("msyhbd.ttc", 0)),
    (("simhei.ttf", 0), None),
    (("STHeiti Light.ttc", 0), ("STHeiti Medium.ttc", 0)),
    (("Arial Unicode.ttf", 0), None),
)
"""Likewise. Of Noto's collection of all CJK languages the third face is simplified Chinese (its
README: JP, KR, SC, TC, HK)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A font in two weights."""

    regular: FontFace
    """What most is set in."""
    bold: FontFace | None
    """None: there is none; the regular one stands in."""


def families(*, given: tuple[Path, ...] = ()) -> list[Family]:
    """List the fonts at hand: those that were given, then one for Latin, then those for Chinese."""
    files = known_files(FOLDERS)
    own = [Family(regular=FontFace(path=path, is_given=True), bold=None) for path in given]
    latin = [found for one in _LATIN if (found := _family(one, files))]
    chinese = [found for one in _CHINESE if (found := _family(one, files))]
    return [*own, *latin[:1], *chinese]


def check_font(path: Path) -> None:
    """Refuse a file that is no font; raises FolderNotFound, InvalidRequest."""
    if not path.is_file():
        raise FolderNotFound(f"no font {path}")
    with path.open("rb") as file:
        begins = file.read(4)
    if begins not in _BEGINNINGS:
        raise InvalidRequest(f"{path}: expected a font for a PDF, TrueType or OpenType")


def _family(
    named: tuple[tuple[str, int], tuple[str, int] | None], files: dict[str, Path]
) -> Family | None:
    regular, bold = (
        None if one is None or one[0] not in files else FontFace(path=files[one[0]], number=one[1])
        for one in named
    )
    return None if regular is None else Family(regular=regular, bold=bold)


@lru_cache(maxsize=2)
def known_files(folders: tuple[Path, ...]) -> dict[str, Path]:
    """Find every known file, once: folders of fonts have some thousand entries."""
    wanted = {one[0] for pair in (*_LATIN, *_CHINESE) for one in pair if one is not None}
    found: dict[str, Path] = {}
    for folder in folders:
        for here, _, names in os.walk(folder.expanduser()):
            for name in sorted(wanted.intersection(names)):
                found.setdefault(name, Path(here) / name)
    return found
