"""What a collection is besides chips, in a Milvus: its spec, scenes, refusals, and its generation.

Milvus has no transactions over several entities and compares nothing before it writes, so nothing
here is written by two clients: each writer has an entry of its own with its number of changes, the
rows it has given and the box around its chips. The generation is the sum of all changes.
"""

from __future__ import annotations

import json
import secrets
import threading
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from satseek.errors import CollectionNotFound, DamagedData
from satseek.formats import check_format
from satseek.index.milvus.expressions import literal, literals
from satseek.index.milvus.layout import PATH_BYTES, line_json
from satseek.index.milvus.states import Bounds, State, Told, longer
from satseek.index.records import scene_from, scene_text
from satseek.index.spec import CollectionSpec, KnownScene, SceneProgress
from satseek.types import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from satseek.index.milvus.connecting import Connection

FORMAT = 1
"""Of the entries and of what chips look like there; 0.1.0 wrote the same and no number."""

ROWS_PER_CLAIM = 2**16
"""Rows that a writer claims at once. What it does not give is lost: there are 2**63 of them."""

_PART = 16_000
"""Characters in one part of a long text: at most 64,000 bytes, of 65,535 that Milvus takes."""

_AT_ONCE = 500
"""Entries written in one call: 32 MB if all were full, of 64 MB that Milvus takes."""

_ATTEMPTS = 50
"""Times that a claim is tried for, each among more rows; two writers meet once or twice."""


