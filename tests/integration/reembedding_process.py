"""A process that embeds a collection again, to be killed and starved of disk.

Run as ``python reembedding_process.py <verb> <folder>``; prints what the test compares.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a fork takes no threads along
sys.path.insert(0, str(Path(__file__).parents[1]))

from othertower import OTHER, CornerEngine
from serving import make_scenes
from towers import CARD, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.errors import SatseekError
from satseek.imagery.recipes import recipe_named
from satseek.index import CollectionSpec, create_collection, open_collection
from satseek.search import reembedding
from satseek.search.indexing import index_folder
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.types import ModelCard

KILLS = 10
ATTEMPTS = 60
LIMITS = (1_000, 4_500, 20_000, 45_000)
"""Bytes that a file may grow to: the first rows of a segment, a few pages of the log, more."""

TOKENIZER = make_tokenizer()
EMBEDDERS = {
    CARD.name: Embedder(ColourEngine(), TOKENIZER),
    OTHER.name: Embedder(CornerEngine(), TOKENIZER),
}

reembedding.COMMIT_CHIPS = 8  # commits, where a kill may hurt, come often


def spec(card: ModelCard) -> CollectionSpec:
    return CollectionSpec(
        name="again",
        model_name=card.name,
        model_version=card.version,
        dim=card.dim,
        recipe=recipe_named("auto"),
        grid=GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None),
        min_valid=0.5,
    )


def in_child(work: Callable[[], object]) -> int:
    """Fork a child that works; returns its process id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must see it
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    return child


def done(work: Callable[[], object]) -> None:
    """Let a child work to its end."""
    assert os.waitpid(in_child(work), 0)[1] == 0


def index(folder: Path, scenes: Path, card: ModelCard) -> None:
    with create_collection(folder, spec(card), rows_per_segment=50) as made:
        index_folder(scenes, collection=made, embedder=EMBEDDERS[card.name])


def reembed(folder: Path, name: str) -> None:
    """Embed again with one of the two models; a child's threads end with it."""
    with open_collection(folder, mode="write") as collection:
        former = EMBEDDERS[collection.model[0]]
        report = reembedding.reembed_collection(
            collection,
            embedder=EMBEDDERS[name],
            former=former,
            choices=reembedding.ReembedChoices(sample=16),
            batch=4,
        )
        assert report.outcome in {"switched", "same model"}, report.outcome


def prepare(home: Path) -> tuple[Path, dict[str, str]]:
    """Index the same scenes by each model; gives the collection to hurt, and both digests."""
    scenes = make_scenes(home / "scenes")
    for card in (CARD, OTHER):
        done(lambda card=card: index(home / card.name, scenes, card))
    digests = {}
    for name in EMBEDDERS:
        with open_collection(home / name, mode="read") as collection:
            digests[name] = collection.digest()
    return home / CARD.name, digests


def checked(folder: Path, digests: dict[str, str]) -> str:
    """Stop unless the old or the new vectors answer, whole; returns whose they are."""
    with open_collection(folder, mode="read") as left:
        damages = left.verify()
        assert not damages, damages
        name = left.model[0]
        assert left.digest() == digests[name], f"neither old nor new: {name}"
        query = left.sample(1)
        assert left.search(query, k=1).cosines[0, 0] > 0.999
    return name


def die_often(home: Path) -> None:
    """Go to the other model and back until there were enough kills; prints kills and switches."""
    folder, digests = prepare(home)
    target = OTHER.name
    started = time.monotonic()
    done(lambda: reembed(folder, target))
    seconds = time.monotonic() - started
    assert checked(folder, digests) == target
    dice = random.Random(11)
    killed, switches, pending = 0, 1, 0
    for _ in range(ATTEMPTS):
        if killed >= KILLS and pending:
            break
        target = next(name for name in EMBEDDERS if name != checked(folder, digests))
        child = in_child(lambda target=target: reembed(folder, target))
        time.sleep(dice.uniform(0.02, seconds))
        os.kill(child, signal.SIGKILL)
        if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            killed += 1
            with open_collection(folder, mode="read") as left:
                found = left.pending()
                pending += found is not None and 0 < found.next_row < found.rows
        else:
            switches += 1
    target = next(name for name in EMBEDDERS if name != checked(folder, digests))
    done(lambda: reembed(folder, target))
    assert checked(folder, digests) == target
    sys.stdout.write(f"{killed} {pending} {switches}\n")


def starve(home: Path) -> None:
    """Embed again while files may not grow; prints the refusals, then whether it ended well."""
    folder, digests = prepare(home)
    for limit in LIMITS:

        def starved(limit: int = limit) -> None:
            unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, unlimited[1]))
            try:
                reembed(folder, OTHER.name)
            except SatseekError as error:
                sys.stdout.write(f"refused {error}\n")
                sys.stdout.flush()
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)

        done(starved)
        assert checked(folder, digests) == CARD.name
    done(lambda: reembed(folder, OTHER.name))
    assert checked(folder, digests) == OTHER.name


VERBS = {"die_often": die_often, "starve": starve}

if __name__ == "__main__":
    VERBS[sys.argv[1]](Path(sys.argv[2]))
