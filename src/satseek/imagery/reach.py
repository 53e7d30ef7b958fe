"""An address that a catalog names → where it lies, if that may be read.

Does not read anything. A file must lie below an allowed folder, links followed before anything is
compared; an ``http(s)`` address on an allowed host; an object in an allowed bucket.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from satseek.errors import InvalidSettings, UnreadableImage, UnsafeReference
from satseek.imagery._open import shown
from satseek.imagery.hosts import addresses_of, covering, entry_for, listed, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_HREF = 4096
"""Characters of an address; more than any file system or server takes."""

_BUCKET = "s3://"
_HELP = "see `stac_hosts` and `reference_roots` in the settings, or --allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where a catalog may lead."""

    roots: tuple[Path, ...] = ()
    """Folders below which files may be read, links resolved."""
    hosts: tuple[str, ...] = ()
    """Hosts (``HOST[:PORT][=NETWORK]``) and buckets (``s3://NAME``) that may be read from."""

    @classmethod
    def of(cls, allowed: Iterable[str | Path]) -> Reach:
        """Allow folders, hosts and buckets.

        Raises:
            InvalidSettings: one of them is none of these.
        """
        roots, hosts = list[Path](), list[str]()
        for one in allowed:
            if isinstance(one, Path) or one.startswith(("/", ".")):
                roots.append(Path(one).resolve())
            else:
                check_host(one)
                hosts.append(one)
        return cls(roots=tuple(roots), hosts=tuple(hosts))

    def and_named(self, source: str) -> Reach:
        """Allow what somebody who may read it names himself: its folder, or its host.

        Raises:
            UnreadableImage: the name of its host cannot be resolved.
            UnsafeReference: no address that can be read.
        """
        if is_remote(source):
            return Reach(roots=self.roots, hosts=(*self.hosts, *_entries(source)))
        path = Path(source).resolve()
        folder = path if path.is_dir() else path.parent
        return Reach(roots=(*self.roots, folder), hosts=self.hosts)

    def follow(self, href: str, *, base: str) -> str:
        """Find where ``href`` leads from a document that lies at ``base``.

        Returns:
            An absolute path, an ``http(s)`` address, or ``s3://BUCKET/KEY``.

        Raises:
            UnsafeReference: it leads to where nothing may be read.
        """
        if not 0 < len(href) <= MAX_HREF or not href.isprintable():
            raise UnsafeReference(f"expected an address in the catalog, came {shown(href[:80])!r}")
        scheme = urlsplit(href).scheme.lower() if ":" in href else ""
        if is_remote(base) and scheme in {"", "http", "https"}:
            href = urljoin(base, href)
            scheme = "https"
        if scheme in {"http", "https"}:
            covering(place_of(href, what=href), self.addresses, what=href)
            return href
        if scheme == "s3":
            return self._object(href)
        if scheme not in {"", "file"} or is_remote(base):
            raise UnsafeReference(f"{href}: expected a file or an http(s) or s3 address")
        return self._file(href, base)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Hosts without buckets."""
        return tuple(one for one in self.hosts if not one.startswith(_BUCKET))

    def entries_for(self, location: str) -> tuple[str, ...]:
        """Those of the ``hosts`` that a location needs; none where it is a file."""
        if location.startswith(_BUCKET):
            return (_bucket_of(location),)
        if not is_remote(location):
            return ()
        place = place_of(location, what=location)
        needed = covering(place, self.addresses, what=location)
        return tuple(one for one in self.addresses if listed(one) in needed)

    def _object(self, href: str) -> str:
        if _bucket_of(href) not in self.hosts or ".." in href.split("/"):
            raise UnsafeReference(f"{href}: its bucket may not be read from; {_HELP}")
        return href

    def _file(self, href: str, base: str) -> str:
        raw = urlsplit(href).path if href.lower().startswith("file:") else href
        folder = Path(base).parent
        for written in dict.fromkeys((raw, unquote(raw))):
            path = _real(folder / written)
            if path is not None and any(path.is_relative_to(root) for root in self.roots):
                if path.exists():
                    return str(path)
                allowed = path
            else:
                raise UnsafeReference(f"{href}: leads out of the catalog's folder; {_HELP}")
        return str(allowed)


def is_remote(location: str) -> bool:
    """Whether it is an ``http(s)`` address."""
    return location.lower().startswith(("http://", "https://"))


def is_bucket(location: str) -> bool:
    """Whether it lies in an object store."""
    return location.startswith(_BUCKET)


def check_host(entry: str) -> None:
    """Read one entry of ``stac_hosts``; raises InvalidSettings."""
    if not entry.startswith(_BUCKET):
        listed(entry, setting="stac_hosts")
    elif _bucket_of(entry) != entry or entry == _BUCKET:
        raise InvalidSettings(f"stac_hosts: expected s3://BUCKET, came {entry!r}")


def _bucket_of(href: str) -> str:
    return _BUCKET + href[len(_BUCKET) :].partition("/")[0]


def _real(path: Path) -> Path | None:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, names too long, NUL
        return None


def _entries(source: str) -> tuple[str, ...]:
    place = place_of(source, what=source)
    try:
        found = addresses_of(place)
    except OSError as error:
        raise UnreadableImage(f"{source}: its host has no address ({error})") from error
    return tuple(dict.fromkeys(entry_for(place, address) for address in found))
