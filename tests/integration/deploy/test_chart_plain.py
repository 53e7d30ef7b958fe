"""Manifests for those without Helm are what the chart renders; those for KubeRay agree with it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import helming
import pytest
from helming import CHART, example

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEPLOY = helming.ROOT / "deploy"
PLAIN = DEPLOY / "kubernetes"
RAY = sorted((DEPLOY / "kuberay").glob("*.yaml"))


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    command = [PLAIN / "render.sh", folder]
    environment = {"HELM": str(helming.installed()), "PATH": "/usr/bin:/bin"}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)
    return folder


@pytest.mark.parametrize("name", ["minimal", "cpu", "gpu", "gpus"])
def test_the_plain_manifests_are_what_the_chart_renders(rendered: Path, name: str) -> None:
    now = (rendered / f"{name}.yaml").read_text(encoding="utf-8")
    kept = (PLAIN / f"{name}.yaml").read_text(encoding="utf-8")
    assert now == kept, "the chart was changed: deploy/kubernetes/render.sh"


def test_nothing_else_lies_there(rendered: Path) -> None:
    there = {path.name for path in PLAIN.iterdir()}
    assert {*(path.name for path in rendered.iterdir()), "render.sh", "namespace.yaml"} == there


def test_what_only_helm_runs_is_left_out() -> None:
    for path in PLAIN.glob("*.yaml"):
        assert "helm.sh/hook" not in path.read_text(encoding="utf-8")


def test_the_namespace_holds_pods_to_restricted() -> None:
    text = (PLAIN / "namespace.yaml").read_text(encoding="utf-8")
    namespace = helming.loading().safe_load(text)
    assert [] == helming.problems(namespace)
    labels = namespace["metadata"]["labels"]
    assert "restricted" == labels["pod-security.kubernetes.io/enforce"]


def _job(path: Path) -> dict[str, Any]:
    job: dict[str, Any] = helming.loading().safe_load(path.read_text(encoding="utf-8"))
    return job


def _charts() -> dict[str, Any]:
    (job,) = [one.document for one in example("everything") if one.document["kind"] == "RayJob"]
    return job


@pytest.mark.parametrize("path", RAY, ids=lambda path: path.name)
def test_kuberay_takes_them(path: Path) -> None:
    assert [] == helming.problems(_job(path))


@pytest.mark.parametrize("path", RAY, ids=lambda path: path.name)
def test_they_agree_with_the_chart(path: Path) -> None:
    alone, charts = _job(path)["spec"], _charts()["spec"]
    for key in ("backoffLimit", "shutdownAfterJobFinishes", "submissionMode"):
        assert charts[key] == alone[key]
    one, other = alone["rayClusterSpec"], charts["rayClusterSpec"]
    assert other["rayVersion"] == one["rayVersion"]
    head, charts_head = one["headGroupSpec"], other["headGroupSpec"]
    assert "0" == head["rayStartParams"]["num-cpus"] == charts_head["rayStartParams"]["num-cpus"]
    assert list(_ports(charts_head)) == list(_ports(head))
    for group in (head, *one["workerGroupSpecs"]):
        _restricted(group["template"]["spec"])
    assert "--executor ray --address auto" in alone["entrypoint"]
    assert "--executor ray --address auto" in charts["entrypoint"]


def _ports(group: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for port in group["template"]["spec"]["containers"][0]["ports"]:
        yield port["name"], port["containerPort"]


def _restricted(spec: dict[str, Any]) -> None:
    assert spec["enableServiceLinks"] is False
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    for container in spec["containers"]:
        security = container["securityContext"]
        assert {"drop": ["ALL"]} == security["capabilities"]
        assert security["readOnlyRootFilesystem"] is True


def test_images_are_of_this_release() -> None:
    release = helming.loading().safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    for path in RAY:
        assert f":{release['appVersion']}" in path.read_text(encoding="utf-8")
