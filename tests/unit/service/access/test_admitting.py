"""Whoever guesses passwords is stopped before an account is locked, however a name is spelled."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

from anyio import CapacityLimiter

from satseek.errors import RateLimited, Unauthenticated
from satseek.service.access.admitting import PASSWORDS_PER_MINUTE, Admission, Shown
from satseek.service.access.audit import Audit
from satseek.service.access.authenticating import Authenticator

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.service.access.principals import Principal

SPELLINGS = ("ada", "ADA", " ada", "ada  ", "\uff41da", "a da")


class Directory:
    """Takes no password, and counts those it is asked about."""

    asked = 0

    def authenticate(self, _name: str, _password: str) -> Principal:
        self.asked += 1
        raise Unauthenticated("no")


def test_spellings_of_one_name_are_one_account(tmp_path: Path) -> None:
    directory = Directory()
    authenticator = Authenticator(
        enabled=True, passwords=directory, checks=CapacityLimiter(1), looks=CapacityLimiter(1)
    )
    admission = Admission(authenticator, audit=Audit(tmp_path))

    async def guess(times: int) -> list[type[Exception]]:
        came: list[type[Exception]] = []
        for at in range(times):
            pair = f"{SPELLINGS[at % len(SPELLINGS)]}:guess{at}".encode()
            shown = Shown(authorization=f"Basic {base64.b64encode(pair).decode()}", address="a")
            try:
                await admission.recognise(shown)
            except (Unauthenticated, RateLimited) as error:
                came.append(type(error))
        await admission.close()
        return came

    came = asyncio.run(guess(PASSWORDS_PER_MINUTE + 5))
    assert [Unauthenticated] * PASSWORDS_PER_MINUTE + [RateLimited] * 5 == came
    assert PASSWORDS_PER_MINUTE == directory.asked
