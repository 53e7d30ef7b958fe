"""deploy/compose as it is written: sound for the programs that read it, hardened, of one mind."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import stacking
import yaml
from promfiles import rule_tests
from stacking import COMPOSE, SEARCHED, needs_programs, read_compose

from satseek.service.serving import GRACE_SECONDS, LINGER_SECONDS
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stacking import Stack

SERVERS = ("satseek-1", "satseek-2")

EXCEPTIONS = {
    "milvus": {"read_only", "user"},  # its image writes beside its configuration, as root
}
"""What a service may lack of what all have."""

ONCE = ("begin", "backup")
"""Services that end by themselves."""

MADE = ("./secrets", "./scenes", "./backups")
"""What prepare.sh makes."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return read_compose()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stacking.running_stack(tmp_path_factory.mktemp("compose")) as stack:
        yield stack


def text_of(name: str) -> str:
    return (COMPOSE / name).read_text(encoding="utf-8")


def seconds(span: str) -> float:
    """Read a duration as Compose and nginx write it."""
    number, unit = re.fullmatch(r"(\d+)(s|m|h)", span).groups()
    return int(number) * {"s": 1, "m": 60, "h": 3600}[unit]


# -- compose.yaml --------------------------------------------------------------------------------


def read_by_compose(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Have Compose itself read a file; version 1 without the two fields that it has no word for."""
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not on this machine: apt-get install docker-compose")
    version = subprocess.run(
        [program, "version", "--short"], check=False, capture_output=True, text=True
    )
    if version.stdout.startswith("1."):
        text = text.replace("name: satseek\n", "", 1).replace(
            ", bind: {create_host_path: false}", ""
        )
    file = folder / "compose.yaml"
    file.write_text(text, encoding="utf-8")
    command = [program, "--project-directory", str(COMPOSE), "--file", str(file)]
    command += ["--env-file", str(COMPOSE / ".env.example"), "config"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_compose_reads_it(tmp_path: Path, compose: dict[str, Any]) -> None:
    done = read_by_compose(text_of("compose.yaml"), tmp_path)

    assert 0 == done.returncode, done.stderr
    assert "WARN" not in done.stderr
    read = yaml.safe_load(done.stdout)["services"]
    without = {name for name, told in compose["services"].items() if "profiles" in told}
    assert set(compose["services"]) - set(read) <= without
    for name in SERVERS:
        assert compose["services"][name]["command"] == read[name]["command"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("read_only: true\n  cap_drop", "readonly: true\n  cap_drop"),
    ],
)
def test_a_mistake_in_it_is_seen(tmp_path: Path, right: str, wrong: str) -> None:
    text = text_of("compose.yaml")
    assert right in text

    assert 0 != read_by_compose(text.replace(right, wrong, 1), tmp_path).returncode


def test_whatever_is_mounted_is_there(compose: dict[str, Any]) -> None:
    for name, told in compose["services"].items():
        for mount in told.get("volumes", []):
            if mount["type"] == "volume":
                assert mount["source"] in compose["volumes"], name
            else:
                assert mount["bind"] == {"create_host_path": False}, name
                made = mount["source"].startswith(MADE)
                assert made or (COMPOSE / mount["source"]).exists(), mount
        assert set(told.get("secrets", [])) <= set(compose["secrets"]), name
        assert set(told.get("depends_on", {})) <= set(compose["services"]), name
        assert set(told.get("networks", [])) <= set(compose["networks"]), name
    used = {name for told in compose["services"].values() for name in told.get("secrets", [])}
    assert used == set(compose["secrets"])


def test_every_service_is_hardened(compose: dict[str, Any]) -> None:
    for name, told in compose["services"].items():
        allowed = EXCEPTIONS.get(name, set())
        assert told["cap_drop"] == ["ALL"], name
        assert told["security_opt"] == ["no-new-privileges:true"], name
        assert told["read_only"] or "read_only" in allowed, name
        assert re.fullmatch(r"[1-9]\d*:\d+", told.get("user", "")) or "user" in allowed, name
        assert not {"privileged", "cap_add", "pid", "ipc", "devices"} & set(told), name
        assert told["mem_limit"], name
        assert told["pids_limit"], name
        assert told["logging"]["options"]["max-size"], name
        assert ("healthcheck" in told) == (name not in ONCE), name
        assert told["restart"] == ("no" if name in ONCE else "unless-stopped"), name
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+[\w.-]*", told["image"]), told["image"]


def test_no_secret_stands_in_an_environment(compose: dict[str, Any]) -> None:
    for name, told in compose["services"].items():
        for variable, value in told.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|_URL|KEY", variable):
                assert str(value).startswith("/run/secrets/"), (name, variable)


def test_only_nginx_is_reached_from_outside(compose: dict[str, Any]) -> None:
    assert ["house"] == [
        name for name, told in compose["networks"].items() if not told.get("internal")
    ]
    published = {name: it["ports"] for name, it in compose["services"].items() if "ports" in it}
    assert {"nginx", "grafana"} == set(published)
    assert all(port.startswith("127.0.0.1:") for port in published["grafana"])
    for name in ("queue", "cache", "prometheus", "milvus"):
        assert "house" not in compose["services"][name]["networks"], name
    for name in ONCE:
        assert "none" == compose["services"][name]["network_mode"]


def test_who_asks_whom_is_on_one_network(compose: dict[str, Any]) -> None:
    networks = {name: set(it.get("networks", [])) for name, it in compose["services"].items()}
    asked = [
        *(("nginx", server) for server in SERVERS),
        *((one, store) for one in (*SERVERS, "worker") for store in ("queue", "cache", "milvus")),
        *(("prometheus", one) for one in (*SERVERS, "worker", "alertmanager")),
        ("grafana", "prometheus"),
    ]
    for one, other in asked:
        assert networks[one] & networks[other], (one, other)
    for one in ("nginx", "grafana", "prometheus", "alertmanager"):
        assert not networks[one] & networks["queue"], one


def test_the_example_of_variables_has_each_with_its_default() -> None:
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text_of("compose.yaml")))
    told = dict(re.findall(r"^(\w+)=(.*)$", text_of(".env.example"), re.MULTILINE))

    assert used == told


# -- several files, one mind ---------------------------------------------------------------------


LEFT_OUT, SPARE = "max_fails=2 fail_timeout=5s;", "max_fails=0"
KINDS = {
    "satseek": [LEFT_OUT],
    "satseek_page": [LEFT_OUT],
    "satseek_any": [f"{SPARE};"],
    "satseek_grpc": [LEFT_OUT, f"{SPARE} backup;"],
}
"""How the servers stand in the blocks of nginx: none of them may be left with nobody to ask."""


def test_nginx_prometheus_and_compose_name_the_same_servers(compose: dict[str, Any]) -> None:
    services = compose["services"]
    servers = {name for name, told in services.items() if told.get("command", [""])[0] == "serve"}
    http, rpc = (services["satseek-1"]["environment"][f"SATSEEK_{it}PORT"] for it in ("", "GRPC_"))
    blocks = re.findall(r"upstream (\w+) \{(.*?)\}", text_of("nginx/upstreams.conf"), re.DOTALL)
    for name, block in blocks:
        port = rpc if name == "satseek_grpc" else http
        named = [re.findall(rf"server ([\w-]+):{port} {kind}", block) for kind in KINDS[name]]
        assert [sorted(servers)] * len(named) == list(map(sorted, named)), name
    assert set(KINDS) == {it for it, _ in blocks}

    scraped = yaml.safe_load(text_of("prometheus/prometheus.yml"))["scrape_configs"]
    jobs = {it["job_name"]: it for it in scraped}
    (told,) = jobs["satseek"]["static_configs"]
    assert {f"{name}:{http}" for name in servers} == set(told["targets"])
    shown = int(services["worker"]["environment"]["SATSEEK_METRICS_PORT"])
    # a name that is asked anew: as a target it would be now one, now another of several workers
    asked = [{"names": ["worker"], "type": "A", "port": shown}]
    assert asked == jobs["satseek-worker"]["dns_sd_configs"]
    hosts = dict(one.split(":") for one in services["nginx"]["extra_hosts"])
    addresses = {it: services[it]["networks"]["front"]["ipv4_address"] for it in servers}
    assert addresses == hosts
    trusted = {services[it]["environment"]["FORWARDED_ALLOW_IPS"] for it in servers}
    assert {services["nginx"]["networks"]["front"]["ipv4_address"]} == trusted


def test_limits_and_times_agree_with_the_servers(compose: dict[str, Any]) -> None:
    usual = {name: told.default for name, told in Settings.model_fields.items()}
    passing, services = text_of("nginx/passing.conf"), compose["services"]
    limit = re.search(r"client_max_body_size (\d+);", text_of("nginx/nginx.conf"))

    assert usual["max_upload_bytes"] == int(limit[1])
    read = re.search(r"proxy_read_timeout (\w+);", passing)
    assert seconds(read[1]) > usual["request_seconds"]
    for name in (*SERVERS, "nginx"):
        assert seconds(services[name]["stop_grace_period"]) > GRACE_SECONDS + LINGER_SECONDS
    worker = services["worker"]
    grace = worker["command"][worker["command"].index("--grace") + 1]
    assert seconds(worker["stop_grace_period"]) > float(grace) + 10


def test_grafana_is_given_where_figures_and_dashboards_are(compose: dict[str, Any]) -> None:
    mounts = {it["target"]: it["source"] for it in compose["services"]["grafana"]["volumes"]}
    folder = "grafana/provisioning"
    (source,) = yaml.safe_load(text_of(f"{folder}/datasources/satseek.yaml"))["datasources"]
    (provider,) = yaml.safe_load(text_of(f"{folder}/dashboards/satseek.yaml"))["providers"]

    assert "http://prometheus:9090" == source["url"]
    dashboards = sorted((COMPOSE / mounts[provider["options"]["path"]]).glob("*.json"))
    assert {"overview", "engine", "index", "jobs", "monitor"} <= {it.stem for it in dashboards}


# -- what is made before the start ---------------------------------------------------------------


def prepared(folder: Path) -> Path:
    shutil.copy(COMPOSE / "prepare.sh", folder)
    return folder / "prepare.sh"


def test_secrets_are_made_once_and_kept(tmp_path: Path, compose: dict[str, Any]) -> None:
    script = prepared(tmp_path)
    first = subprocess.run(
        [script, "eye.example.org", "10.0.0.5"], check=False, capture_output=True, text=True
    )
    assert 0 == first.returncode, first.stderr

    files = {tmp_path / told["file"] for told in compose["secrets"].values()}
    contents = {file: file.read_bytes() for file in files}
    assert all(contents.values())
    assert 0o700 == (tmp_path / "secrets").stat().st_mode & 0o777
    password = (tmp_path / "secrets" / "redis_password").read_text(encoding="utf-8")
    assert re.fullmatch("[0-9a-f]{64}", password)
    assert password not in first.stdout
    for host in ("queue", "cache"):
        url = (tmp_path / "secrets" / f"{host}_url").read_text(encoding="utf-8")
        assert f"redis://:{password}@{host}:6379/0" == url
    assert not [file for file in (tmp_path / "secrets").iterdir() if ".new." in file.name]

    again = subprocess.run([script], check=False, capture_output=True, text=True)
    assert (0, "") == (again.returncode, again.stdout)
    assert contents == {file: file.read_bytes() for file in files}


def test_the_certificate_is_for_the_names_that_were_given(tmp_path: Path) -> None:
    names = ["eye.example.org", "10.0.0.5", "fd00::5"]
    subprocess.run([prepared(tmp_path), *names], check=True, capture_output=True)

    shown = subprocess.run(
        ["openssl", "x509", "-in", tmp_path / "secrets/tls.crt", "-noout", "-text"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "DNS:eye.example.org, IP Address:10.0.0.5, IP Address:FD00:0:0:0:0:0:0:5" in shown
    assert "prime256v1" in shown


def test_half_a_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "tls.crt").write_text("of the house's own", encoding="utf-8")

    done = subprocess.run([prepared(tmp_path)], check=False, capture_output=True, text=True)

    assert 1 == done.returncode
    assert "expected secrets/tls.crt and secrets/tls.key, or neither" in done.stderr
    assert "of the house's own" == (tmp_path / "secrets/tls.crt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("port", "leads"), [("443", 'set $https_port "";\n'), ("8443", 'set $https_port ":8443";\n')]
)
def test_nginx_is_told_where_https_is_reached(tmp_path: Path, port: str, leads: str) -> None:
    script = text_of("nginx/start.sh").replace("/tmp/", f"{tmp_path}/")  # noqa: S108
    (tmp_path / "nginx").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    (tmp_path / "nginx").chmod(0o755)
    environment = {"HTTPS_PORT": port, "PATH": f"{tmp_path}:/usr/bin:/bin"}

    done = subprocess.run(
        ["/bin/sh", "-c", script], env=environment, check=True, capture_output=True, text=True
    )

    assert leads == (tmp_path / "port.conf").read_text(encoding="utf-8")
    assert ["-c", "/etc/satseek/nginx.conf", "-g", "daemon off; "] == done.stdout.splitlines()


# -- what the programs themselves say ------------------------------------------------------------


@needs_programs
@pytest.mark.parametrize(
    ("service", "command"),
    [
        ("nginx", ("nginx", "-t", "-q", "-c", "{}/nginx/nginx.conf")),
        ("prometheus", ("promtool", "check", "config", "{}/prometheus.yml")),
        ("alertmanager", ("amtool", "check-config", "{}/alertmanager.yml")),
    ],
)
def test_its_own_program_finds_no_mistake(
    stack: Stack, service: str, command: tuple[str, ...]
) -> None:
    (stack.volume("nginx-tmp") / "port.conf").write_text('set $https_port "";', encoding="utf-8")
    (stack.home / "compose/secrets/scrape/satseek.key").write_text("a key", encoding="utf-8")
    stack.mount(service)
    folder = stack.home / "mounts" / service
    program = shutil.which(command[0], path=SEARCHED)
    words = [word.format(folder) for word in command[1:]]

    done = subprocess.run([program, *words], check=False, capture_output=True, text=True)

    assert 0 == done.returncode, done.stdout + done.stderr
    file = folder / words[-1].removeprefix(f"{folder}/")
    file.write_text(file.read_text(encoding="utf-8").replace("server", "servant"), encoding="utf-8")
    if service == "nginx":
        assert 0 != subprocess.run([program, *words], check=False, capture_output=True).returncode


def uncommented(text: str, begin: str) -> str:
    """Take in the lines that are offered in comments, from one of them on."""
    before, offered, after = text.partition(begin)
    assert offered, begin
    lines = (offered + after).splitlines()
    kept = next(
        (at for at, line in enumerate(lines) if not line.lstrip().startswith("# ")), len(lines)
    )
    taken = [line.replace("# ", "", 1) for line in lines[:kept]]
    return "\n".join([before.rstrip(" \n"), *taken, *lines[kept:]]) + "\n"


def test_who_is_told_needs_no_more_than_what_is_offered() -> None:
    """The mail server and the webhook of the comments, with the secrets that these name."""
    told = uncommented(text_of("alertmanager/alertmanager.yml"), "    # email_configs:")
    text = uncommented(text_of("compose.yaml"), "    # secrets: [")
    content = yaml.safe_load(uncommented(text, "  # smtp_password:"))

    named = set(re.findall(r"/run/secrets/(\w+)", told))
    mounted = content["services"]["alertmanager"]["secrets"]
    assert {"smtp_password", "house_ca", "webhook_url"} == named == set(mounted)
    assert named <= set(content["secrets"])
    (house,) = yaml.safe_load(told)["receivers"]
    assert {"name", "email_configs", "webhook_configs"} == set(house)


@needs_programs
def test_an_alert_keeps_back_what_only_follows_from_it(stack: Stack) -> None:
    """With the labels that each has when it fires, as its own test has them."""
    labels = {
        step["alertname"]: {"alertname": step["alertname"], **step["exp_alerts"][0]["exp_labels"]}
        for group in rule_tests()
        for step in group["alert_rule_test"]
        if step.get("exp_alerts")
    }
    told = yaml.safe_load(text_of("alertmanager/alertmanager.yml"))["inhibit_rules"]
    pairs = [
        (rule.get("equal", []), labels[one], labels[other])
        for rule in told
        for one in chosen(rule["source_matchers"])
        for other in chosen(rule["target_matchers"])
    ]
    follow = {frozenset(other.items()) for _, _, other in pairs}
    apart = [other | dict.fromkeys(equal, "elsewhere") for equal, _, other in pairs if equal]
    stack.start("alertmanager")
    alerts = f"http://{stack.address('alertmanager')}:9093/api/v2/alerts"

    posted = [{"labels": it} for _, *pair in pairs for it in pair] + [
        {"labels": it} for it in apart
    ]
    stack.inside.post(alerts, json=posted).raise_for_status()

    deadline = time.monotonic() + stacking.START_SECONDS
    while (held := held_back(stack.inside.get(alerts).json())) != follow:
        assert time.monotonic() < deadline, held
        time.sleep(0.05)
    assert 2 == len(apart), "of another disk, and of another server"
    stack.stop("alertmanager")


def chosen(matchers: list[str]) -> list[str]:
    """Give the names of the alerts that a matcher chooses."""
    (matcher,) = matchers
    return re.fullmatch(r'alertname=~?"([\w|]+)"', matcher)[1].split("|")


def held_back(alerts: list[dict[str, Any]]) -> set[frozenset[tuple[str, str]]]:
    """Give the labels of those that nobody is told of, because of another."""
    return {frozenset(it["labels"].items()) for it in alerts if it["status"]["inhibitedBy"]}


@needs_programs
def test_without_any_server_nginx_says_so_as_the_servers_would(stack: Stack) -> None:
    stack.start("nginx")

    with httpx.Client(base_url=stack.url, verify=False) as client:  # noqa: S501 (made just now)
        answers = [
            client.get('/v1/search?text="river"'),
            client.post("/v1/jobs", json={"task": "verify"}, headers={"x-request-id": "mine"}),
            client.get('/"odd'),
        ]

    for answer in answers:
        assert 502 == answer.status_code
        problem = answer.json()
        assert "urn:satseek:problem:server-unreachable" == problem["type"]
        assert answer.headers["x-request-id"] == problem["request_id"]
        assert int(answer.headers["retry-after"]) > 0
    assert ["/v1/search", "/v1/jobs", "/"] == [it.json()["instance"] for it in answers]
    assert "mine" == answers[1].json()["request_id"]
    logged = [
        json.loads(line) for line in stack.log("nginx").read_text().splitlines() if "{" in line
    ]
    assert not any("river" in one.get("path", "") for one in logged)
