"""The chart, rendered by Helm with every file of values, is what Kubernetes takes.

It is held against the schemas of three releases of Kubernetes and of the operators, and against
what schemas cannot say: who mounts what, who finds whom, and that every pod is *restricted*.
"""

from __future__ import annotations

import functools
import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import helming
import pytest
from helming import CHART, NEWEST, OLDEST, STATED, Rendered, example

from satseek.cli.application import root_command
from satseek.jobs.working import STOP_SECONDS
from satseek.service.serving import GRACE_SECONDS
from satseek.settings import SECRETS, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VALUES = sorted(path.stem for path in CHART.glob("values/*.yaml"))

every_example = pytest.mark.parametrize("name", VALUES)


def _pods(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in example(name):
        for pod in helming.pods(one.document):
            yield one.name, pod


def _containers(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for owner, pod in _pods(name):
        for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
            yield f"{owner}: {container['name']}", container


def _kind(name: str, *kinds: str) -> list[dict[str, Any]]:
    return [one.document for one in example(name) if one.document["kind"] in kinds]


def test_there_are_values_for_every_kind_of_machine() -> None:
    assert {"minimal", "cpu", "gpu", "gpus", "everything", "restore"} == set(VALUES)


@every_example
@pytest.mark.parametrize("version", [OLDEST, STATED, NEWEST])
def test_kubernetes_takes_every_document(name: str, version: str) -> None:
    found = {one.name: helming.problems(one.document, version=version) for one in example(name)}
    assert {} == {who: what for who, what in found.items() if what}


def test_everything_is_rendered_once_at_least() -> None:
    """Otherwise a template could be wrong and nobody would see it."""
    there = {str(path.relative_to(CHART / "templates")) for path in _templates()}
    seen = {one.template for name in VALUES for one in example(name)}
    # a list of dashboards is as long as there are files
    assert there - seen <= {"dashboards.yaml"} - (
        {"dashboards.yaml"} if any(CHART.glob("files/dashboards/*.json")) else set()
    )


def _templates() -> Iterator[Any]:
    return (path for path in CHART.glob("templates/**/*.yaml") if path.is_file())


def test_no_name_is_taken_twice() -> None:
    for name in VALUES:
        names = [one.name for one in example(name)]
        assert len(set(names)) == len(names)


def test_a_release_of_any_name_has_names_of_its_own() -> None:
    words = ["--kube-version", f"{STATED}.0", "--values", CHART / "values" / "everything.yaml"]
    text = helming.helm("template", "north-" * 8 + "end", CHART, "--namespace", "eye", *words)
    for one in helming.documents(text):
        name = one.document["metadata"]["name"]
        assert name.startswith("north-north-")
        # what controllers add to the names of CronJobs and RayJobs has to fit as well
        assert len(name) <= {"CronJob": 52, "RayJob": 47}.get(one.document["kind"], 63), name
        assert [] == helming.problems(one.document)
        for pod in helming.pods(one.document):
            instance = pod["metadata"]["labels"]["app.kubernetes.io/instance"]
            assert "north-" * 8 + "end" == instance


def test_helm_finds_nothing_to_say() -> None:
    said = helming.helm("lint", "--strict", CHART, "--values", CHART / "values" / "everything.yaml")
    assert "0 chart(s) failed" in said
    assert "WARNING" not in said


def test_an_older_kubernetes_is_refused() -> None:
    with pytest.raises(helming.Refused, match=r"requires kubeVersion: >=1\.27\.0"):
        helming.render(version="1.26")


def test_the_chart_is_of_this_release() -> None:
    chart = helming.loading().safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    written = (helming.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    release = re.search(r'^version = "(.+)"$', written, re.MULTILINE)
    assert release
    assert release[1] == chart["appVersion"] == chart["version"]


# What a pod must be where PodSecurity is enforced as *restricted*, and a little more.
# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
ALLOWED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


@every_example
def test_every_pod_is_restricted(name: str) -> None:
    for owner, pod in _pods(name):
        spec = pod["spec"]
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True, owner
        assert security["runAsUser"] > 0, owner
        assert {"type": "RuntimeDefault"} == security["seccompProfile"], owner
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), owner
        for volume in spec.get("volumes", ()):
            assert volume.keys() - {"name"} <= ALLOWED_VOLUMES, owner


@every_example
def test_every_container_is_restricted(name: str) -> None:
    for owner, container in _containers(name):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False, owner
        assert security["readOnlyRootFilesystem"] is True, owner
        assert security["runAsNonRoot"] is True, owner
        assert {"drop": ["ALL"]} == security["capabilities"], owner
        assert "privileged" not in security, owner
        assert not [port for port in container.get("ports", ()) if "hostPort" in port], owner


@every_example
def test_every_container_says_what_it_needs(name: str) -> None:
    for owner, container in _containers(name):
        resources = container["resources"]
        assert {"cpu", "memory"} <= resources["requests"].keys(), owner
        assert "memory" in resources["limits"], owner


@every_example
def test_no_pod_may_ask_the_api_server_nor_is_told_of_services(name: str) -> None:
    """A Service called satseek would come as the variable SATSEEK_PORT, a setting of ours."""
    for owner, pod in _pods(name):
        assert pod["spec"]["automountServiceAccountToken"] is False, owner
        assert pod["spec"]["enableServiceLinks"] is False, owner
    for account in _kind(name, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


@every_example
def test_whoever_goes_on_is_probed(name: str) -> None:
    for document in _kind(name, "Deployment", "StatefulSet"):
        probes = {"readinessProbe"}
        if not document["metadata"]["name"].endswith("toolbox"):
            probes |= {"startupProbe", "livenessProbe"}
        for container in document["spec"]["template"]["spec"]["containers"]:
            assert probes <= container.keys(), document["metadata"]["name"]


def test_servers_may_take_long_to_begin_and_to_end() -> None:
    (server,) = list(_kind("minimal", "Deployment"))
    pod = server["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    startup = container["startupProbe"]
    assert "/readyz" == startup["httpGet"]["path"]
    assert 600 == startup["periodSeconds"] * startup["failureThreshold"]
    drain = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > drain + GRACE_SECONDS + STOP_SECONDS


@every_example
def test_every_mount_has_its_volume_and_every_volume_its_mount(name: str) -> None:
    for owner, pod in _pods(name):
        spec = pod["spec"]
        volumes = {volume["name"] for volume in spec.get("volumes", ())}
        containers = (*spec.get("initContainers", ()), *spec["containers"])
        mounts = {mount["name"] for one in containers for mount in one.get("volumeMounts", ())}
        assert volumes | _claimed(name, owner) == mounts, owner


def _claimed(name: str, owner: str) -> set[str]:
    """Volumes that a StatefulSet makes for its pods."""
    (document,) = [one.document for one in example(name) if one.name == owner]
    claims = document["spec"].get("volumeClaimTemplates", ())
    return {claim["metadata"]["name"] for claim in claims}


@every_example
def test_every_claim_and_configmap_of_the_release_is_there(name: str) -> None:
    kept = {one.name for one in example(name)}
    for owner, pod in _pods(name):
        for volume in pod["spec"].get("volumes", ()):
            claim = volume.get("persistentVolumeClaim", {}).get("claimName", "")
            if claim.startswith("satseek-"):
                assert f"PersistentVolumeClaim/{claim}" in kept, owner
            config = volume.get("configMap", {}).get("name", "")
            if config.startswith("satseek-"):
                assert f"ConfigMap/{config}" in kept, owner
        account = pod["spec"]["serviceAccountName"]
        assert f"ServiceAccount/{account}" in kept, owner


def _matching(name: str, selector: dict[str, str]) -> list[dict[str, Any]]:
    """Pods that a selector finds."""
    return [
        pod
        for _, pod in _pods(name)
        if selector.items() <= pod["metadata"].get("labels", {}).items()
    ]


@every_example
def test_every_service_finds_pods_with_its_ports(name: str) -> None:
    for service in _kind(name, "Service"):
        found = _matching(name, service["spec"]["selector"])
        assert found, service["metadata"]["name"]
        for pod in found:
            ports = {
                port["name"] for one in pod["spec"]["containers"] for port in one.get("ports", ())
            }
            assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def _ports(name: str, what: str) -> dict[str, set[Any]]:
    """Ports of each Service: their ``name``, or ``port``."""
    return {
        service["metadata"]["name"]: {port[what] for port in service["spec"]["ports"]}
        for service in _kind(name, "Service")
    }


@every_example
def test_whoever_leads_to_a_service_leads_to_one_of_its_ports(name: str) -> None:
    for ingress in _kind(name, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                assert backend["port"]["name"] in _ports(name, "name")[backend["name"]]
    for route in _kind(name, "HTTPRoute", "GRPCRoute"):
        for rule in route["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                assert backend["port"] in _ports(name, "port")[backend["name"]]


@every_example
def test_whatever_names_another_names_one_that_is_there(name: str) -> None:
    kept = {one.name for one in example(name)}
    for scaler in _kind(name, "HorizontalPodAutoscaler", "ScaledObject"):
        assert f"Deployment/{scaler['spec']['scaleTargetRef']['name']}" in kept
    for monitor in _kind(name, "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        (service,) = [
            one for one in _kind(name, "Service") if wanted <= one["metadata"]["labels"].items()
        ]
        there = _ports(name, "name")[service["metadata"]["name"]]
        assert {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} <= there
    for budget in _kind(name, "PodDisruptionBudget"):
        assert _matching(name, budget["spec"]["selector"]["matchLabels"])
    for issued in _kind(name, "Certificate"):
        secrets = {
            tls["secretName"] for one in _kind(name, "Ingress") for tls in one["spec"]["tls"]
        }
        assert {issued["spec"]["secretName"]} == secrets


@every_example
def test_every_variable_is_a_setting(name: str) -> None:
    known = {f"SATSEEK_{setting.upper()}" for setting in Settings.model_fields}
    known |= {f"SATSEEK_{setting.upper()}_FILE" for setting in SECRETS} | {"SATSEEK_CONFIG"}
    for owner, container in _containers(name):
        told = {one["name"] for one in container.get("env", ())}
        assert {one for one in told if one.startswith("SATSEEK_")} <= known, owner


def _lines(name: str) -> Iterator[list[str]]:
    """Every command line of satseek."""
    for _, container in _containers(name):
        if "args" in container and "command" not in container:
            yield ["satseek", *container["args"]]
    for job in _kind(name, "RayJob"):
        yield shlex.split(job["spec"]["entrypoint"])


def test_the_image_runs_what_it_is_given_as_words_of_satseek() -> None:
    text = (helming.ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert 'ENTRYPOINT ["tini", "--", "satseek"]' in text


@every_example
def test_what_is_run_is_a_command_with_its_options(name: str) -> None:
    lines = list(_lines(name))
    assert ["satseek", "serve"] in lines
    for line in lines:
        _understood(line[1:])


def _understood(words: list[str]) -> None:
    """Have the program itself take a command line apart: it raises what it does not know."""
    command = _program()
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    command.make_context("satseek", list(words))


@functools.cache
def _program() -> Any:
    root = root_command()
    root.list_commands(None)  # makes all of them
    return root


def test_notes_tell_of_commands_that_there_are() -> None:
    notes = (CHART / "templates" / "NOTES.txt").read_text(encoding="utf-8")
    lines = re.findall(r"-- satseek ([^)\n]+)", notes)
    assert 3 == len(lines)
    for line in lines:
        _understood(shlex.split(line))


def _one(name: str, kind: str, ending: str) -> dict[str, Any]:
    (found,) = [
        one.document for one in example(name) if re.fullmatch(f"{kind}/satseek{ending}", one.name)
    ]
    return found


def _server(name: str) -> dict[str, Any]:
    pod: dict[str, Any] = _one(name, "Deployment", "-server")["spec"]["template"]
    return pod


def _variables(container: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in container["env"]}


def test_gpus_are_limits_with_the_image_for_them() -> None:
    (one,) = _server("gpu")["spec"]["containers"]
    assert 1 == one["resources"]["limits"]["nvidia.com/gpu"]
    assert one["image"].endswith("-cuda")
    assert "cuda" == _variables(one)["SATSEEK_DEVICE"]
    (slice_,) = _server("gpus")["spec"]["containers"]
    assert 1 == slice_["resources"]["limits"]["nvidia.com/mig-1g.10gb"]
    worker = _one("gpus", "Deployment", "-worker")["spec"]["template"]["spec"]
    assert 1 == worker["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]
    assert {"nvidia"} == {worker["runtimeClassName"], _server("gpu")["spec"]["runtimeClassName"]}
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in worker[
        "tolerations"
    ]


def test_pods_without_gpus_know_nothing_of_them() -> None:
    (one,) = _server("cpu")["spec"]["containers"]
    assert "registry.internal:5000/satseek:0.2.0" == one["image"]
    assert "SATSEEK_DEVICE" not in _variables(one)
    assert "runtimeClassName" not in _server("cpu")["spec"]


def test_a_volume_of_one_node_has_everybody_on_that_node() -> None:
    rendered = helming.render("backup.enabled=true", "toolbox.enabled=true")
    wanted = 0
    for one in rendered:
        for pod in helming.pods(one.document):
            component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
            if component in {"backup", "toolbox"}:
                affinity = pod["spec"]["affinity"]["podAffinity"]
                (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
                assert (
                    "server" == term["labelSelector"]["matchLabels"]["app.kubernetes.io/component"]
                )
                wanted += 1
        if one.name == "Deployment/satseek-server":
            assert {"type": "Recreate"} == one.document["spec"]["strategy"]
    assert 2 == wanted


def test_a_backup_is_restored_where_nothing_is_in_its_way() -> None:
    """The command wants an empty folder: a volume within it would be something."""
    (job,) = [one.document for one in example("restore") if "Job/satseek-restore" in one.name]
    spec = job["spec"]["template"]["spec"]
    (restoring,), (moving,) = spec["initContainers"], spec["containers"]
    assert ["restore", "/backup"] == restoring["args"]
    places = [mount["mountPath"] for mount in restoring["volumeMounts"]]
    assert [] == [place for place in places if place.startswith("/data/")]
    assert {"/data", "/models"} == {mount["mountPath"] for mount in moving["volumeMounts"]}
    assert 0 == _one("restore", "Deployment", "-server")["spec"]["replicas"]
    assert _one("restore", "CronJob", "-backup")["spec"]["suspend"] is True


def test_models_that_were_restored_go_to_their_volume(tmp_path: Path) -> None:
    (job,) = [one.document for one in example("restore") if "Job/satseek-restore" in one.name]
    (moving,) = job["spec"]["template"]["spec"]["containers"]
    (script,) = moving["args"]
    (tmp_path / "data" / "models" / "m").mkdir(parents=True)
    (tmp_path / "data" / "models" / ".activations.json").write_text("[]", encoding="utf-8")
    (tmp_path / "data" / "models" / "m" / "card.json").write_text("{}", encoding="utf-8")
    (tmp_path / "models").mkdir()
    script = re.sub(r"(?<![/\w])/(data|models)", rf"{tmp_path}/\1", script)
    for _ in range(2):  # begun again, it harms nothing
        subprocess.run([*moving["command"], script], check=True, timeout=20)
    assert [] == list((tmp_path / "data" / "models").iterdir())
    assert {".activations.json", "m"} == {one.name for one in (tmp_path / "models").iterdir()}
    assert (tmp_path / "models" / "m" / "card.json").is_file()


def test_models_are_read_only_but_where_they_are_made() -> None:
    writing = set()
    for owner, container in _containers("everything"):
        for mount in container.get("volumeMounts", ()):
            if mount["name"] == "models" and not mount["readOnly"]:
                writing.add(re.sub(r"-[0-9a-f]{8}:.*|:.*", "", owner))
    assert {"Deployment/satseek-toolbox", "Job/satseek-models"} == writing


@every_example
def test_the_folder_that_models_are_mounted_at_is_made_by_whom_the_volume_knows(name: str) -> None:
    """Who mounts is root of the node, which may write nothing on NFS with root_squash."""
    made = 0
    for owner, pod in _pods(name):
        spec = pod["spec"]
        containers = (*spec.get("initContainers", ()), *spec["containers"])
        within = [one for one in containers if "/data/models" in _mounted(one).values()]
        if within:
            first = containers[0]
            assert ["mkdir", "-p", "/data/models"] == first["command"], owner
            assert {"data": "/data"} == _mounted(first), owner
            assert first["image"] == within[-1]["image"], owner
            made += 1
        else:
            assert "models-folder" not in {one["name"] for one in containers}, owner
    assert made == {"everything": 7, "cpu": 4, "gpus": 4, "restore": 2}.get(name, 0)


def _mounted(container: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["mountPath"] for one in container.get("volumeMounts", ())}


def test_secrets_are_files_and_never_variables() -> None:
    for name in VALUES:
        for owner, container in _containers(name):
            assert not [one for one in container.get("env", ()) if "secretKeyRef" in str(one)], (
                owner
            )
            assert "envFrom" not in container, owner
    variables = _variables(_server("everything")["spec"]["containers"][0])
    for setting in ("ldap_bind_password", "queue_url", "redis_url", "webhook_secrets"):
        path = variables[f"SATSEEK_{setting.upper()}_FILE"]
        assert f"/run/secrets/satseek/{setting}" == path
    assert "Secret" not in {one.document["kind"] for name in VALUES for one in example(name)}


def test_the_page_stays_with_its_server_and_large_bodies_pass() -> None:
    told = _one("cpu", "Ingress", "")["metadata"]["annotations"]
    prefix = "nginx.ingress.kubernetes.io/"
    assert "50m" == told[f"{prefix}proxy-body-size"]
    assert "cookie" == told[f"{prefix}affinity"]
    assert "3600" == told[f"{prefix}proxy-read-timeout"]
    grpc = _one("gpus", "Ingress", "-grpc")["metadata"]["annotations"]
    assert "GRPC" == grpc[f"{prefix}backend-protocol"]
    assert f"{prefix}affinity" not in grpc
    assert "0" == grpc[f"{prefix}proxy-body-size"]  # of a stream that would be all messages


def test_the_server_knows_where_people_reach_it() -> None:
    variables = _variables(_server("cpu")["spec"]["containers"][0])
    assert "https://satseek.example.org" == variables["SATSEEK_PUBLIC_URL"]


def test_whose_word_is_taken_for_who_asks_is_told_to_servers_alone() -> None:
    trusted = {
        owner: one["value"]
        for owner, container in _containers("everything")
        for one in container.get("env", ())
        if "FORWARDED_ALLOW_IPS" == one["name"]
    }
    assert {"Deployment/satseek-server: satseek": "10.244.0.0/16,fd00:10:244::/56"} == trusted
    assert "FORWARDED_ALLOW_IPS" not in _variables(_server("cpu")["spec"]["containers"][0])


def test_who_forgets_the_proxies_is_told(tmp_path: Path) -> None:
    chart = shutil.copytree(CHART, tmp_path / "satseek")
    notes = (chart / "templates" / "NOTES.txt").read_text(encoding="utf-8")
    (chart / "files" / "notes").write_text(notes, encoding="utf-8")
    (chart / "templates" / "told.yaml").write_text(
        "kind: Told\nmetadata: {name: told}\ntold: {{ tpl (.Files.Get "
        '"files/notes") . | quote }}\n',
        encoding="utf-8",
    )

    def told(*values: str) -> str:
        rendered = helming.render(CHART / "values" / "cpu.yaml", *values, chart=chart)
        (one,) = [one for one in rendered if "Told" == one.document["kind"]]
        return str(one.document["told"])

    assert "ATTENTION: server.trustedProxies is empty." in told()
    assert "trustedProxies" not in told("server.trustedProxies={10.244.0.0/16}")


def test_workers_of_ray_take_the_one_core_that_there_is_for_each() -> None:
    """Whatever other processes take: settings of theirs are in the same file."""
    for owner, container in _containers("everything"):
        if container["name"] in {"ray-head", "ray-worker"}:
            threads = [it for it in container["env"] if "SATSEEK_THREADS" == it["name"]]
            assert [{"name": "SATSEEK_THREADS", "value": "1"}] == threads, owner


def test_a_release_that_is_gone_is_missed_though_another_is_there() -> None:
    rules = str(_one("everything", "PrometheusRule", ""))
    assert 'absent(up{job="satseek", namespace="satseek"})' in rules
    assert 'absent(up{job="satseek"})' not in rules


def test_the_runbook_is_where_the_house_has_it() -> None:
    rules = str(_one("everything", "PrometheusRule", ""))
    assert "https://wiki.example.org/satseek/runbook#" in rules
    assert "docs/guides/runbook.md" not in rules


@pytest.fixture(scope="module")
def base() -> list[Rendered]:
    return helming.render(CHART / "values" / "cpu.yaml")


def _sums(rendered: list[Rendered]) -> dict[str, str]:
    return {
        one.name: one.document["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        for one in rendered
        if one.document["kind"] in {"Deployment", "StatefulSet"}
    }


@pytest.mark.parametrize(
    ("value", "rolled"),
    [
        ("settings.recall_sample=1", {"server", "worker", "toolbox"}),
        ("server.settings.log_level=debug", {"server"}),
        ("worker.settings.threads=2", {"worker", "toolbox"}),
        ("redis.queue.maxMemory=256mb", {"redis-queue"}),
        ("server.replicas=3", set()),
    ],
)
def test_a_change_of_configuration_rolls_whom_it_concerns(
    base: list[Rendered], value: str, rolled: set[str]
) -> None:
    before = _sums(base)
    after = _sums(helming.render(CHART / "values" / "cpu.yaml", value))
    changed = {name.partition("satseek-")[2] for name in after if after[name] != before[name]}
    assert rolled == changed
