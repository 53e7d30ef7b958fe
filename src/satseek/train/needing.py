"""A missing ``torch`` extra becomes one clear line.

Knows nothing of training.
"""

from __future__ import annotations

from importlib.util import find_spec

from satseek.errors import DependencyMissing

_NEEDED = ("torch", "transformers", "safetensors")


def need_torch() -> None:
    """Say how to install what training needs.

    Raises:
        DependencyMissing: One of the packages is not installed.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise DependencyMissing(
            f"training needs {', '.join(missing)}: install with pip install 'satseek[torch]'"
        )
