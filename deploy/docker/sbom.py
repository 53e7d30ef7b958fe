"""A bill of Python packages and dpkg's status → one CycloneDX bill of the whole image."""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote


def main() -> None:
    """Join what is named on the command line: BILL STATUS OUT."""
    bill, status, out = map(Path, sys.argv[1:])
    joined = json.loads(bill.read_text(encoding="utf-8"))
    joined["components"] += components(status.read_text(encoding="utf-8"))
    out.write_text(json.dumps(joined, indent=1) + "\n", encoding="utf-8")


def components(status: str) -> list[dict[str, Any]]:
    """Give Debian's packages as components; a stanza of deb-control(5) is one."""
    stanzas = [stanza for stanza in status.split("\n\n") if stanza.strip()]
    return [_component(_fields(stanza)) for stanza in stanzas]


def _fields(stanza: str) -> dict[str, str]:
    lines = [line for line in stanza.splitlines() if line[:1].strip()]
    pairs = [line.partition(":") for line in lines]
    return {name: value.strip() for name, _, value in pairs}


def _component(fields: dict[str, str]) -> dict[str, Any]:
    name, version, architecture = (fields[key] for key in ("Package", "Version", "Architecture"))
    # https://github.com/package-url/purl-spec: type "deb"
    purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro=trixie"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "supplier": {"name": fields.get("Maintainer", "Debian")},
    }


if __name__ == "__main__":
    main()
