"""A bill of Python packages, and what else lies in an image → one CycloneDX bill of all of it."""

import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote


def main() -> None:
    """Add to a bill what is named on the command line: BILL OUT KIND=PATH …."""
    bill, out, *words = sys.argv[1:]
    joined = json.loads(Path(bill).read_text(encoding="utf-8"))
    for kind, _, path in (word.partition("=") for word in words):
        joined["components"] += KINDS[kind](Path(path))
    Path(out).write_text(json.dumps(joined, indent=1) + "\n", encoding="utf-8")


def debian(status: Path) -> Iterator[dict[str, Any]]:
    """Give Debian's packages out of dpkg's status; a stanza of deb-control(5) is one."""
    stanzas = status.read_text(encoding="utf-8").split("\n\n")
    return (_package(_fields(stanza)) for stanza in stanzas if stanza.strip())


def python(folder: Path) -> Iterator[dict[str, Any]]:
    """Give the Python packages of a folder, such as ``site-packages``."""
    found = {one.name: one.version for one in distributions(path=[str(folder)])}
    for name, version in sorted(found.items()):
        purl = f"pkg:pypi/{quote(name.lower())}@{quote(version)}"
        yield _component("library", name, version) | {"bom-ref": purl, "purl": purl}


def model(folder: Path) -> Iterator[dict[str, Any]]:
    """Give the model that was baked in, as its card has it; there need be none."""
    if folder.is_dir():
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        licences = sorted(set(card.get("licences", {}).values()))
        yield _component("machine-learning-model", card["name"], card["version"]) | {
            "bom-ref": f"{card['name']}@{card['version']}",
            "licenses": [{"license": {"name": one}} for one in licences],
        }


KINDS: dict[str, Callable[[Path], Iterator[dict[str, Any]]]] = {
    "debian": debian,
    "python": python,
    "model": model,
}
"""What a path on the command line may be."""


def _fields(stanza: str) -> dict[str, str]:
    lines = [line for line in stanza.splitlines() if line[:1].strip()]
    pairs = [line.partition(":") for line in lines]
    return {name: value.strip() for name, _, value in pairs}


def _package(fields: dict[str, str]) -> dict[str, Any]:
    name, version, architecture = (fields[key] for key in ("Package", "Version", "Architecture"))
    # https://github.com/package-url/purl-spec: type "deb"
    purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro=trixie"
    return _component("library", name, version) | {
        "bom-ref": purl,
        "purl": purl,
        "supplier": {"name": fields.get("Maintainer", "Debian")},
    }


def _component(kind: str, name: str, version: str) -> dict[str, Any]:
    return {"type": kind, "name": name, "version": version}


if __name__ == "__main__":
    main()
