"""A name and a password → somebody, as an LDAP directory knows them.

Does not know how a directory is talked to, nor what roles may do. What is typed never becomes part
of a filter as written, and a password is only ever shown to the entry that the name belongs to.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from satseek.errors import DirectoryUnreachable, InvalidSettings, Unauthenticated
from satseek.service.access.conversing import UNREACHABLE, Place, conversing, escaped
from satseek.service.access.groups import EVERYBODY, Roles, plain
from satseek.service.access.principals import Principal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.service.access.conversing import Conversation, Entry
    from satseek.settings import Settings

logger = logging.getLogger(__name__)

REMEMBER_SECONDS = 60.0
"""A password that was right is not asked about again for this long."""

REMEMBERED = 1_000
"""People remembered at once."""

BACKOFF_SECONDS = 2.0
"""A directory that did not answer is left alone this long."""

CONVERSATIONS = 8
"""Held with the directory at once; the others wait for their turn."""

DEPTH = 10
"""How deep groups within groups are followed."""

MAX_GROUPS = 1_000
"""Groups of one person that are followed: Active Directory takes 1,015 in a token (KB 328889)."""

MAX_LETTERS = 256
"""Longest name, and longest password."""

REFUSED = "name or password is not right"


class Directory:
    """Checks passwords with one directory; safe to call from several threads. Waits for it."""

    def __init__(self, place: Place, *, settings: Settings) -> None:
        """Ask nothing yet.

        Raises:
            InvalidSettings: a filter has no place for whom it looks for.
        """
        self._place = place
        self._people = _with(settings.ldap_user_filter, "{name}", key="ldap_user_filter")
        self._attribute = _attribute(self._people)
        self._memberships = _with(settings.ldap_group_filter, "{dn}", key="ldap_group_filter")
        self._searcher = settings.ldap_bind_dn
        secret = settings.ldap_bind_password
        self._password = secret.get_secret_value() if secret else ""
        if self._searcher and not self._password.strip():
            raise InvalidSettings("ldap_bind_dn is set: expected ldap_bind_password, too")
        self._roles = Roles.of(settings)
        self._turns = threading.BoundedSemaphore(CONVERSATIONS)
        self._failed_at = float("-inf")
        self._known = _Known()

    @classmethod
    def of(cls, settings: Settings) -> Directory:
        """Use the directory that the settings name.

        Raises:
            InvalidSettings: the settings are incomplete, or would send passwords in the clear.
            DependencyMissing: ldap3 is not installed.
        """
        return cls(Place.of(settings), settings=settings)

    def authenticate(self, name: str, password: str) -> Principal:
        """Return whose name and password these are.

        Raises:
            Unauthenticated: nobody's; never says which of the two was wrong.
            DirectoryUnreachable: the directory does not answer in time.
        """
        # A bind with a name and no password succeeds as nobody (RFC 4513, section 5.1.2).
        if not _typed(name) or not name.isprintable() or not _typed(password):
            raise Unauthenticated(REFUSED)
        found = self._known.get(name, password)
        if found is None:
            found = self._asked(name, password)
            self._known.put(name, password, found)
        return found

    def _asked(self, name: str, password: str) -> Principal:
        """Search who it is, then see whether the directory takes the password for them."""
        with self._conversation() as talk:
            self._become_searcher(talk)
            wanted = self._people.replace("{name}", escaped(name))
            matches = talk.search(wanted, attribute=self._attribute, limit=2)
            if len(matches) != 1:  # one bind all the same, so that all answers take as long
                talk.bind(f"cn=nobody,{self._place.base}", password)
                raise Unauthenticated(REFUSED)
            person = matches[0]
            if not talk.bind(person.dn, password):
                raise Unauthenticated(REFUSED)
            self._become_searcher(talk)
            groups = self._groups(talk, person.dn)
        return Principal(
            name=f"ldap:{plain(_canonical(person, name))}",
            kind="ldap",
            scopes=self._roles.scopes(groups),
            groups=groups,
        )

    def _groups(self, talk: Conversation, dn: str) -> frozenset[str]:
        """Collect the groups that somebody is in, directly or through other groups.

        Returns:
            Of each its common name and its distinguished name.
        """
        names: set[str] = set()
        seen = {dn.casefold()}
        level = [dn]
        for _ in range(DEPTH):
            reached: list[str] = []
            for member in level:
                wanted = self._memberships.replace("{dn}", escaped(member))
                for group in talk.search(wanted, attribute="cn", limit=MAX_GROUPS):
                    if group.dn.casefold() not in seen and len(seen) <= MAX_GROUPS:
                        seen.add(group.dn.casefold())
                        reached.append(group.dn)
                        names.update((group.dn, *group.names))
            if not reached:
                break
            level = reached
        return frozenset(names - {EVERYBODY})

    def _become_searcher(self, talk: Conversation) -> None:
        if not self._searcher:
            talk.unbind()
        elif not talk.bind(self._searcher, self._password):
            logger.error("the directory does not take ldap_bind_dn with ldap_bind_password")
            raise DirectoryUnreachable(UNREACHABLE)

    @contextmanager
    def _conversation(self) -> Iterator[Conversation]:
        """Talk to the directory when it is one's turn, and not right after it failed."""
        if time.monotonic() - self._failed_at < BACKOFF_SECONDS:
            raise DirectoryUnreachable(UNREACHABLE)
        if not self._turns.acquire(timeout=self._place.timeout_s):
            raise DirectoryUnreachable(UNREACHABLE)
        try:
            with conversing(self._place) as talk:
                yield talk
        except DirectoryUnreachable:
            self._failed_at = time.monotonic()
            raise
        finally:
            self._turns.release()


class _Known:
    """Who was right a moment ago; passwords are kept as keyed digests only, in memory only."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    def get(self, name: str, password: str) -> Principal | None:
        with self._lock:
            found = self._entries.get(self._digest(name, password))
        return found[1] if found and time.monotonic() < found[0] else None

    def put(self, name: str, password: str, principal: Principal) -> None:
        with self._lock:
            self._entries[self._digest(name, password)] = (
                time.monotonic() + REMEMBER_SECONDS,
                principal,
            )
            while len(self._entries) > REMEMBERED:
                self._entries.popitem(last=False)

    def _digest(self, name: str, password: str) -> bytes:
        return hashlib.blake2b(f"{name}\0{password}".encode(), key=self._salt).digest()


def _typed(text: str) -> bool:
    """Tell whether something stands there that a person may have typed."""
    return bool(text.strip()) and len(text) <= MAX_LETTERS and "\0" not in text


def _with(written: str, mark: str, *, key: str) -> str:
    if mark not in written:
        raise InvalidSettings(f"expected {mark} in {key}")
    return written


def _attribute(people: str) -> str:
    """Return the attribute that a person is found by: it writes their name in one way only."""
    found = re.search(r"\(([A-Za-z][\w.-]*)=\{name\}\)", people)
    return found[1] if found else "cn"


def _canonical(person: Entry, name: str) -> str:
    """Return a name as the directory writes it, so that one person has one name."""
    typed = name.strip().casefold()
    same = [one for one in person.names if one.strip().casefold() == typed]
    return (same or sorted(person.names) or [person.dn])[0]
