"""The person in front of one page → who they are, each time they ask.

Does not know how anybody is recognised. A page may stay open for days: its login may have ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from satseek.search.searching import Answer
    from satseek.service.access.admitting import Shown
    from satseek.service.access.principals import Principal
    from satseek.service.running import Running


class Visitor:
    """Who looks at a page; lives as long as the browser tab."""

    def __init__(self, running: Running, *, shown: Shown) -> None:
        """Keep what their browser showed when it asked for the page."""
        self._admission = running.admission
        self._shown = shown

    @property
    def logged_in(self) -> bool:
        """True where they came with a login that they can end."""
        return self._shown.cookie is not None

    async def principal(self) -> Principal:
        """Return who they are now.

        Raises:
            Unauthenticated: their login has ended.
            PermissionDenied: they may not search.
            DirectoryUnreachable: it cannot be checked now.
        """
        principal = await self._admission.recognise(self._shown)
        principal.require("search")
        return principal

    async def asking(self) -> Principal:
        """Return who they are now, and count what they are about to ask.

        Raises:
            RateLimited: it is one too many.
            Unauthenticated, PermissionDenied, DirectoryUnreachable: as ``principal``.
        """
        principal = await self.principal()
        await self._admission.count(principal, address=self._shown.address)
        return principal

    def note(self, principal: Principal, answer: Answer, *, collection: str, model: str) -> None:
        """Have it written who found how many hits where."""
        self._admission.note(
            principal,
            "search",
            "/",
            "done",
            address=self._shown.address,
            collection=collection,
            model=model,
            hits=len(answer.hits),
        )
