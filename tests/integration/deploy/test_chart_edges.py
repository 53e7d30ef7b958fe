"""Who reaches whom, worked out from the NetworkPolicies as a cluster would.

A connection needs leave at both ends: of the policies that choose the pod which opens it (egress),
and of those that choose the pod which it is opened to (ingress). A pod that no policy of a
direction chooses has leave for everything in that direction.
https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import helming
import pytest
from helming import CHART, Rendered, example

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

NAMESPACE = "satseek"


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody who may open a connection, or be asked for one."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """Of the pod; none: somebody outside of the cluster."""
    namespace: str = ""
    address: str = ""
    """Where somebody outside is."""


OURS = {"app.kubernetes.io/name": "satseek", "app.kubernetes.io/instance": "satseek"}


def ours(component: str) -> Peer:
    """A pod of the release."""
    return Peer({**OURS, "app.kubernetes.io/component": component}, NAMESPACE)


INGRESS = Peer({"app": "ingress"}, "ingress-nginx")
PROMETHEUS = Peer({"app": "prometheus"}, "monitoring")
DNS = Peer({"k8s-app": "kube-dns"}, "kube-system")
OPERATOR = Peer({"app": "kuberay"}, "kuberay-operator")
STRANGER = Peer({"app": "other"}, "elsewhere")
NEIGHBOUR = Peer({"app": "other"}, NAMESPACE)
INTERNET = Peer(address="203.0.113.7")
PROVIDER, DIRECTORY = Peer(address="10.1.0.5"), Peer(address="10.1.0.6")
MAIL, RECEIVER, SCENES = (
    Peer(address="10.1.0.7"),
    Peer(address="10.1.0.8"),
    Peer(address="10.2.3.4"),
)
COLLECTOR = Peer({"app": "collector"}, "monitoring")


def _chosen(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    for term in selector.get("matchExpressions", ()):
        assert "In" == term["operator"], "the only one that is used"
        if labels.get(term["key"]) not in term["values"]:
            return False
    wanted: Mapping[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def _meant(term: Mapping[str, Any], peer: Peer) -> bool:
    """Whether a peer of a rule is this one."""
    if "ipBlock" in term:
        inside = ipaddress.ip_network(term["ipBlock"]["cidr"])
        return bool(peer.address) and ipaddress.ip_address(peer.address) in inside
    if peer.address:
        return False
    if "namespaceSelector" in term:
        names = {"kubernetes.io/metadata.name": peer.namespace}
        if not _chosen(term["namespaceSelector"], names):
            return False
    elif peer.namespace != NAMESPACE:
        return False
    return _chosen(term.get("podSelector", {}), peer.labels)


def _allowed(
    policies: Sequence[Mapping[str, Any]],
    direction: str,
    pod: Peer,
    other: Peer,
    port: tuple[int, str],
) -> bool:
    """Whether a pod may open a connection (Egress), or take one (Ingress)."""
    side = {"Ingress": "from", "Egress": "to"}[direction]
    mine = [
        spec
        for spec in policies
        if direction in spec["policyTypes"] and _chosen(spec["podSelector"], pod.labels)
    ]
    if pod.namespace != NAMESPACE or not mine:
        return True
    for spec in mine:
        for rule in spec.get(direction.lower(), ()):
            ports = [(one["port"], one.get("protocol", "TCP")) for one in rule.get("ports", ())]
            peers = rule.get(side, ())
            if (not ports or port in ports) and (
                not peers or any(_meant(term, other) for term in peers)
            ):
                return True
    return False


def reaches(rendered: Sequence[Rendered], one: Peer, other: Peer, port: int | str) -> bool:
    """Whether a connection is let through at both ends; a port in text is one of UDP."""
    policies = [it.document["spec"] for it in rendered if it.document["kind"] == "NetworkPolicy"]
    asked = (int(port), "UDP" if isinstance(port, str) else "TCP")
    return _allowed(policies, "Egress", one, other, asked) and _allowed(
        policies, "Ingress", other, one, asked
    )


NEEDED = [
    (INGRESS, ours("server"), 7860),
    (INGRESS, ours("server"), 7861),
    (PROMETHEUS, ours("server"), 7860),
    (PROMETHEUS, ours("worker"), 7862),
    (ours("server"), ours("redis-queue"), 6379),
    (ours("server"), ours("redis-cache"), 6379),
    (ours("worker"), ours("redis-queue"), 6379),
    (ours("worker"), ours("redis-cache"), 6379),
    (ours("toolbox"), ours("redis-queue"), 6379),
    (ours("toolbox"), ours("server"), 7860),
    (ours("test"), ours("server"), 7860),
    (ours("test"), ours("server"), 7861),
    (ours("test"), DNS, "53"),
    (ours("server"), DNS, "53"),
    (ours("server"), DNS, 53),
    (ours("worker"), DNS, "53"),
    (ours("ray"), DNS, "53"),
    (ours("server"), PROVIDER, 443),
    (ours("server"), DIRECTORY, 636),
    (ours("worker"), MAIL, 587),
    (ours("worker"), RECEIVER, 443),
    (ours("worker"), SCENES, 443),
    (ours("server"), COLLECTOR, 4318),
    (ours("ray"), ours("ray"), 6379),
    (ours("ray"), ours("ray"), 10001),
    (OPERATOR, ours("ray"), 8265),
]

CLOSED = [
    (STRANGER, ours("server"), 7860),
    (NEIGHBOUR, ours("server"), 7860),
    (PROMETHEUS, ours("server"), 7861),
    (INGRESS, ours("worker"), 7862),
    (INGRESS, ours("redis-queue"), 6379),
    (STRANGER, ours("redis-queue"), 6379),
    (NEIGHBOUR, ours("redis-queue"), 6379),
    (PROMETHEUS, ours("redis-queue"), 6379),
    (STRANGER, ours("ray"), 8265),
    (OPERATOR, ours("ray"), 6379),
    (OPERATOR, ours("server"), 7860),
    (ours("server"), INTERNET, 443),
    (ours("worker"), INTERNET, 443),
    (ours("server"), ours("redis-queue"), 22),
    (ours("server"), DIRECTORY, 443),
    (ours("server"), ours("worker"), 7862),
    (ours("worker"), ours("server"), 7860),
    (ours("ray"), ours("redis-queue"), 6379),
    (ours("backup"), INTERNET, 443),
    (ours("backup"), DNS, "53"),
    (ours("backup"), ours("server"), 7860),
    (ours("backup"), ours("redis-queue"), 6379),
    (ours("redis-queue"), INTERNET, 443),
    (ours("redis-queue"), DNS, "53"),
    (ours("redis-cache"), ours("redis-queue"), 6379),
    (ours("test"), ours("redis-queue"), 6379),
    (ours("test"), INTERNET, 443),
]


def _told(edges: Sequence[tuple[Peer, Peer, int | str]]) -> Iterator[Any]:
    for one, other, port in edges:
        names = [
            peer.labels.get("app.kubernetes.io/component", peer.namespace) or peer.address
            for peer in (one, other)
        ]
        yield pytest.param(one, other, port, id=f"{names[0]} to {names[1]} {port}")


@pytest.mark.parametrize(("one", "other", "port"), list(_told(NEEDED)))
def test_whoever_must_reach_another_does(one: Peer, other: Peer, port: int | str) -> None:
    assert reaches(example("everything"), one, other, port)


@pytest.mark.parametrize(("one", "other", "port"), list(_told(CLOSED)))
def test_whoever_need_not_does_not(one: Peer, other: Peer, port: int | str) -> None:
    assert not reaches(example("everything"), one, other, port)


@pytest.mark.parametrize("name", ["minimal", "cpu", "gpu", "gpus", "everything", "restore"])
def test_every_pod_is_closed_by_default(name: str) -> None:
    """Taken from what is rendered, so that a new kind of pod cannot be forgotten."""
    for one in example(name):
        for pod in helming.pods(one.document):
            peer = Peer(pod["metadata"]["labels"], NAMESPACE)
            assert not reaches(example(name), peer, INTERNET, 443), one.name
            assert not reaches(example(name), STRANGER, peer, 7860), one.name
            assert not reaches(example(name), NEIGHBOUR, peer, 6379), one.name


def test_ports_that_policies_name_are_ports_that_pods_have() -> None:
    told = {
        port["containerPort"]
        for one in example("everything")
        for pod in helming.pods(one.document)
        for container in pod["spec"]["containers"]
        for port in container.get("ports", ())
    }
    assert {6379, 7860, 7861, 7862, 8265} == told


OPENSHIFT = """
networkPolicy:
  dnsPorts: [5353]
  dns:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: openshift-dns}}
      podSelector: {matchLabels: {dns.operator.openshift.io/daemonset-dns: default}}
    - ipBlock: {cidr: 169.254.20.10/32}
"""


def test_names_are_resolved_where_and_at_which_port_the_cluster_does_it(tmp_path: Path) -> None:
    values = tmp_path / "openshift.yaml"
    values.write_text(OPENSHIFT, encoding="utf-8")
    rendered = helming.render(CHART / "values" / "minimal.yaml", values)
    theirs = Peer({"dns.operator.openshift.io/daemonset-dns": "default"}, "openshift-dns")
    for one in (ours("server"), ours("test")):
        for port in (5353, "5353"):
            assert reaches(rendered, one, theirs, port)
            assert reaches(rendered, one, Peer(address="169.254.20.10"), port)
        for port in (53, "53"):
            assert not reaches(rendered, one, theirs, port)
            assert not reaches(rendered, one, DNS, port)


def test_without_policies_there_are_none() -> None:
    rendered = helming.render(CHART / "values" / "minimal.yaml", "networkPolicy.enabled=false")
    assert [] == [one for one in rendered if one.document["kind"] == "NetworkPolicy"]
    assert reaches(rendered, STRANGER, ours("server"), 7860)
