"""Manifests for Kubernetes are YAML, and what they run is a command that there is."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command

from satseek.cli.application import app
from satseek.cli.indexing import index

if TYPE_CHECKING:
    from collections.abc import Iterator

yaml = pytest.importorskip(
    "yaml", reason="PyYAML is not on this machine: pip install 'satseek[ray]'"
)

DEPLOY = Path(__file__).parents[3] / "deploy"
MANIFESTS = sorted(path for folder in ("kuberay", "dask") for path in (DEPLOY / folder).glob("*"))


def _documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def _commands(told: Any) -> Iterator[list[str]]:
    """Find every command line, however deep."""
    if isinstance(told, dict):
        if "entrypoint" in told:
            yield shlex.split(told["entrypoint"])
        if "command" in told:
            yield told["command"]
        for value in told.values():
            yield from _commands(value)
    elif isinstance(told, list):
        for value in told:
            yield from _commands(value)


def test_there_are_manifests() -> None:
    assert ["cluster.yaml", "rayjob-gpu.yaml", "rayjob.yaml"] == sorted(
        path.name for path in MANIFESTS
    )


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_every_document_says_what_it_is(path: Path) -> None:
    for document in _documents(path):
        assert {"apiVersion", "kind", "metadata", "spec"} == set(document)
        assert document["metadata"]["name"].startswith("satseek-")


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_what_is_run_is_a_command_with_its_options(path: Path) -> None:
    lines = [line for line in _commands(_documents(path)) if line[0] == "satseek"]
    assert 1 == len(lines)
    told, name, *words = lines[0]
    assert ("satseek", index.__name__) == (told, name)
    context = get_command(app).commands[name].make_context(name, words)
    assert "/shared/scenes" == context.params["source"]
    assert context.params["executor"] in {"ray", "dask"}


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_every_volume_that_is_mounted_is_there(path: Path) -> None:
    for pod in _pods(_documents(path)):
        volumes = {volume["name"] for volume in pod.get("volumes", ())}
        for container in pod["containers"]:
            mounted = {mount["name"] for mount in container.get("volumeMounts", ())}
            assert mounted <= volumes


def _pods(told: Any) -> Iterator[dict[str, Any]]:
    if isinstance(told, dict):
        if "containers" in told:
            yield told
        for value in told.values():
            yield from _pods(value)
    elif isinstance(told, list):
        for value in told:
            yield from _pods(value)
