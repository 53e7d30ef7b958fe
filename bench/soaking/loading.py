"""Requests → sent as fast as they are answered, or at their own pace; and what came of each.

Knows neither what is asked nor what becomes of the server.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from satseek.service.rpc.generated import satseek_pb2 as messages
from soaking.lines import PATIENCE_S, Answer, Line, LostError, NotTakenError

if TYPE_CHECKING:
    from collections.abc import Callable

    from soaking.asks import Ask, Asks, Sample

WAITING = frozenset({429, 503})
"""Statuses that tell when to come again."""

TIMED_OUT = 504
"""Status of what took longer than any request may; nobody knows when it would take less."""

SAMPLED = 20
"""Of so many right answers one is compared with the engine's."""

MOST_TOLD = 20
"""Failures that are told in words."""

CHANNELS = 4

Code = grpc.StatusCode

REFUSED = frozenset({Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE})
"""gRPC's statuses that tell a client to come again."""


@dataclass(slots=True)
class Tally:
    """What came of all requests."""

    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    """Statuses by kind of request."""
    wrong: list[str] = field(default_factory=list)
    """Answers that nobody should get, the first few in words."""
    wrongs: int = 0
    samples: list[Sample] = field(default_factory=list)
    right: int = 0
    """Right answers, refusals of garbage included."""
    refused: int = 0
    """Told to come again, or that it took too long."""
    sent: int = 0
    answered: set[str] = field(default_factory=set)
    """Names of requests that were answered rightly."""
    unanswered: dict[str, str] = field(default_factory=dict)
    """What came of the others, by their names."""
    lost: list[tuple[str, float, float]] = field(default_factory=list)
    """Name of each request that was not answered, when its connection was opened, when it went."""
    dropped: set[str] = field(default_factory=set)
    """Names of calls that gRPC itself cancelled: those that reach a server while it closes."""
    not_taken: int = 0
    """Requests for which no connection was to be had."""
    seconds: list[float] = field(default_factory=list)
    """Of right answers, since they were due."""

    def note(self, ask: Ask, name: str, outcome: str) -> None:
        """Count an outcome."""
        self.outcomes.setdefault(ask.kind, Counter())[outcome] += 1
        self.unanswered[name] = f"{ask.kind}: {outcome}"

    def complain(self, ask: Ask, what: str) -> None:
        """Take down what should not have come."""
        self.wrongs += 1
        if len(self.wrong) < MOST_TOLD:
            self.wrong.append(f"{ask.kind}: {what}"[:300])

    def accept(self, ask: Ask, name: str, answer: Any) -> None:
        """Take a right answer."""
        self.answered.add(name)
        self.unanswered.pop(name, None)
        self.right += 1
        try:
            sample = ask.read(answer)
        except (ValueError, KeyError, TypeError) as error:
            self.complain(ask, f"{type(error).__name__}: {error}")
            return
        if sample is not None and self.right % SAMPLED == 0:
            self.samples.append(sample)


