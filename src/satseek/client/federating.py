"""Several servers, each asked as a client asks it → one, for what is searched.

Knows how requests are sent at once; what is asked and how answers are united, ``conversing`` knows.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

from satseek.client.conversing import conversing
from satseek.client.uniting import Wanted
from satseek.errors import InvalidRequest, SatseekError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.client.asking import Ask
    from satseek.client.clients import AsyncClient, Client
    from satseek.client.results import Hits

MAX_SERVERS = 64
"""Servers in one question, each with a connection: as many as collections."""


class Federation:
    """Several servers searched as one, such as one for each region; waits for its answers.

    ``satseek.Federation([satseek.Client(north), satseek.Client(south)]).search("a harbour")``
    """

    def __init__(self, clients: Sequence[Client]) -> None:
        """Take clients, one for each server; they stay yours, unless this is closed.

        Raises:
            InvalidRequest: none, too many, or a server twice.
        """
        self._clients = tuple(clients)
        self._servers = _addresses(self._clients)

    def search(self, text: str | None = None, *, partial: bool = False, **asked: Any) -> Hits:
        """Find the chips nearest to words or an image on all servers; takes what ``Client`` takes.

        Hits say their ``server``. The ranking is that of one server that holds all collections;
        chips and concepts, which lie on one of them, cannot be asked with.

        Args:
            text: Words to look for.
            partial: True: a server that does not answer is named in ``missing``; False: raised.
            asked: Whatever else ``Client.search`` takes; collections are named as each server
                names them, and are on all of them.

        Raises:
            ModelMismatch: several model versions, and no ``rank_by="percentile"``.
            ServerUnreachable: a server does not answer, or none does.
            Conflict: a collection was changed while near-duplicates were looked for.
            SatseekError: what a server refused, as the class it raised.
        """
        wanted = Wanted(asked={"text": text, **asked}, servers=self._servers, partial=partial)
        talk = conversing(wanted)
        with ThreadPoolExecutor(max_workers=len(self._clients)) as pool:
            try:
                asks = next(talk)
                while True:
                    asks = talk.send(list(pool.map(self._came, asks)))
            except StopIteration as end:
                answer: Hits = end.value
                return answer

    def _came(self, one: tuple[int, Ask[Any]]) -> Any:
        number, ask = one
        try:
            return self._clients[number].send(ask)
        except SatseekError as error:
            return error

    def close(self) -> None:
        """Close all clients."""
        for one in self._clients:
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncFederation:
    """The same, awaited: ``await AsyncFederation([…]).search("a harbour")``."""

    def __init__(self, clients: Sequence[AsyncClient]) -> None:
        """Take clients, one for each server, as ``Federation`` does; raises likewise."""
        self._clients = tuple(clients)
        self._servers = _addresses(self._clients)

    async def search(self, text: str | None = None, *, partial: bool = False, **asked: Any) -> Hits:
        """Find chips on all servers; takes, gives and raises what ``Federation.search`` does."""
        wanted = Wanted(asked={"text": text, **asked}, servers=self._servers, partial=partial)
        talk = conversing(wanted)
        try:
            asks = next(talk)
            while True:
                asks = talk.send(await asyncio.gather(*map(self._came, asks)))
        except StopIteration as end:
            answer: Hits = end.value
            return answer

    async def _came(self, one: tuple[int, Ask[Any]]) -> Any:
        number, ask = one
        try:
            return await self._clients[number].send(ask)
        except SatseekError as error:
            return error

    async def close(self) -> None:
        """Close all clients."""
        for one in self._clients:
            await one.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _addresses(clients: Sequence[Client | AsyncClient]) -> tuple[str, ...]:
    servers = tuple(one.url for one in clients)
    if not 1 <= len(servers) <= MAX_SERVERS:
        raise InvalidRequest(f"expected 1 to {MAX_SERVERS} servers, came {len(servers)}")
    if len(set(servers)) < len(servers):
        raise InvalidRequest(f"expected each server once, came {', '.join(servers)}")
    return servers
