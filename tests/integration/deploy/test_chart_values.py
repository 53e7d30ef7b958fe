"""What is misspelt in values is refused, and what cannot work together is, with a sentence."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from typing import TYPE_CHECKING, Any

import helming
import pytest
from helming import CHART

from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

jsonschema = pytest.importorskip(
    "jsonschema", reason="not on this machine: pip install kubernetes-validate"
)

SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
OFFICE = CHART / "values" / "cpu.yaml"


def _defaults() -> dict[str, Any]:
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    values: dict[str, Any] = helming.loading().safe_load(text)
    return values


@pytest.fixture(scope="module")
def settings_script() -> ModuleType:
    """The script that writes the settings into the schema."""
    path = helming.ROOT / "deploy" / "helm" / "settings.py"
    spec = importlib.util.spec_from_file_location("chart_settings", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_schema_is_one_and_takes_the_defaults() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert [] == list(jsonschema.Draft7Validator(SCHEMA).iter_errors(_defaults()))


def test_the_schema_knows_every_setting(settings_script: ModuleType) -> None:
    kept = SCHEMA["definitions"]
    for name, written in settings_script.settings_schema().items():
        assert written == kept[name], "a setting came or went: python deploy/helm/settings.py"
    known = {*kept["settings"]["properties"], *kept["secrets"]["properties"]}
    known |= {*kept["authorities"]["properties"], *settings_script.OF_THE_CHART}
    assert set(Settings.model_fields) <= known


def _objects(schema: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield at, schema
        for key, value in schema.items():
            yield from _objects(value, f"{at}/{key}")
    elif isinstance(schema, list):
        for key, value in enumerate(schema):
            yield from _objects(value, f"{at}/{key}")


KUBERNETES_CHECKS_THEM = {
    "/definitions/affinity/properties/nodeAffinity",
    "/definitions/affinity/properties/podAffinity",
    "/definitions/affinity/properties/podAntiAffinity",
    "/definitions/env/items/properties/valueFrom",
    "/definitions/peers/items/properties/namespaceSelector",
    "/definitions/peers/items/properties/podSelector",
    "/definitions/spread/items/properties/labelSelector",
    "/properties/global",
}


def test_no_object_takes_what_it_does_not_know() -> None:
    """Some are passed on as they are: their fields are Kubernetes' own."""
    free = {at for at, schema in _objects(SCHEMA) if "additionalProperties" not in schema}
    assert free == KUBERNETES_CHECKS_THEM


