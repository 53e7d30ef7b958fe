"""Two clients with the same verbs: one waits for its answers, the other is awaited.

Verbs are written once, in ``asking``; this is how they are sent.
"""

from __future__ import annotations

import asyncio
import time
from itertools import islice
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from satseek.client import asking
from satseek.client.binding import awaited, verb
from satseek.client.exporting import WGS84, ask_export, digested, saved
from satseek.client.monitoring import AsyncLandVerbs, LandVerbs
from satseek.client.retrying import Retrying
from satseek.client.reviewing import AsyncReviewVerbs, ReviewVerbs
from satseek.client.sending import Line, arguments, result, settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
    from pathlib import Path

    from satseek.client.asking import Ask
    from satseek.client.handles import AsyncJobHandle, JobHandle
    from satseek.client.images import Image
    from satseek.client.results import Embedding

T = TypeVar("T")

EMBEDDED_AT_ONCE = 32
"""Images in one request of ``embed_many``."""


class _Connected:
    """What both clients are told of a server."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout_s: float = 60.0,
        ca_file: Path | str | None = None,
        retrying: Retrying | None = None,
    ) -> None:
        """Connect when first asked.

        Args:
            url: Address of the server, such as ``https://satseek.example.org``.
            token: API key or OIDC access token; None: none.
            timeout_s: Longest wait for an answer, each try on its own.
            ca_file: CA certificates (PEM) of a server with its own; None: the system's.
            retrying: How often a refused or lost request is tried again; None: five times in all.

        Raises:
            InvalidRequest: the address is none, or the CA file cannot be read.
        """
        self._line = Line(
            url=url,
            token=token,
            timeout_s=timeout_s,
            ca_file=ca_file,
            retrying=retrying or Retrying(),
        )
        self._open(**self._line.options())

    @property
    def url(self) -> str:
        """Address of the server."""
        return self._line.url.rstrip("/")

    @property
    def hold_s(self) -> float:
        """Seconds that an answer may be held, so that it is not given up for lost."""
        return self._line.timeout_s / 2

    def _open(self, **options: Any) -> None:
        raise NotImplementedError


class Client(_Connected, LandVerbs, ReviewVerbs):
    """Asks a satseek server, and waits; safe to share between threads.

    ``with satseek.Client("http://localhost:7860") as client: client.search("a harbour")``
    """

    def _open(self, **options: Any) -> None:
        self._http = httpx.Client(**options)

    search = verb(asking.ask_search)
    classify = verb(asking.ask_classify)
    similarity = verb(asking.ask_similarity)
    embed_texts = verb(asking.ask_embed_texts)
    embed_images = verb(asking.ask_embed_images)
    collections = verb(asking.ask_collections)
    collection = verb(asking.ask_collection)
    stats = verb(asking.ask_stats)
    concepts = verb(asking.ask_concepts)
    concept = verb(asking.ask_concept)
    save_concept = verb(asking.ask_save_concept)
    remove_concept = verb(asking.ask_remove_concept)
    model = verb(asking.ask_model)
    activate = verb(asking.ask_activate)
    rollback = verb(asking.ask_rollback)

    def embed_many(self, images: Iterable[Image]) -> Iterator[Embedding]:
        """Embed any number of images, some at a time, in their order; nothing is read ahead."""
        source = iter(images)
        while part := list(islice(source, EMBEDDED_AT_ONCE)):
            yield self.embed_images(part)

    def wait(self, job: JobHandle, *, seconds: float = 3600.0) -> JobHandle:
        """Wait until a job has ended, or so many seconds are over; returns how it is then."""
        return job.wait(seconds)

    def export(
        self,
        path: Path | str,
        text: str | None = None,
        *,
        collection: str | None = None,
        format: str | None = None,  # noqa: A002 (what everybody calls it)
        crs: str = WGS84,
        vectors: bool = False,
        **asked: Any,
    ) -> None:
        """Write hits, or the chips of a collection, into a file, whole or not at all.

        Args:
            path: The file; its name tells the format.
            text: Words to look for; None, and nothing else to look for: all chips.
            collection: Where to look; of chips, which.
            format: Name of a format, instead of the file's name.
            crs: Of the coordinates, such as ``EPSG:4490``.
            vectors: True: with the vectors (GeoParquet, GeoJSON).
            asked: Whatever else ``search`` takes; of chips, its filters.

        Raises:
            SatseekError: what the server refused; the file is as it was.
            DiskFull, FolderNotFound: the file cannot be written.
        """
        ask = ask_export(
            path,
            text,
            collection=collection,
            format=format,
            crs=crs,
            vectors=vectors,
            **asked,
        )
        self.save(ask, path)

    def save(self, ask: Ask[Any], path: Path | str, *, sha256: str | None = None) -> None:
        """Write what comes into a file, whole or not at all.

        Args:
            ask: The request.
            path: The file.
            sha256: What the digest of the file must be; None: any.

        Raises:
            SatseekError: what the server refused; the file is as it was.
            DamagedData: what came is another file.
            DiskFull, FolderNotFound: the file cannot be written.
        """

        def fetch(given: dict[str, Any]) -> httpx.Response:
            with self._http.stream(**given) as response:
                if not response.is_success:
                    response.read()
                    return response
                with saved(path) as file, digested(path, sha256) as digest:
                    for chunk in response.iter_bytes():
                        digest.update(chunk)
                        file.write(chunk)
                return response

        response = self._tried(ask, fetch)
        if not response.is_success:
            result(ask, response)

    def send(self, ask: Ask[T]) -> T:
        """Send one request, again where it was refused for now or lost on the way.

        Raises:
            SatseekError: what the server refused, as the class it raised.
            ServerUnreachable: nobody answers.
        """
        return result(ask, self._tried(ask, lambda given: self._http.request(**given)))

    def _tried(
        self, ask: Ask[Any], fetch: Callable[[dict[str, Any]], httpx.Response]
    ) -> httpx.Response:
        """Give the answer that is neither a refusal for now nor lost on the way."""
        failed = 0
        while True:
            failed += 1
            came: httpx.Response | httpx.TransportError
            try:
                with arguments(ask) as given:
                    came = fetch(given)
            except httpx.TransportError as error:
                came = error
            answer = settled(self._line, failed, came)
            if isinstance(answer, httpx.Response):
                return answer
            time.sleep(answer)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(_Connected, AsyncLandVerbs, AsyncReviewVerbs):
    """The same verbs, awaited: ``await client.search("a harbour")``."""

    def _open(self, **options: Any) -> None:
        self._http = httpx.AsyncClient(**options)

    search = awaited(asking.ask_search)
    classify = awaited(asking.ask_classify)
    similarity = awaited(asking.ask_similarity)
    embed_texts = awaited(asking.ask_embed_texts)
    embed_images = awaited(asking.ask_embed_images)
    collections = awaited(asking.ask_collections)
    collection = awaited(asking.ask_collection)
    stats = awaited(asking.ask_stats)
    concepts = awaited(asking.ask_concepts)
    concept = awaited(asking.ask_concept)
    save_concept = awaited(asking.ask_save_concept)
    remove_concept = awaited(asking.ask_remove_concept)
    model = awaited(asking.ask_model)
    activate = awaited(asking.ask_activate)
    rollback = awaited(asking.ask_rollback)

    async def embed_many(self, images: Iterable[Image]) -> AsyncIterator[Embedding]:
        """Embed any number of images, some at a time, in their order; nothing is read ahead."""
        source = iter(images)
        while part := list(islice(source, EMBEDDED_AT_ONCE)):
            yield await self.embed_images(part)

    async def wait(self, job: AsyncJobHandle, *, seconds: float = 3600.0) -> AsyncJobHandle:
        """Wait until a job has ended, or so many seconds are over; returns how it is then."""
        return await job.wait(seconds)

    async def export(
        self,
        path: Path | str,
        text: str | None = None,
        *,
        collection: str | None = None,
        format: str | None = None,  # noqa: A002 (what everybody calls it)
        crs: str = WGS84,
        vectors: bool = False,
        **asked: Any,
    ) -> None:
        """Write hits, or chips, into a file as ``Client.export`` does; raises likewise."""
        ask = ask_export(
            path,
            text,
            collection=collection,
            format=format,
            crs=crs,
            vectors=vectors,
            **asked,
        )
        await self.save(ask, path)

    async def save(self, ask: Ask[Any], path: Path | str, *, sha256: str | None = None) -> None:
        """Write what comes into a file as ``Client.save`` does; raises likewise."""

        async def fetch(given: dict[str, Any]) -> httpx.Response:
            async with self._http.stream(**given) as response:
                if not response.is_success:
                    await response.aread()
                    return response
                with saved(path) as file, digested(path, sha256) as digest:
                    async for chunk in response.aiter_bytes():
                        digest.update(chunk)
                        file.write(chunk)
                return response

        response = await self._tried(ask, fetch)
        if not response.is_success:
            result(ask, response)

    async def send(self, ask: Ask[T]) -> T:
        """Send one request as ``Client.send`` does; raises likewise."""
        return result(ask, await self._tried(ask, lambda given: self._http.request(**given)))

    async def _tried(
        self, ask: Ask[Any], fetch: Callable[[dict[str, Any]], Awaitable[httpx.Response]]
    ) -> httpx.Response:
        """Give the answer that is neither a refusal for now nor lost on the way."""
        failed = 0
        while True:
            failed += 1
            came: httpx.Response | httpx.TransportError
            try:
                with arguments(ask) as given:
                    came = await fetch(given)
            except httpx.TransportError as error:
                came = error
            answer = settled(self._line, failed, came)
            if isinstance(answer, httpx.Response):
                return answer
            await asyncio.sleep(answer)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