class Clients:
    """Connections to both doors of a server, and whoever asks over them."""

    def __init__(self, url: str, rpc: str, asks: Asks) -> None:
        self._url = url
        self._asks = asks
        self._free: list[Line] = []
        self._channels = [grpc.aio.insecure_channel(rpc) for _ in range(CHANNELS)]
        self._count = 0
        self._rng = random.Random(3)

    async def closed(self, *, clients: int, seconds: float) -> Tally:
        """Have so many clients ask again as soon as they are answered."""
        tally, ends = Tally(), time.perf_counter() + seconds

        async def client() -> None:
            while time.perf_counter() < ends:
                await self._ask(tally, "closed", time.perf_counter())

        await asyncio.gather(*(client() for _ in range(clients)))
        return tally

    async def opened(
        self, *, rate: float, name: str, until: Callable[[float], bool], tally: Tally
    ) -> None:
        """Ask so many times a second on average, whatever became of others."""
        started = due = time.perf_counter()
        going: set[asyncio.Task[None]] = set()
        while not until(time.perf_counter() - started):
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            one = asyncio.create_task(self._ask(tally, name, due))
            going.add(one)
            one.add_done_callback(going.discard)
            due += self._rng.expovariate(rate)
        await asyncio.gather(*going)

    async def close(self) -> None:
        """Close all connections."""
        for line in self._free:
            line.close()
        self._free.clear()
        for channel in self._channels:
            await channel.close()

    async def _ask(self, tally: Tally, prefix: str, due: float) -> None:
        self._count += 1
        name = f"{prefix}-{self._count}"
        ask = self._asks.next(name)
        tally.sent += 1
        if ask.rpc is not None:
            right = await self._call(ask, name, tally)
        else:
            right = await self._post(ask, name, tally)
        if right:
            tally.seconds.append(time.perf_counter() - due)

    async def _post(self, ask: Ask, name: str, tally: Tally) -> bool:
        line = self._free.pop() if self._free else Line(self._url)
        sent = time.monotonic()
        try:
            if ask.vanishes:
                await line.vanish(ask.content, after_s=self._rng.random() * 0.05)
                tally.note(ask, name, "gone")
                return False
            answer = await line.ask(ask.content)
        except NotTakenError:
            tally.note(ask, name, "not taken")
            tally.not_taken += 1
            return False
        except LostError as error:
            tally.note(ask, name, f"lost: {error}")
            tally.lost.append((name, line.since, sent))
            return False
        finally:
            self._free.append(line)
        tally.note(ask, name, str(answer.status))
        return self._judge(ask, name, answer, tally)

    def _judge(self, ask: Ask, name: str, answer: Answer, tally: Tally) -> bool:
        if answer.status in ask.right:
            tally.accept(ask, name, answer)
            return True
        if (
            answer.status in WAITING and int(answer.headers.get("retry-after", "0")) >= 1
        ) or answer.status == TIMED_OUT:
            tally.refused += 1
        else:
            tally.complain(ask, f"{answer.status} {answer.body[:250]!r} {answer.headers}")
        return False

    async def _call(self, ask: Ask, name: str, tally: Tally) -> bool:
        assert ask.rpc is not None
        method, asked = ask.rpc
        channel = self._rng.choice(self._channels)
        how = {
            "request_serializer": getattr(messages, f"{method}Request").SerializeToString,
            "response_deserializer": getattr(
                messages, "SearchResponse" if method == "Search" else "EmbedResponse"
            ).FromString,
        }
        shape = channel.stream_unary if isinstance(asked, list) else channel.unary_unary
        sent = iter(asked) if isinstance(asked, list) else asked
        metadata = (("x-request-id", name),)
        try:
            call = shape(f"/satseek.v1.Satseek/{method}", **how)
            answer = await call(sent, metadata=metadata, timeout=PATIENCE_S)
        except grpc.aio.AioRpcError as error:
            tally.note(ask, name, error.code().name)
            if error.code() is Code.CANCELLED:  # its message was not looked at
                tally.dropped.add(name)
            else:
                self._refused(ask, error, tally)
            return False
        tally.note(ask, name, "OK")
        tally.accept(ask, name, answer)
        return True

    @staticmethod
    def _refused(ask: Ask, error: grpc.aio.AioRpcError, tally: Tally) -> None:
        told = error.code() is not Code.RESOURCE_EXHAUSTED or _retry_s(error) >= 1
        if error.code() in REFUSED | {Code.DEADLINE_EXCEEDED} and told:
            tally.refused += 1
        else:
            tally.complain(ask, f"{error.code().name} {error.details()}")


def _retry_s(error: grpc.aio.AioRpcError) -> float:
    """Read after how many seconds a client is told to come again; 0: it is not told."""
    trailing = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailing.get("grpc-status-details-bin", b""))
    for one in status.details:
        if one.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            info = error_details_pb2.RetryInfo()
            one.Unpack(info)
            return float(info.retry_delay.seconds)
    return 0.0
