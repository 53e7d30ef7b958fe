"""The address of a Redis → a client of it, and its errors as ours.

Does not know what lies there. The address may hold a password, and is never repeated in a message.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from satseek.errors import DependencyMissing, DiskFull, InvalidSettings, ServerUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER_SECONDS = 5.0
"""Longest wait for an answer: one step takes Redis a fraction of a millisecond, and a disk that it
waits for a second."""

CONNECT_SECONDS = 2.0
"""Longest wait for a connection: within one network a hundredth of it is enough."""

SENTINEL_PORT = 26379
"""Where a Sentinel listens, as its own documentation has it."""

KEPT = "jobs that were accepted are kept there; try again later"
"""Ends the message of a Redis that is away."""

_SENTINELS = ("redis+sentinel", "rediss+sentinel")

_EXPECTED = (
    "setting 'queue_url': expected redis://[user:password@]host:port/number, rediss://… or "
    "redis+sentinel://[user:password@]host:port,host:port/name/number, came something else"
)


def connect(url: str, *, seconds: float = ANSWER_SECONDS) -> Any:
    """Make a client, which connects when it is first used.

    Nothing is sent twice: what was sent when a connection broke may have been done.

    Args:
        url: The address.
        seconds: Longest wait for an answer.

    Raises:
        DependencyMissing: the clients are not installed.
        InvalidSettings: the address is none.
    """
    try:
        import rq  # noqa: F401, PLC0415 (an extra)
        from redis import Redis  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ImportError as error:
        raise DependencyMissing("a queue on Redis needs RQ: pip install 'satseek[rq]'") from error
    how: dict[str, Any] = {
        "protocol": 2,
        "socket_timeout": seconds,
        "socket_connect_timeout": min(seconds, CONNECT_SECONDS),
        "retry": Retry(NoBackoff(), 0),
    }
    try:
        if urlsplit(url).scheme in _SENTINELS:
            return _behind_sentinels(url, how)
        return Redis.from_url(url, **how)
    except ValueError:
        raise InvalidSettings(_EXPECTED) from None  # its message shows a part of the address


def _behind_sentinels(url: str, how: dict[str, Any]) -> Any:
    """Make a client of whichever Redis the Sentinels call the master of a name."""
    from redis import sentinel  # noqa: PLC0415 (an extra)

    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    name, _, number = parts.path.strip("/").partition("/")
    if not hosts or not name:
        raise ValueError(url)
    sentinels = [_address(one) for one in hosts.split(",")]
    secure = {"ssl": True} if parts.scheme == "rediss+sentinel" else {}
    made: Any = sentinel.Sentinel  # it is not typed
    return made(sentinels, sentinel_kwargs=how | secure, **how).master_for(
        name,
        db=int(number or 0),
        username=unquote(user) or None,
        password=unquote(password) or None,
        **secure,
    )


def _address(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError(text)
    return parts.hostname, parts.port or SENTINEL_PORT


@contextmanager
def redis_errors() -> Iterator[None]:
    """Turn what Redis, or the way to it, fails with into our errors.

    Raises:
        DiskFull: it has no room, on its disk or in the memory that it may use.
        ServerUnreachable: it is away, starts, or fails in another way.
    """
    from redis import exceptions  # noqa: PLC0415 (an extra)

    try:
        yield
    except exceptions.OutOfMemoryError as error:
        raise DiskFull(
            "the queue's Redis has no memory left (maxmemory); nothing was stored"
        ) from error
    except (exceptions.ConnectionError, exceptions.TimeoutError) as error:
        raise ServerUnreachable(
            f"the queue's Redis does not answer ({reason(error)}); {KEPT}"
        ) from error
    except exceptions.RedisError as error:
        text = str(error)
        if "MISCONF" in text:
            raise DiskFull(
                "the queue's Redis cannot write to its disk; nothing was stored"
            ) from error
        raise ServerUnreachable(
            f"the queue's Redis refuses ({_word(text) or type(error).__name__}); {KEPT}"
        ) from error


def reason(error: BaseException) -> str:
    """Name the kind of what went wrong on the way, such as ConnectionRefusedError.

    The kind alone: a message may repeat a password.
    """
    below = error.__cause__ or error.__context__
    while isinstance(below, OSError):
        error, below = below, below.__cause__ or below.__context__
    return type(error).__name__


def _word(text: str) -> str:
    """Give the code that Redis begins an error with, such as READONLY."""
    first = text.split(" ", 1)[0]
    return first if first.isascii() and first.isupper() else ""