def _paths(values: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of the defaults."""
    for key, value in values.items():
        yield (*at, key)
        if isinstance(value, dict):
            yield from _paths(value, (*at, key))


def _taken(change: Callable[[dict[str, Any], str], None]) -> list[str]:
    """Change each value in turn; give the paths of those that the schema takes all the same."""
    defaults, taken = _defaults(), []
    for top in defaults:
        # no more than one part has to be looked at, as that is all that is changed
        part = {top: SCHEMA["properties"][top]}
        validator = jsonschema.Draft7Validator(SCHEMA | {"properties": part})
        for path in _paths({top: defaults[top]}):
            values = json.loads(json.dumps({top: defaults[top]}))
            place = values
            for key in path[:-1]:
                place = place[key]
            change(place, path[-1])
            if validator.is_valid(values):
                taken.append(".".join(path))
    return taken


def _misspell(place: dict[str, Any], key: str) -> None:
    place[f"{key}x"] = place.pop(key)


def _of_another_type(place: dict[str, Any], key: str) -> None:
    place[key] = [[1]]


def test_a_misspelt_value_is_refused() -> None:
    # a label has the name that people give it
    assert ["monitoring.dashboards.labels.grafana_dashboard"] == _taken(_misspell)


def test_a_value_of_another_type_is_refused() -> None:
    assert [] == _taken(_of_another_type)


def test_helm_itself_refuses_what_the_schema_does(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        "server: {replica: 2}\nsettings: {recal_sample: 0.1, auth: [kyes]}\nsecrets: {auth: {}}\n",
        encoding="utf-8",
    )
    with pytest.raises(helming.Refused) as refused:
        helming.render(wrong)
    for told in ("replica is not allowed", "recal_sample is not allowed", "settings.auth.0"):
        assert told in str(refused.value)
    assert "secrets: Additional property auth is not allowed" in str(refused.value)


REFUSED = {
    "nobody is asked who they are": (
        ["settings.auth=null"],
        "settings.auth is empty",
    ),
    "an identity provider without a name": (
        ["settings.auth={oidc}"],
        "expected settings.oidc_issuer",
    ),
    "a directory without an address": (
        ["settings.auth={ldap}"],
        "expected settings.ldap_url and settings.ldap_base_dn",
    ),
    "several servers on a volume of one node": (
        ["server.replicas=2", "redis.queue.enabled=true", "redis.queue.existingSecret=a"],
        "persistence.data.accessMode is ReadWriteOnce",
    ),
    "workers on a volume of one node": (
        ["worker.enabled=true", "redis.queue.enabled=true", "redis.queue.existingSecret=a"],
        "persistence.data.accessMode is ReadWriteOnce",
    ),
    "several servers without a queue": (
        ["server.replicas=2", "persistence.data.accessMode=ReadWriteMany"],
        "the queue in the data folder is for one machine",
    ),
    "more servers by load without a queue": (
        ["server.autoscaling.enabled=true", "persistence.data.accessMode=ReadWriteMany"],
        "the queue in the data folder is for one machine",
    ),
    "Ray on a volume of one node": (
        ["rayJob.enabled=true"],
        "rayJob.enabled: head and workers write to the data volume",
    ),
    "two queues": (
        [
            "redis.queue.enabled=true",
            "secrets.queue_url.name=a",
            "secrets.queue_url.key=url",
        ],
        "expected one of redis.queue.enabled and secrets.queue_url, got both",
    ),
    "a Redis without a password": (
        ["redis.cache.enabled=true"],
        "expected redis.cache.existingSecret",
    ),
    "models that nobody can write, on a new volume": (
        ["persistence.models.enabled=true", "persistence.models.accessMode=ReadOnlyMany"],
        "nobody could fill a new volume",
    ),
    "models that nobody can write, and a job that does": (
        [
            "persistence.models.enabled=true",
            "persistence.models.accessMode=ReadOnlyMany",
            "persistence.models.existingClaim=models",
            "modelLoad.enabled=true",
            "modelLoad.bundles={/bundles/a.bundle}",
        ],
        "need ReadWriteMany",
    ),
    "models on a volume of one node, for pods of several": (
        ["persistence.models.accessMode=ReadWriteOnce", OFFICE],
        "persistence.models.accessMode is ReadWriteOnce",
    ),
    "a job that loads nothing": (
        ["modelLoad.enabled=true"],
        "expected modelLoad.bundles",
    ),
    "a backup restored under whoever works": (
        ["restore.enabled=true", "backup.existingClaim=backups"],
        "nobody may use the data folder meanwhile",
    ),
    "a backup restored from nowhere": (
        ["restore.enabled=true", "server.replicas=0"],
        "expected backup.existingClaim",
    ),
    "a CA of two sources": (
        [
            "authorities.oidc_ca_file.configMap=a",
            "authorities.oidc_ca_file.secret=b",
            "authorities.oidc_ca_file.key=c",
        ],
        "expected one of configMap and secret",
    ),
    "a provider that nobody may ask": (
        ["settings.auth={keys,oidc}", "settings.oidc_issuer=https://login.example.org"],
        "networkPolicy.destinations.oidc is empty",
    ),
    "a mail server that nobody may ask": (
        ["settings.smtp_host=mail.example.org", "settings.smtp_from=a@example.org"],
        "networkPolicy.destinations.smtp is empty",
    ),
    "a queue that nobody may ask": (
        ["secrets.queue_url.name=a", "secrets.queue_url.key=url"],
        "networkPolicy.destinations.queue is empty",
    ),
    "fewer at most than at least": (
        ["server.autoscaling.minReplicas=9", "server.autoscaling.enabled=true", OFFICE],
        "expected minReplicas (9) to be at most maxReplicas (6)",
    ),
    "more workers of none": (
        ["worker.autoscaling.enabled=true"],
        "expected worker.enabled as well",
    ),
    "KEDA without figures": (
        ["worker.autoscaling.enabled=true", "worker.autoscaling.by=keda", OFFICE],
        "expected worker.autoscaling.prometheus",
    ),
    "less time to end than the end takes": (
        ["server.drainSeconds=20"],
        "expected drainSeconds and 45 at least",
    ),
    "an ingress without a name": (
        ["ingress.enabled=true"],
        "expected ingress.host",
    ),
    "gRPC that no server speaks": (
        ["ingress.grpc.enabled=true"],
        "expected server.grpc.enabled as well",
    ),
    "gRPC without TLS": (
        [
            "server.grpc.enabled=true",
            "ingress.enabled=true",
            "ingress.host=a.example.org",
            "ingress.tls.enabled=false",
            "ingress.grpc.enabled=true",
            "ingress.grpc.host=b.example.org",
        ],
        "HTTP/2 over TLS alone",
    ),
    "a gateway before pods that speak TLS": (
        [
            "gateway.enabled=true",
            "gateway.host=a.example.org",
            "gateway.parentRefs[0].name=public",
            "server.tls.existingSecret=tls",
        ],
        "gateway.enabled with server.tls.existingSecret",
    ),
    "a gateway that is not named": (
        ["gateway.enabled=true", "gateway.host=a.example.org"],
        "in gateway.parentRefs the gateway that leads here",
    ),
    "a gateway to gRPC that no server speaks": (
        ["gateway.grpcHost=a.example.org"],
        "gateway.grpcHost: expected server.grpc.enabled as well",
    ),
    "a certificate of nobody": (
        ["certManager.enabled=true"],
        "expected certManager.issuer.name",
    ),
    "figures that are asked for without a key": (
        ["monitoring.serviceMonitor.enabled=true"],
        "Expected monitoring.serviceMonitor.token.name",
    ),
}


@functools.cache
def _said(case: str) -> str:
    with pytest.raises(helming.Refused) as refused:
        helming.render(*REFUSED[case][0])
    return str(refused.value)


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_together_is_refused(case: str) -> None:
    assert REFUSED[case][1] in _said(case)


def test_every_sentence_of_the_checks_is_said_in_some_case() -> None:
    text = (CHART / "templates" / "_checks.tpl").read_text(encoding="utf-8")
    sentences = re.findall(r'fail (?:\(printf )?"(.+?)"', text)
    assert len(sentences) == text.count("{{- fail ")
    said = [_said(case) for case in REFUSED]
    for sentence in sentences:
        parts = re.split(r"%[sd]", sentence)
        assert any(all(part in one for part in parts) for one in said), sentence


def test_what_is_said_openly_is_taken() -> None:
    rendered = helming.render("settings.auth=null", "settings.insecure=true")
    (config,) = [one for one in rendered if one.name == "ConfigMap/satseek-config"]
    assert "insecure = true" in config.document["data"]["server.toml"]
    assert "auth" not in config.document["data"]["server.toml"]
