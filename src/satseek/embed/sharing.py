"""Turns a Redis that several replicas share into a cache that never fails and never keeps waiting.

Does not know what is kept. Redis slow, full, restarted, gone or another program: all of that is a
cache that has nothing. The only file of this room that imports redis.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from satseek.embed.breaking import Circuit
from satseek.embed.errands import Errands
from satseek.embed.sealing import SEAL_BYTES, sealed, unsealed
from satseek.errors import DependencyMissing, InvalidSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logger = logging.getLogger(__name__)

PREFIX = "satseek:1:"
"""Begins every key; the number is the format, so that an old replica and a new one share nothing
that only one of them can read."""

TTL_S = 7 * 24 * 3600.0
"""How long a value lies there after it was written: keys of past generations and models are never
asked for again and go by themselves."""

WAIT_S = 0.1
"""Longest wait for an answer: a text tower takes a few times as long, and an answer within one
network comes in a hundredth of it."""

KEYS_AT_ONCE = 128
"""Keys of one question: their values, half a megabyte at most for vectors, come within the wait."""

MAX_VALUE_BYTES = 1 << 20
"""Largest value kept: Redis serves one client at a time, and a larger one would hold up all."""

MAX_WAITING_BYTES = 8 << 20
"""Values that may wait to be written; beyond that they are not kept."""

NO_WRITING_S = 10.0
"""How long nothing is written after Redis refused to (full, read-only): reading goes on."""

THREADS = 4
"""Conversations with Redis at once, each over a connection of its own."""

CLOSE_S = 1.0
"""How long closing waits for what is still being written."""


class _NotRedis(Exception):
    """What answers does not answer as Redis does."""


class RedisCache:
    """Bytes by key in a Redis; a ``Cache``."""

    def __init__(self, url: str, *, wait_s: float = WAIT_S, ttl_s: float = TTL_S) -> None:
        """Connect when first asked, not yet.

        Raises:
            DependencyMissing: the client is not installed.
            InvalidSettings: the address is none; it is not shown, as it may hold a password.
        """
        self._client = _client(url, wait_s)
        self._wait_s = wait_s
        self._ttl_ms = int(ttl_s * 1000)
        self._errands = Errands(threads=THREADS, waiting=256, name="satseek-redis")
        self._circuit = Circuit("redis", probe=self._probe)
        self._written = threading.Condition()
        self._waiting_bytes = 0
        self._no_writing_until = 0.0

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Give what is kept under each key; whatever goes wrong, nothing is."""
        found: list[bytes | None] = []
        for start in range(0, len(keys), KEYS_AT_ONCE):
            found += self._get_part(keys[start : start + KEYS_AT_ONCE])
        return found

    def put_many(self, items: Mapping[str, bytes]) -> None:
        """Write values soon, without waiting for it; what cannot be written is not kept."""
        if self._circuit.why or time.monotonic() < self._no_writing_until:
            return
        fitting = {key: value for key, value in items.items() if len(value) <= MAX_VALUE_BYTES}
        size = sum(len(value) + SEAL_BYTES for value in fitting.values())
        with self._written:
            if not fitting or self._waiting_bytes + size > MAX_WAITING_BYTES:
                return
            self._waiting_bytes += size
        future = self._errands.send(lambda: self._write(fitting))
        if future is None:
            self._wrote(size)
        else:
            future.add_done_callback(lambda _: self._wrote(size))

    def drain(self, seconds: float) -> bool:
        """Wait until what was handed over is written or given up; False: not within the time."""
        with self._written:
            return self._written.wait_for(lambda: self._waiting_bytes == 0, seconds)

    def state(self) -> str:
        """Ask Redis how it is: ``up``, or ``down: `` and why; takes twice the wait at most.

        While it is given a rest it is not asked.
        """
        if not self._circuit.why:
            future = self._errands.send(self._probe)
            try:
                why = "busy" if future is None else future.result(2 * self._wait_s)
            except (TimeoutError, CancelledError):
                why = "no answer in time"
            if not why:
                return "up"
            self._circuit.failed(why)
            return f"down: {why}"
        return f"down: {self._circuit.why}"

    def close(self) -> None:
        """Write what waits, for a moment, and let go of the connections."""
        if not self._circuit.why:
            self.drain(CLOSE_S)
        self._circuit.stop()
        self._errands.close()
        self._client.close()
        self._client.connection_pool.disconnect()

    def _get_part(self, keys: Sequence[str]) -> list[bytes | None]:
        nothing: list[bytes | None] = [None] * len(keys)
        if self._circuit.why:
            return nothing
        future = self._errands.send(lambda: self._read(keys))
        if future is None:
            self._circuit.failed("busy")
            return nothing
        try:
            found = future.result(self._wait_s)
        except (TimeoutError, CancelledError):
            future.cancel()
            self._circuit.failed("no answer in time")
            return nothing
        except Exception as error:  # noqa: BLE001 (another program may answer anything)
            self._circuit.failed(reason(error))
            return nothing
        self._circuit.succeeded()
        return found

    def _read(self, keys: Sequence[str]) -> list[bytes | None]:
        found = self._client.mget([PREFIX + key for key in keys])
        if not isinstance(found, list) or len(found) != len(keys):
            raise _NotRedis
        return [unsealed(key, content) for key, content in zip(keys, found, strict=True)]

    def _write(self, items: Mapping[str, bytes]) -> None:
        pipe = self._client.pipeline(transaction=False)
        for key, value in items.items():
            pipe.set(PREFIX + key, sealed(key, value), px=self._ttl_ms)
        try:
            answers = pipe.execute(raise_on_error=False)
        except Exception as error:  # noqa: BLE001 (as for reading)
            self._circuit.failed(reason(error))
            return
        refused = [answer for answer in answers if isinstance(answer, Exception)]
        if refused and time.monotonic() >= self._no_writing_until:
            self._no_writing_until = time.monotonic() + NO_WRITING_S
            logger.warning("redis keeps nothing more for now: %s", reason(refused[0]))

    def _wrote(self, size: int) -> None:
        with self._written:
            self._waiting_bytes -= size
            self._written.notify_all()

    def _probe(self) -> str:
        try:
            return "" if self._client.ping() is True else reason(_NotRedis())
        except Exception as error:  # noqa: BLE001 (as for reading)
            return reason(error)


def reason(error: BaseException) -> str:
    """Name an error by its kind alone: its message may repeat a password back."""
    return type(error).__name__.removeprefix("_")


def _client(url: str, wait_s: float) -> Any:
    try:
        import redis  # noqa: PLC0415 (an extra)
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ImportError as error:
        raise DependencyMissing(
            "a shared cache needs the client of Redis: pip install 'satseek[redis]'"
        ) from error
    # once more over a new connection: the old one may be of a Redis that was restarted since
    again = Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,))
    try:
        return redis.Redis.from_url(
            url,
            protocol=2,
            socket_timeout=wait_s,
            socket_connect_timeout=wait_s,
            retry=again,
            max_connections=2 * THREADS,
        )
    except ValueError:
        raise InvalidSettings(
            "setting 'redis_url': expected redis://[user:password@]host:port/number, "
            "rediss://… or unix://…, came something else"
        ) from None  # its message shows a part of the address