class Book:
    """The entries of one collection; safe to share between threads."""

    def __init__(self, connection: Connection, name: str) -> None:
        """Open a book.

        Args:
            connection: To Milvus.
            name: Of the collection of Milvus that holds it.
        """
        self._connection = connection
        self._name = name
        self._guard = threading.Lock()
        self._writer = secrets.token_hex(16)
        self._mine = State()
        self._free = range(0)

    def told(self) -> Told:
        """Read what the collection is.

        Raises:
            CollectionNotFound: There is none, or it was never finished.
            FormatTooNew: A later release has made it.
        """
        texts = self._texts("spec")
        if not texts:
            raise CollectionNotFound(
                f"Milvus at {self._connection.uri} holds no such collection; "
                "bring one there with `satseek collection push`"
            )
        said = json.loads(texts[0][1])
        check_format(f"{self._name} in Milvus", said.get("format", FORMAT), FORMAT)
        spec = CollectionSpec.from_json(line_json(said["spec"]))
        return Told(spec=spec, born=said["born"], engine=said["engine"], vectors=said["vectors"])

    def tell(self, told: Told) -> None:
        """Write what the collection is: from then on it is there."""
        said = {"format": FORMAT, "born": told.born, "engine": told.engine, "vectors": told.vectors}
        text = line_json(said | {"spec": json.loads(told.spec.to_json())})
        self._write("spec", [("", text)])

    def state(self) -> State:
        """Read what all writers have done."""
        generation, spans, bounds = 0, [], Bounds()
        for entry in self._entries('kind == "writer"', "number", "text"):
            said = json.loads(entry["text"])
            generation += entry["number"]
            spans += [(first, end) for first, end in said["spans"]]
            bounds = bounds.around(Bounds(**said["bounds"]))
        return State(generation=generation, spans=tuple(sorted(spans)), bounds=bounds)

    def begin(self, count: int, bounds: Bounds) -> range:
        """Announce a change; gives the rows of the chips that it will add.

        Args:
            count: Chips to be added, at most `ROWS_PER_CLAIM`.
            bounds: Around them.
        """
        with self._guard:
            if len(self._free) < count:
                self._free = self._claim()
            rows, self._free = self._free[:count], self._free[count:]
            spans = longer(self._mine.spans, rows)
            self._mine = replace(self._mine, spans=spans, bounds=self._mine.bounds.around(bounds))
            self._change()
            return rows

    def finish(self) -> None:
        """Say that a change is done: whoever looked meanwhile looks again."""
        with self._guard:
            self._change()

    def known_scenes(self, wanted: str | None = None) -> list[KnownScene]:
        """List scenes with their progress, by id; only one of them where it is named."""
        found = []
        for _, text in self._texts("scene", wanted):
            said = json.loads(text)
            progress = SceneProgress(**said["progress"])
            found.append(KnownScene(scene=scene_from(said["record"]), progress=progress))
        return sorted(found, key=lambda one: one.scene.id)

    def write_scenes(self, scenes: Sequence[KnownScene]) -> None:
        """Write scenes with their progress; refusals of their paths go."""
        texts = [
            (
                one.scene.id,
                line_json({"record": scene_text(one.scene), "progress": asdict(one.progress)}),
            )
            for one in scenes
        ]
        self._write("scene", texts)
        self.drop("refusal", {path for one in scenes for path in (one.scene.id, one.scene.path)})

    def refusals(self) -> list[tuple[Refusal, str]]:
        """List files that could not be used, by path, with their digests."""
        found = []
        for path, text in self._texts("refusal"):
            said = json.loads(text)
            refusal = Refusal(path=path, reason=said["reason"], kind=said["kind"])
            found.append((refusal, str(said["digest"])))
        return sorted(found, key=lambda one: one[0].path)

    def write_refusals(self, refusals: Sequence[tuple[Refusal, str]]) -> None:
        """Write files that could not be used."""
        texts = [
            (one.path, line_json({"reason": one.reason, "kind": one.kind, "digest": digest}))
            for one, digest in refusals
        ]
        self._write("refusal", texts)

    def mark(self) -> dict[str, Any]:
        """Read how far a push has come; empty where none was begun."""
        texts = self._texts("mark")
        said: dict[str, Any] = json.loads(texts[0][1]) if texts else {}
        return said

    def write_mark(self, mark: dict[str, Any]) -> None:
        """Write how far a push has come."""
        self._write("mark", [("", line_json(mark))])

    def drop(self, kind: str, names: Iterable[str]) -> None:
        """Remove entries by name; those that are not there are passed over."""
        wanted = sorted(names)
        for start in range(0, len(wanted), _AT_ONCE):
            part = literals(wanted[start : start + _AT_ONCE])
            self._delete(f'kind == "{kind}" and name in {part}')

    def _change(self) -> None:
        """Count a change; readers see it with the rows and bounds that it brings."""
        self._mine = replace(self._mine, generation=self._mine.generation + 1)
        said = {"spans": self._mine.spans, "bounds": asdict(self._mine.bounds)}
        entry = self._entry("writer", self._writer, line_json(said))
        self._upsert([entry | {"number": self._mine.generation}])

    def _claim(self) -> range:
        """Claim rows that nobody else gives.

        A claim holds where its writer, having written it, sees no other on the same rows or later
        ones: of two writers the one that writes later sees the other, as reads are strong. The
        latest claim is never removed, so that nobody claims again what was held once.
        """
        for attempt in range(_ATTEMPTS):
            claimed = [one["number"] for one in self._entries('kind == "claim"', "number")]
            number = max(claimed, default=-1) + 1 + secrets.randbelow(4 * attempt + 1)
            entry = self._entry("claim", secrets.token_hex(16), "{}") | {"number": number}
            self._upsert([entry])
            rivals = self._entries(f'kind == "claim" and number >= {number}', "key")
            if [one["key"] for one in rivals] == [entry["key"]]:
                self._delete(f'kind == "claim" and number < {number}')
                return range(number * ROWS_PER_CLAIM, (number + 1) * ROWS_PER_CLAIM)
        raise DamagedData(
            f"Milvus at {self._connection.uri}: expected rows of its own for this writer, "
            f"found others on them {_ATTEMPTS} times"
        )

    def _texts(self, kind: str, name: str | None = None) -> list[tuple[str, str]]:
        """Read the texts of a kind, put together of their parts, with their names."""
        wanted = f'kind == "{kind}"'
        if name is not None:
            wanted += f" and name == {literal(name)}"
        parts: dict[str, dict[int, str]] = {}
        lengths: dict[str, int] = {}
        for entry in self._entries(wanted, "name", "part", "parts", "text"):
            parts.setdefault(entry["name"], {})[entry["part"]] = entry["text"]
            if entry["part"] == 0:
                lengths[entry["name"]] = entry["parts"]
        return [
            (one, "".join(parts[one][number] for number in range(count)))
            for one, count in lengths.items()
            if all(number in parts[one] for number in range(count))
        ]

    def _write(self, kind: str, texts: Sequence[tuple[str, str]]) -> None:
        """Write texts by name, in parts where they are long."""
        entries = []
        for name, text in texts:
            cuts = [text[start : start + _PART] for start in range(0, len(text), _PART)] or [""]
            entries += [
                self._entry(kind, name, cut)
                | {"part": part, "parts": len(cuts)}
                | {"key": f"{kind}/{part}/{name}"}
                for part, cut in enumerate(cuts)
            ]
        for start in range(0, len(entries), _AT_ONCE):
            self._upsert(entries[start : start + _AT_ONCE])

    def _entry(self, kind: str, name: str, text: str) -> dict[str, Any]:
        if len(name.encode()) > PATH_BYTES // 2:
            raise DamagedData(f"{name[:80]!r}: expected at most {PATH_BYTES // 2} bytes of name")
        plain = {"part": 0, "parts": 1, "number": 0, "unused": [0.0, 0.0]}
        return plain | {"key": f"{kind}/{name}", "kind": kind, "name": name, "text": text}

    def _entries(self, wanted: str, *fields: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._connection.call(
            "query",
            collection_name=self._name,
            filter=wanted,
            output_fields=list(fields),
            consistency_level="Strong",
        )
        return found

    def _upsert(self, entries: list[dict[str, Any]]) -> None:
        self._connection.call("upsert", collection_name=self._name, data=entries)

    def _delete(self, wanted: str) -> None:
        self._connection.call("delete", collection_name=self._name, filter=wanted)
