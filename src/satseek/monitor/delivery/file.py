"""A letter → a file in a folder, whole or not there, under the same name however often.

Does not know who takes the files away. Whoever does may find one again after a crash here, under
the name that it had.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.errors import InvalidSettings
from satseek.monitor.delivery.turns import Outcome

if TYPE_CHECKING:
    from satseek.monitor.delivery.channels import Channel
    from satseek.monitor.delivery.rows import Letter


class FileCourier:
    """Writes letters into folders."""

    def check(self, channel: Channel) -> None:
        """Refuse a folder that is not there: a disk that is not mounted is not written around.

        Raises:
            InvalidSettings: it is not there.
        """
        if not Path(channel.address).is_dir():
            raise InvalidSettings(
                f"alert_channels: {channel.name}: expected a folder at {channel.address}; make it"
            )

    def carry(self, letter: Letter, channel: Channel) -> Outcome:
        """Write a letter once; whatever goes wrong is told, not raised."""
        try:
            self.check(channel)
            _write(Path(channel.address) / name_of(letter, channel), letter.body)
        except InvalidSettings as error:
            return Outcome(arrived=False, error=str(error))
        except OSError as error:
            return Outcome(arrived=False, error=f"{channel.address}: {error.strerror or error}")
        return Outcome(arrived=True)


def name_of(letter: Letter, channel: Channel) -> str:
    """Name the file of a letter: by when it was written, so that names sort, and by its key."""
    return f"{letter.made:%Y%m%dT%H%M%SZ}-{letter.key}.{channel.form}"


def _write(path: Path, body: bytes) -> None:
    """Write a file that is there, whole and on the disk, when this returns."""
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
