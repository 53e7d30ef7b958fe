"""An engine's name → a process of its own that takes orders.

Does not know what the orders are.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any, Self

WORKER = Path(__file__).parent / "worker.py"
STRANGERS = frozenset({"usearch", "lancedb", "milvus-lite"})
"""Engines that live in an environment of their own."""
PACKAGES = ["numpy", "usearch", "lancedb", "pyarrow", "pymilvus", "milvus-lite"]
OTHERS = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "satseek-bench" / "others"
)
"""Where that environment is kept from run to run."""
PATIENCE_S = 600.0


class GaveUpError(Exception):
    """A process ended or did not answer in time."""


class Process:
    """One engine in a process."""

    def __init__(self, name: str, root: Path, *, others: Path) -> None:
        """Start it.

        Raises:
            GaveUpError: Its library is missing.
        """
        self.name = name
        python = sys.executable if name not in STRANGERS else str(others / "bin" / "python")
        if not Path(python).exists():
            raise GaveUpError(f"{name} is not on this machine")
        self._log = (root / f"{name}.log").open("a", encoding="utf-8")
        self._started = subprocess.Popen(
            [python, str(WORKER), name, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            bufsize=1,
        )
        self.answer(PATIENCE_S)

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End the process."""
        self.close()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._started.pid

    def order(self, do: str, **arguments: Any) -> None:
        """Send an order without waiting."""
        assert self._started.stdin is not None
        self._started.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._started.stdin.flush()

    def answer(self, patience_s: float = PATIENCE_S) -> Any:
        """Wait for the answer to the oldest order.

        Raises:
            GaveUpError: The process ended, or it took too long.
        """
        stdout = self._started.stdout
        assert stdout is not None
        begun = time.monotonic()
        ready, _, _ = select.select([stdout], [], [], patience_s)
        line = stdout.readline() if ready else ""
        if not line:
            self.close()
            spent = time.monotonic() - begun
            raise GaveUpError(f"no answer after {spent:.0f} s: {self._last_words()}")
        return json.loads(line)

    def answered(self) -> bool:
        """Tell whether an answer is waiting."""
        return bool(select.select([self._started.stdout], [], [], 0)[0])

    def call(self, do: str, *, patience_s: float = PATIENCE_S, **arguments: Any) -> Any:
        """Send an order and wait for its answer; raises as ``answer``."""
        self.order(do, **arguments)
        return self.answer(patience_s)

    def close(self) -> None:
        """End the process."""
        if self._started.poll() is None:
            self._started.kill()
        self._started.wait()
        for stream in (self._started.stdin, self._started.stdout, self._log):
            if stream is not None:
                stream.close()

    def _last_words(self) -> str:
        lines = Path(self._log.name).read_text(encoding="utf-8").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"


def environment(folder: Path | None) -> Path:
    """Give the environment of engines that are no part of satseek; made where it is missing.

    Args:
        folder: A virtual environment that there is; None: one in the cache, made at first.
    """
    if folder is not None or OTHERS.is_dir():
        return folder or OTHERS
    venv.create(OTHERS, with_pip=True)
    command = [str(OTHERS / "bin" / "python"), "-m", "pip", "install", "--quiet", *PACKAGES]
    subprocess.run(command, check=False, stdout=sys.stderr)
    return OTHERS


def versions(others: Path) -> dict[str, str]:
    """Give the versions of the engines' libraries."""
    code = (
        "import importlib.metadata as m, json\n"
        "names = ['satseek','faiss-cpu','usearch','lancedb','pymilvus','milvus-lite','numpy']\n"
        "found = {d.metadata['Name'].lower(): d.version for d in m.distributions()}\n"
        "print(json.dumps({n: found[n] for n in names if n in found}))"
    )
    found: dict[str, str] = {}
    for python in (str(others / "bin" / "python"), sys.executable):
        if Path(python).exists():
            done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
            found |= json.loads(done.stdout)
    return found
