"""A program that takes the disk away from what satseek does, gives it back, and sees what is left.

Run as ``python -m chaos.starving <verb> <folder> <scenes> <model> ...`` in a mount namespace of its
own (``rooms.alone``); prints one JSON object.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from chaos.asking import account
from chaos.ground import CHIP_PX, CITY, Ground, environment, satseek
from chaos.monkey import GAPS_A_RUN
from chaos.playing import play
from chaos.rooms import Room, Tide
from chaos.stages import undisturbed, worked

from satseek.errors import DiskFull
from satseek.index.reading import DATABASE
from satseek.jobs.tasks import run_task
from satseek.settings import Settings

ROOM_BYTES = 64 * 1024**2
LEAST_SECONDS = 200.0
"""Jobs may take so long, however fast the machine is."""


def index(folder: Path, ground: Ground, points: int) -> dict[str, Any]:
    """Index with room for one share after the other of what indexing takes, then with room."""
    room = Room(folder / "room", ROOM_BYTES)
    calm, taken = _indexed_calmly(room, ground)
    kept: list[int] = []
    for point in range(points):
        room.leave(taken * (2 * point + 1) // (2 * points + 1))
        data = room.folder / "data"
        _check_refused(data, ground)
        made = data / "collections" / CITY
        kept.append(account(made)[0] if (made / DATABASE).exists() else 0)
        room.give_back()
        _index(data, ground)
        assert calm == account(made), f"point {point}: {account(made)}, undisturbed {calm}"
        shutil.rmtree(data)
    return {"chips": calm[0], "taken_bytes": taken, "kept": kept}


def command(folder: Path, ground: Ground, *words: str, out: Path) -> dict[str, Any]:
    """Run a command without room and again with room; then elsewhere, undisturbed."""
    room = Room(folder / "room", ROOM_BYTES)
    data = room.folder / "data"
    around = environment(ground.settings(data))
    calm = folder / "calm" / out.name
    calm.parent.mkdir()
    asked = satseek(*words)
    subprocess.run([*asked, "--out", str(calm)], env=around, check=True, capture_output=True)
    room.leave(0)
    target = [*asked, "--out", str(room.folder / out)]
    refused = subprocess.run(target, env=around, check=False, capture_output=True, text=True)
    left = sorted(path.name for path in room.folder.glob(f"*{out.suffix}"))
    room.give_back()
    subprocess.run(target, env=around, check=True, capture_output=True)
    return {
        "exit": refused.returncode,
        "said": refused.stderr,
        "visible": left,
        "same": calm.read_bytes() == (room.folder / out).read_bytes(),
    }


def queue(folder: Path, ground: Ground, floods: int, seed: int) -> dict[str, Any]:
    """Have jobs done while the disk fills up again and again, submitting them as it does."""
    calm, took = undisturbed(ground, folder / "calm")
    room = Room(folder / "room", ROOM_BYTES * 4)
    stage = worked(ground, room.folder)
    tide = Tide(room, floods=floods, seed=seed, gap=took / GAPS_A_RUN, flood=took / GAPS_A_RUN)
    return play(stage, tide, calm, seconds=max(LEAST_SECONDS, floods * took)).figures()


def _indexed_calmly(room: Room, ground: Ground) -> tuple[tuple[int, str, int], int]:
    """Index undisturbed: what comes of it, and how many bytes it takes."""
    data, before = room.folder / "calm", room.free
    _index(data, ground)
    calm, taken = account(data / "collections" / CITY), before - room.free
    shutil.rmtree(data)
    return calm, taken


def _check_refused(data: Path, ground: Ground) -> None:
    """Index where there is too little room: told as that, on one line."""
    with pytest.raises(DiskFull, match=r"\A[^\n]*no room[^\n]*\Z"):
        _index(data, ground)


def _index(data: Path, ground: Ground) -> None:
    asked = {"collection": CITY, "folder": CITY, "chip_px": CHIP_PX}
    settings = Settings.model_validate(ground.settings(data))
    run_task(
        "index", asked, settings=settings, on_progress=_unheard, results=data / "results" / "one"
    )


def _unheard(done: int, total: int, note: str) -> None:
    """Progress that nobody looks at."""


def main() -> None:
    """Do what the words say."""
    verb, folder, scenes, model, *words = sys.argv[1:]
    ground = Ground(scenes=Path(scenes), model=Path(model))
    match verb:
        case "index":
            told = index(Path(folder), ground, int(words[0]))
        case "command":
            told = command(Path(folder), ground, *words[1:], out=Path(words[0]))
        case _:
            told = queue(Path(folder), ground, int(words[0]), int(words[1]))
    sys.stdout.write(json.dumps(told, default=str))


if __name__ == "__main__":
    main()
