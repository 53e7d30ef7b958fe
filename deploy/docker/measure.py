"""The root filesystem of an image → how large it is, and what smoke.sh has shown of it, as JSON.

Run as root: python deploy/docker/measure.py cpu=ROOT > bench/results/image.json, where ROOT is what
`buildah mount` or `docker export … | tar -x` give.
"""

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LIMIT_BYTES = 600_000_000
"""What the image for processors may take; megabytes are of a million bytes."""

RECIPE = (
    *("Dockerfile", "install.sh", "prune.sh", "root.sh", "libraries.sh", "health.py", "sbom.py"),
    *("requirements-build.txt", "requirements-{variant}.txt", "excluded-{variant}.txt"),
)
"""What decides, beside satseek itself, what is in an image."""


def main() -> None:
    """Measure what is named on the command line: VARIANT=ROOT …."""
    variants = dict(word.split("=", 1) for word in sys.argv[1:])
    figures: dict[str, Any] = {"limit_bytes": LIMIT_BYTES}
    for name, root in variants.items():
        figures[name] = {"recipe_sha256": recipe_sha256(name), **measured(Path(root))}
    result = {
        "command": " ".join(
            ["python", "deploy/docker/measure.py", *(f"{n}=ROOT" for n in variants)]
        ),
        "commit": _said("git", "describe", "--always", "--dirty", "--abbrev=10"),
        "date": datetime.now(tz=UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "figures": figures,
    }
    json.dump(result, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def measured(root: Path) -> dict[str, Any]:
    """Give bytes of all files (one of hard links), of their archive, and what was shown."""
    files = {
        (status.st_dev, status.st_ino): status.st_size
        for path in root.rglob("*")
        if not path.is_symlink() and path.is_file() and (status := path.stat())
    }
    archive = f"tar -C {root} -cf - . | gzip -6 | wc -c"
    bill = json.loads((root / "usr/share/satseek/sbom.cdx.json").read_text(encoding="utf-8"))
    shown = _said(str(HERE / "smoke.sh"), str(root)).splitlines()
    ready = next(int(found[1]) for line in shown if (found := re.match(r"ready after (\d+)", line)))
    return {
        "root_filesystem_bytes": sum(files.values()),
        "files": len(files),
        "archive_gzip_bytes": int(_said("sh", "-c", archive)),
        "components_in_bill": len(bill["components"]),
        "first_start_seconds": ready,
        "shown": shown,
    }


def recipe_sha256(variant: str) -> str:
    """Digest of a variant's recipe, without comments and the release's number, 64 hex digits.

    The figures of one recipe are not those of another: its image is to be built and measured anew.
    """
    digest = hashlib.sha256()
    for name in RECIPE:
        text = (HERE / name.format(variant=variant)).read_text(encoding="utf-8")
        digest.update(re.sub(r"(?m)^\s*(#.*|ARG VERSION=.*)?\n", "", text).encode())
    return digest.hexdigest()


def _said(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=HERE, text=True, check=True)  # noqa: S603
    return done.stdout.strip()


if __name__ == "__main__":
    main()
