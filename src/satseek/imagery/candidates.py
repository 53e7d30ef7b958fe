"""What somebody names → the scenes that may be there, one after another, each to be described.

Does not know collections. A folder, a file, a STAC document on disk or on a host, a table of items,
an API's answer: all are walked alike, and nothing is opened before its turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from satseek.errors import FolderNotFound, UnreadableImage
from satseek.imagery._open import shown
from satseek.imagery.reach import Reach, is_bucket, is_remote
from satseek.imagery.scenes import describe_scene, find_scenes, list_variables
from satseek.imagery.stac_documents import FoundItem, LostDocument, Walk
from satseek.imagery.stac_items import item_id
from satseek.imagery.stac_scenes import describe_item
from satseek.imagery.stac_tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from satseek.types import Recipe, Scene

_TABLES = (".parquet", ".geoparquet")
_DOCUMENTS = (".json", ".geojson")
_VARIABLES = frozenset({".nc", ".nc4", ".cdf", ".h5", ".he5", ".hdf5"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Something that may be a scene."""

    name: str
    """Id that it shall have."""
    path: str
    """Where it lies."""
    folders: Callable[[], Iterator[str]]
    """Names to put before the id, one more each time, while another scene has it."""
    describe: Callable[[Recipe], Scene]
    """Reads its header; raises UnreadableImage, UnsafeReference."""

    def names(self) -> Iterator[str]:
        """Give ids in the order in which they are tried."""
        name = self.name
        yield name
        for folder in self.folders():
            name = f"{folder}/{name}"
            yield name


class Candidates(Protocol):
    """The candidates of one source."""

    @property
    def source(self) -> str:
        """What was named, for people."""

    @property
    def total(self) -> int:
        """How many are known so far; may grow while they are iterated."""

    def __iter__(self) -> Iterator[Candidate]:
        """Give them in order; once."""


class BegunCandidates:
    """Candidates of which the first was looked for, so that what cannot be read at all is known."""

    def __init__(self, candidates: Candidates) -> None:
        """Look for the first; raises what iterating raises."""
        self._all = candidates
        self._rest = iter(candidates)
        self._first = next(self._rest, None)
        self.source = candidates.source

    @property
    def total(self) -> int:
        """See `Candidates.total`."""
        return self._all.total

    def __iter__(self) -> Iterator[Candidate]:
        """Give all of them; once."""
        if self._first is not None:
            yield self._first
        yield from self._rest


class SeveralCandidates:
    """The candidates of several sources, one source after another; their names tell the source."""

    def __init__(self, sources: Sequence[Candidates]) -> None:
        """Take sources."""
        self._sources = sources
        self.source = ", ".join(one.source for one in sources)

    @property
    def total(self) -> int:
        """See `Candidates.total`."""
        return sum(one.total for one in self._sources)

    def __iter__(self) -> Iterator[Candidate]:
        """Give all of them; once."""
        for source in self._sources:
            for one in source:
                is_file = isinstance(source, FolderScenes)
                yield replace(one, name=one.path if is_file else f"{source.source}/{one.name}")


class FolderScenes:
    """The scenes below a folder, or one file."""

    def __init__(self, folder: Path) -> None:
        """List the files.

        Raises:
            FolderNotFound: it is not there.
        """
        folder = folder.absolute()  # chips are read again later, from wherever that is started
        self.source = str(folder)
        self._paths = find_scenes(folder)
        self._root = folder if folder.is_dir() else folder.parent
        self.total = len(self._paths)

    def __iter__(self) -> Iterator[Candidate]:
        """Give a candidate for each file, or for each variable of a file that has several."""
        for path in self._paths:
            variables = _variables(path)
            self.total += max(len(variables) - 1, 0)
            for variable in variables or ("",):
                yield self._candidate(path, variable)

    def _candidate(self, path: Path, variable: str) -> Candidate:
        whole = Path(f"{path}#{variable}") if variable else path
        below = whole.relative_to(self._root)

        def folders() -> Iterator[str]:
            folder = whole.parents[len(below.parts) - 1]
            for _ in count():
                yield _written(Path(folder.name))
                folder = folder.parent

        return Candidate(
            name=_written(below),
            path=str(whole),
            folders=folders,
            describe=lambda _: describe_scene(whole, root=self._root),
        )


class ItemScenes:
    """The scenes of STAC items, wherever they come from."""

    def __init__(self, items: FoundItems, *, reach: Reach) -> None:
        """Take items that `Walk`, a table or an API give."""
        self.source = items.source
        self._items = items
        self._reach = reach

    @property
    def total(self) -> int:
        """See `Candidates.total`."""
        return self._items.total

    def __iter__(self) -> Iterator[Candidate]:
        """Give a candidate for each item, and for each document that is lost."""
        for found in self._items:
            yield self._lost(found) if isinstance(found, LostDocument) else self._candidate(found)

    def _candidate(self, found: FoundItem) -> Candidate:
        try:
            name = item_id(found.item)
        except UnreadableImage as error:
            return self._lost(LostDocument(location=found.place, error=error))
        return Candidate(
            name=name,
            path=found.place,
            folders=partial(iter, ()),
            describe=lambda recipe: describe_item(found, reach=self._reach, recipe=recipe),
        )

    def _lost(self, lost: LostDocument) -> Candidate:
        def refuse(_: Recipe) -> Scene:
            raise lost.error

        folder = f"{Path(self.source).parent}/"  # names of folders are nobody's business
        return Candidate(
            name=shown(lost.location.replace(folder, "")),
            path=lost.location,
            folders=partial(iter, ()),
            describe=refuse,
        )


class FoundItems(Protocol):
    """Where items come from."""

    @property
    def source(self) -> str:
        """Document or address."""

    @property
    def total(self) -> int:
        """Items known so far."""

    def __iter__(self) -> Iterator[FoundItem | LostDocument]:
        """Give them, once."""


def find_candidates(source: str, *, reach: Reach) -> Candidates:
    """Look at what is named, and list what may be scenes there.

    Args:
        source: A folder, a file, or an ``http(s)`` address. A ``.json`` is a STAC document, a
            ``.parquet`` a table of STAC items, any other file a scene.
        reach: Where STAC documents may lead, their own place included.

    Raises:
        FolderNotFound: a folder or file that is not there.
        UnreadableImage: no address that can be read.
    """
    if is_bucket(source):
        raise UnreadableImage(
            f"{shown(source)}: a bucket is not listed; name a STAC document of its scenes"
        )
    if is_remote(source):
        return ItemScenes(_remote(source, reach), reach=reach)
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in (*_TABLES, *_DOCUMENTS) and not path.is_dir():
        if not path.is_file():
            raise FolderNotFound(f"no folder or file at {shown(source)}")
        whole = str(path.absolute())
        items = Table(whole, reach=reach) if suffix in _TABLES else Walk(whole, reach)
        return ItemScenes(items, reach=reach)
    return FolderScenes(path)


def _remote(source: str, reach: Reach) -> FoundItems:
    plain = source.partition("?")[0].lower()
    return Table(source, reach=reach) if plain.endswith(_TABLES) else Walk(source, reach)


def _variables(path: Path) -> tuple[str, ...]:
    """Variables that are scenes of their own; what cannot be opened is refused as a whole."""
    if path.suffix.lower() not in _VARIABLES:
        return ()
    try:
        return list_variables(path)
    except UnreadableImage:
        return ()


def _written(path: Path) -> str:
    """Spell out bytes of a name that are not UTF-8: no database takes them as they are."""
    return path.as_posix().encode("utf-8", "backslashreplace").decode("utf-8")
