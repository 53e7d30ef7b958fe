"""A generation → its codes, what they cost and how many candidates they need: kept, made, mended.

Does not know filters or queries' contents. All of it is derived: what is stale, damaged or missing
is made again, and a folder that cannot be written to only costs time.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from typing import TYPE_CHECKING

from satseek.errors import SatseekError
from satseek.index import codes as coded
from satseek.index import tuning as tuned
from satseek.index.costs import ASSUMED, measure
from satseek.index.planning import ENOUGH_UP_TO, LEAST_HITS, candidates_for, untuned
from satseek.index.spec import Edition

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

    from satseek.index.codes import Codes
    from satseek.index.costs import Costs
    from satseek.index.planning import PlanLimits
    from satseek.index.protocol import QueryKind
    from satseek.index.schema import Connections
    from satseek.index.segments import Block, Segments
    from satseek.index.tuning import Tuning
    from satseek.index.view import View

_PATIENCE = 4
"""Times as many rows without codes as usual are scanned while their codes are being made."""

_UNSAVED = 1 / 8
"""Share of rows whose codes are in no file yet up to which searches that go on do not write one."""

_RAISED = 4
"""Times as many candidates are compared from when a kind is seen to miss answers until its codes
and its effort are mended."""


class Coding:
    """The codes of one collection; safe to share between threads."""

    def __init__(self, folder: Path, *, connections: Connections, limits: PlanLimits) -> None:
        """Load nothing yet.

        Args:
            folder: The collection's folder.
            connections: To its database.
            limits: Where one way of searching gives way to another.
        """
        self._folder = folder
        self._connections = connections
        self._limits = limits
        self._guard = threading.Lock()
        self._kept: tuple[int, Codes] | None = None
        """Number of the edition, and its codes."""
        self._costs: Costs | None = limits.costs
        self._tuning: tuple[str, Tuning | None] | None = None
        """What was read last, and the proof that it was read for."""
        self._read: tuple[int, int] | None = None
        """Time and inode of the file that it was read from."""
        self._unsaved: tuple[Path, Codes, str] | None = None
        """File that the codes in use are to be written to, and the proof of them."""
        self._beside: threading.Thread | None = None
        """Makes codes of new rows, or has made them."""
        self._raised: frozenset[QueryKind] = frozenset()
        self._proven: tuple[Codes, str] | None = None
        """Codes, and the digest of what they were learnt from."""

    @property
    def kept(self) -> tuple[int, Codes] | None:
        """Number of the edition, and its codes, where there are any in memory."""
        return self._kept

    def worth(self, view: View) -> bool:
        """Tell whether a generation is large enough for codes, and can have them."""
        return self._worth(len(view), view.segments.dim)

    def make_ahead(self, segments: Segments, blocks: Iterable[Block], path: Path) -> None:
        """Write codes of vectors that are to be in use soon, where they are worth it.

        Args:
            segments: All of them living.
            blocks: As they were written.
            path: File; found under the edition's name, it is taken for what it is.
        """
        if self._worth(segments.rows, segments.dim):
            with contextlib.suppress(OSError):
                coded.build(segments).save(path, proof=_digest(block.sha256 for block in blocks))

    def costs(self, view: View, codes: Codes | None) -> Costs:
        """Give what looking costs on this machine; measured once, with the first codes."""
        if self._costs is None and codes is not None and len(view):
            self._costs = measure(view, codes)
        return self._costs or ASSUMED

    def usable(self, db: sqlite3.Connection, view: View) -> Codes | None:
        """Give codes to search with now; None where there are none of these rows.

        Learns codes only where there are none: learning them anew is left to ``prepare``. Where
        chips are added meanwhile, those in use are made longer beside the searches.
        """
        known, rows = self._of_edition(view.edition.number), view.segments.rows
        if known is not None and known.covered <= rows and known.tail_too_long(rows):
            self._extend_beside(view)
            if not known.tail_too_long(rows, times=_PATIENCE):
                return known
        if self._guard.acquire(blocking=False):
            try:
                return self._extended(db, view) or self._built(db, view)
            finally:
                self._guard.release()
        # while another thread makes codes, older ones answer sooner than waiting does
        codes = self._of_edition(view.edition.number)
        return codes if codes is not None and codes.covered <= view.segments.rows else None

    def found(self, db: sqlite3.Connection, view: View) -> Codes | None:
        """Give the codes that there are, in memory or in the folder; makes none."""
        codes = self._of_edition(view.edition.number) or self._loaded(db, view)
        return codes if codes is not None and codes.covered <= view.segments.rows else None

    def prepare(self, db: sqlite3.Connection, view: View) -> Codes | None:
        """Make or extend the codes, or learn them anew, however long it takes."""
        with self._guard:
            codes = self._extended(db, view)
            if codes is None:
                return self._built(db, view)
            self._save()
        if codes.outgrown(view.segments.rows):
            self.renew(db, view)
        return self._of_edition(view.edition.number)

    def renew(self, db: sqlite3.Connection, view: View) -> None:
        """Learn the codes anew from the rows that there are now; searches go on meanwhile."""
        codes = coded.build(view.segments)
        with self._guard:
            if not self._replaced(view):
                self._keep(db, view, codes)
                self._raised = frozenset()

    def drifted(self, view: View) -> bool:
        """Tell whether the newer rows are unlike those that the codes were learnt from."""
        codes = self._of_edition(view.edition.number)
        return codes is not None and codes.drifted(view.segments)

    def close(self) -> None:
        """Let go of the codes."""
        if self._beside is not None:
            self._beside.join()
        with self._guard:
            self._save()
            self._kept = self._tuning = self._proven = None

    def wanted(
        self, db: sqlite3.Connection, view: View, codes: Codes, *, k: int, kind: QueryKind
    ) -> int:
        """Tell how many candidates to compare for k hits of all chips."""
        tuning = self.tuning(db, view, codes)
        if tuning is None:
            wanted = untuned(k, covered=codes.covered)
        else:
            default = untuned(LEAST_HITS, covered=tuning.covered)
            per_ten = tuning.per_ten(kind, default=default)
            at = max(tuning.covered, ENOUGH_UP_TO)
            wanted = candidates_for(k, covered=codes.covered, per_ten=per_ten, at=at)
        return wanted * _RAISED if kind in self._raised else wanted

    def tuning(self, db: sqlite3.Connection, view: View, codes: Codes) -> Tuning | None:
        """Give the effort that was measured with these codes; None where none was."""
        path = self._folder / view.edition.tuning
        proof, written = self._book(db, view, codes), _written(path)
        known = self._tuning
        if known is None or known[0] != proof or (written is not None and written != self._read):
            known = self._tuning = (proof, tuned.load(path, proof=proof))
            self._read = written
        return known[1]

    def keep_tuning(self, db: sqlite3.Connection, view: View, codes: Codes, tuning: Tuning) -> None:
        """Search with this effort from now on, here and by whoever opens the folder."""
        path = self._folder / view.edition.tuning
        proof = self._book(db, view, codes)
        with contextlib.suppress(OSError):  # in a read-only folder it is kept in memory alone
            tuned.save(tuning, path, proof=proof)
        self._read = _written(path)
        self._tuning = proof, tuning
        self._raised -= {*tuning.kinds, "mixed"}

    def raise_effort(self, *kinds: QueryKind) -> None:
        """Compare more candidates of some kinds at once, until they are tuned."""
        self._raised |= {*kinds}

    def _extend_beside(self, view: View) -> None:
        """Make the codes in use longer in a thread of its own, one at a time."""
        if self._beside is None or not self._beside.is_alive():
            self._beside = threading.Thread(
                target=self._extend, args=(view,), name="codes", daemon=True
            )
            self._beside.start()

    def _extend(self, view: View) -> None:
        # closed, or replaced, meanwhile: whoever searches then says what is wrong
        closed = contextlib.suppress(SatseekError, OSError)
        with closed, self._guard, self._connections.snapshot() as db:
            self._extended(db, view)

    def _worth(self, chips: int, dim: int) -> bool:
        return (
            chips >= self._limits.codes_from
            and coded.subquantizers(dim) is not None
            and coded.available()
        )

    def _of_edition(self, number: int) -> Codes | None:
        kept = self._kept
        return kept[1] if kept is not None and kept[0] == number else None

    def _extended(self, db: sqlite3.Connection, view: View) -> Codes | None:
        """Give codes of the view's rows where there are any, made longer where many lack them."""
        number, rows = view.edition.number, view.segments.rows
        if self._kept is not None and self._kept[0] != number and self._replaced(view):
            return None
        codes = self._of_edition(number) or self._loaded(db, view)
        if codes is None or codes.covered > rows:  # of rows committed after it
            return None
        if codes.tail_too_long(rows):
            codes = codes.extended(view.segments)
            self._keep(db, view, codes, grown=True)
        self._kept = number, codes
        return codes

    def _built(self, db: sqlite3.Connection, view: View) -> Codes | None:
        """Learn codes where nobody has any; None where somebody has those of newer rows."""
        number = view.edition.number
        if self._kept is not None and self._kept[0] != number and self._replaced(view):
            return None
        if self._of_edition(number) is not None or self._outrun(view):
            return None
        codes = coded.build(view.segments)
        self._keep(db, view, codes)
        return codes

    def _keep(
        self, db: sqlite3.Connection, view: View, codes: Codes, *, grown: bool = False
    ) -> None:
        """Use codes from now on; such as have only grown reach their file now and then."""
        self._kept = view.edition.number, codes
        path = self._folder / view.edition.codes
        self._unsaved = path, codes, _proof(db, codes.covered)
        saved = coded.covered_by(path) or 0
        if not grown or codes.covered - saved > codes.covered * _UNSAVED:
            self._save()

    def _save(self) -> None:
        """Write the codes in use to their file where it lacks some."""
        if self._unsaved is None:
            return
        path, codes, proof = self._unsaved
        self._unsaved = None
        with contextlib.suppress(OSError):  # a read-only folder or a full disk only costs time
            codes.save(path, proof=proof)

    def _replaced(self, view: View) -> bool:
        """Tell whether another edition is in use by now than the one that is looked at."""
        with self._connections.snapshot() as newest:
            (text,) = newest.execute("SELECT spec FROM collection").fetchone()
        return Edition.from_json(text).number != view.edition.number

    def _outrun(self, view: View) -> bool:
        """Tell whether somebody who saw more rows than a snapshot has written codes of them."""
        covered = coded.covered_by(self._folder / view.edition.codes)
        if covered is None or covered <= view.segments.rows:
            return False
        with self._connections.snapshot() as newest:
            (committed,) = newest.execute("SELECT committed FROM collection").fetchone()
        return covered <= int(committed)

    def _loaded(self, db: sqlite3.Connection, view: View) -> Codes | None:
        path = self._folder / view.edition.codes
        covered = coded.covered_by(path)
        return (
            None
            if covered is None or covered > view.segments.rows
            else coded.load(path, proof=_proof(db, covered))
        )

    def _book(self, db: sqlite3.Connection, view: View, codes: Codes) -> str:
        """Digest what decides how well codes tell rows apart: what they were learnt from."""
        known = self._proven
        if known is None or known[0] is not codes:
            learnt = _proof(db, codes.trained_at)
            text = f"{view.edition.number} {codes.name} {codes.trained_at} {learnt}"
            known = self._proven = codes, hashlib.sha256(text.encode("ascii")).hexdigest()
        return known[1]


def _proof(db: sqlite3.Connection, rows: int) -> str:
    """Digest of the checksums of the first rows: the same only for the same vectors."""
    text = "SELECT sha256 FROM blocks WHERE start < ? ORDER BY start"
    return _digest(block for (block,) in db.execute(text, (rows,)))


def _digest(checksums: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for checksum in checksums:
        digest.update(checksum.encode("ascii"))
    return digest.hexdigest()


def _written(path: Path) -> tuple[int, int] | None:
    """Time and inode of a file; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
