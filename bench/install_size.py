"""How large is an install? A fresh environment for each set of extras, bytecode included."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTRAS = {"base": "", "web": "[web]", "web,faiss": "[web,faiss]"}


def main() -> None:
    """Print megabytes in site-packages beyond an empty environment."""
    figures = {name: _installed_mb(extra) for name, extra in EXTRAS.items()}
    print(json.dumps({"added_to_site_packages_mb": figures, "limit_for_base_mb": 400}))


def _installed_mb(extra: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        before = _size(Path(folder))
        command = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet", f"{ROOT}{extra}"]
        subprocess.run(command, check=True, stdout=sys.stderr)
        return round((_size(Path(folder)) - before) / 1e6, 1)


def _size(folder: Path) -> int:
    (packages,) = folder.glob("lib/python*/site-packages")
    return sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
