"""Starts the services of ``deploy/compose/compose.yaml`` as processes of this machine.

Where a container engine would start them, they are started from the same files: command,
environment, mounts, secrets and configuration are read from the shipped ones. Replaced in copies of
these, and nowhere else, is what names a place, and how long is waited:

- a path inside of a container by the folder or file that ``compose.yaml`` mounts there;
- the name of a service by an address of its own in 127.0.0.0/8, so that all ports stay as they are;
  ``0.0.0.0``, ``localhost`` and ports without an address by that of the service itself;
- nginx is told to ask from its own address, as a container does by itself, and to stay root where
  it is root, since a test's folder lets nobody else in;
- Prometheus and Alertmanager, which listen everywhere, are told their address;
- a name that Prometheus asks DNS for is one target, as there is one of each;
- intervals of Prometheus are a second, and alerts fire without the ``for`` of their rules.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import starting
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COMPOSE = Path(__file__).parents[1] / "deploy" / "compose"

START_SECONDS = 60

HTTPS_PORT = "8443"
"""Where nginx listens, and no engine makes another port of it."""

PROGRAMS = {
    "nginx": "nginx",
    "queue": "redis-server",
    "cache": "redis-server",
    "prometheus": "prometheus",
    "alertmanager": "prometheus-alertmanager",
}
"""What an image brings, as Debian calls it."""

PARENTS = ("nginx", "worker")

PACKAGES = ("nginx", "redis-server", "prometheus", "prometheus-alertmanager", "openssl")

SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"

missing = sorted(
    name for name in {*PROGRAMS.values(), "openssl"} if shutil.which(name, path=SEARCHED) is None
)
needs_programs = pytest.mark.skipif(
    bool(missing),
    reason=f"{', '.join(missing)} is not on this machine: apt-get install {' '.join(PACKAGES)}",
)

BINDING = {"passing.conf": "proxy_bind", "upstreams.conf": "grpc_bind"}
"""Files of nginx that are told the address to ask from, and how."""

OWN = ("./scenes", "./backups")
"""Folders of whoever runs it."""

_DNS = re.compile(r"dns_sd_configs: \[\{names: \[([\w-]+)\], type: A, port: (\d+)\}\]")

_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def read_compose(**variables: str) -> dict[str, Any]:
    """Read ``compose.yaml`` as Compose would, with variables as ``.env`` gives them."""
    text = (COMPOSE / "compose.yaml").read_text(encoding="utf-8")
    text = _VARIABLE.sub(lambda found: variables.get(found[1], found[2]), text)
    content: dict[str, Any] = yaml.safe_load(text.replace("$$", "$"))
    return content


@dataclass(slots=True)
class Stack:
    """The services, each startable, stoppable and mortal."""

    home: Path
    net: str
    """First three numbers of the addresses."""
    compose: dict[str, Any] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    inside: httpx.Client = field(default_factory=httpx.Client)
    """Asks programs as another one of them would, behind nginx."""

    def __post_init__(self) -> None:
        """Lay out what is mounted, and make the secrets by the shipped script."""
        variables = {"FRONT_NETWORK": self.net, "SATSEEK_THREADS": "1", "HTTPS_PORT": HTTPS_PORT}
        self.compose = read_compose(**variables)
        shutil.copytree(
            COMPOSE, self.home / "compose", ignore=shutil.ignore_patterns("secrets", ".env")
        )
        address = self.address("nginx")
        prepare = [str(self.home / "compose" / "prepare.sh"), address, "localhost"]
        subprocess.run(prepare, check=True, capture_output=True)

    @property
    def url(self) -> str:
        return f"https://{self.address('nginx')}:{HTTPS_PORT}"

    @property
    def certificate(self) -> Path:
        """What clients trust."""
        return self.home / "compose" / "secrets" / "tls.crt"

    def volume(self, name: str) -> Path:
        """Give the folder that stands for a volume."""
        folder = self.home / "volumes" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def address(self, service: str) -> str:
        networks = self.compose["services"][service].get("networks", [])
        front = networks.get("front", {}) if isinstance(networks, dict) else {}
        number = 20 + sorted(self.compose["services"]).index(service)
        return str(front.get("ipv4_address", f"{self.net}.{number}"))

    def log(self, service: str) -> Path:
        return self.home / f"{service}.log"

    def start(self, *services: str) -> None:
        """Start services, the first ones first, and wait until all are healthy."""
        for service in services:
            command, environment = self._command(service), self._environment(service)
            with self.log(service).open("ab") as log:
                self.processes[service] = subprocess.Popen(
                    command,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    cwd=self.volume(f"{service}-tmp"),
                )
        for service in services:
            self._wait_until_healthy(service)

    def run(self, service: str) -> None:
        """Run a service that ends by itself."""
        command, environment = self._command(service), self._environment(service)
        subprocess.run(command, env=environment, check=True, capture_output=True)

    def kill(self, service: str) -> None:
        """End one as a crash would."""
        self.processes[service].kill()
        self.processes.pop(service).wait(20)

    def stop(self, service: str) -> int:
        """End one as ``docker compose stop`` would; returns its exit code."""
        told = self.compose["services"][service]
        self.processes[service].send_signal(getattr(signal, told.get("stop_signal", "SIGTERM")))
        grace = float(told.get("stop_grace_period", "10s").removesuffix("s"))
        return self.processes.pop(service).wait(grace + 20)

    def end(self) -> None:
        """End all at once; nginx and the worker end processes of their own before."""
        for service, process in self.processes.items():
            process.send_signal(signal.SIGTERM if service in PARENTS else signal.SIGKILL)
        for process in self.processes.values():
            process.wait(START_SECONDS)
        self.inside.close()

    def replaced(self, service: str, text: str) -> str:
        """Put places of this machine where a file or command names those of a container."""
        places = self._places(service)
        paths = "|".join(re.escape(path) for path in sorted(places, key=len, reverse=True))
        if paths:
            found = re.compile(rf"(?<![\w./-])({paths})(?![\w-])")
            text = found.sub(lambda one: str(places[one[1]]), text)
        text = _DNS.sub(r'static_configs: [{targets: ["\1:\2"]}]', text)
        for name in self.compose["services"]:
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?=:\d)", self.address(name), text)
        own = self.address(service)
        text = text.replace("0.0.0.0", own).replace("localhost:", f"{own}:")  # noqa: S104
        text = re.sub(r"\blisten (?=\d)", f"listen {own}:", text)
        text = re.sub(r"_interval: \S+", "_interval: 1s", text)
        return re.sub(r"\bfor: \S+", "for: 0s", text)

    def _places(self, service: str) -> Mapping[str, Path]:
        """Say what lies where a container has a path, as ``compose.yaml`` mounts it."""
        told = self.compose["services"][service]
        places = {f"/run/secrets/{name}": self._secret(name) for name in told.get("secrets", [])}
        for path in told.get("tmpfs", []):
            target = path.partition(":")[0]
            places[target] = self.volume(f"{service}{target.replace('/', '-')}")
        for mount in told.get("volumes", []):
            source = mount["source"]
            if mount["type"] == "volume":
                places[mount["target"]] = self.volume(source)
            elif source.startswith("./secrets"):
                places[mount["target"]] = self.home / "compose" / source
            elif source in OWN:
                places[mount["target"]] = self.home / source
            else:
                places[mount["target"]] = self.home / "mounts" / service / Path(source).name
        return places

    def _secret(self, name: str) -> Path:
        """Give the file of a secret; addresses in it are those of this machine."""
        file = self.home / "compose" / self.compose["secrets"][name]["file"]
        if not name.endswith("_url"):
            return file
        there = self.volume("secrets") / name
        host = name.removesuffix("_url")
        if not there.exists():
            text = file.read_text(encoding="utf-8")
            there.write_text(text.replace(f"@{host}:", f"@{self.address(host)}:"))
        return there

    def mount(self, service: str) -> None:
        """Copy the configuration that a service mounts, with places of this machine."""
        for mount in self.compose["services"][service].get("volumes", []):
            source = COMPOSE / mount["source"]
            if mount["type"] != "bind" or mount["source"].startswith(("./secrets", *OWN)):
                continue
            files = [source] if source.is_file() else sorted(source.rglob("*.*"))
            for file in files:
                there = self.home / "mounts" / service / source.name
                there = there if file == source else there / file.relative_to(source)
                there.parent.mkdir(parents=True, exist_ok=True)
                text = file.read_text(encoding="utf-8")
                there.write_text(self.replaced(service, text), encoding="utf-8")
                if file.name in BINDING:
                    with there.open("a", encoding="utf-8") as out:
                        out.write(f"{BINDING[file.name]} {self.address(service)};\n")

    def _command(self, service: str) -> list[str]:
        self.mount(service)
        told = self.compose["services"][service]
        words = [*told.get("entrypoint", []), *told.get("command", [])]
        words = [self.replaced(service, str(word)) for word in words]
        if "SATSEEK_DATA_DIR" in told.get("environment", {}) and "entrypoint" not in told:
            return [*starting.command(), *words]
        if service in ("prometheus", "alertmanager"):
            ports = {"prometheus": 9090, "alertmanager": 9093}
            words = [service, *words]
            words.append(f"--web.listen-address={self.address(service)}:{ports[service]}")
        if service == "nginx" and os.geteuid() == 0:
            words.append("user root;")
        if service in PROGRAMS and "/" not in words[0]:
            words[0] = str(shutil.which(PROGRAMS[service], path=SEARCHED))
        return words

    def _environment(self, service: str) -> dict[str, str]:
        told = self.compose["services"][service].get("environment", {})
        own = {name: self.replaced(service, str(value)) for name, value in told.items()}
        path = f"{Path(sys.executable).parent}:{SEARCHED}"
        return {"PATH": path, "TMPDIR": str(self.volume(f"{service}-tmp")), **own}

    def _wait_until_healthy(self, service: str) -> None:
        """Ask what the health check of ``compose.yaml`` asks, until it holds."""
        deadline = time.monotonic() + START_SECONDS
        while not self.healthy(service):
            process = self.processes[service]
            assert process.poll() is None, self.log(service).read_text(encoding="utf-8")
            assert time.monotonic() < deadline, self.log(service).read_text(encoding="utf-8")
            time.sleep(0.05)

    def healthy(self, service: str) -> bool:
        check = self.compose["services"][service]["healthcheck"]
        text = self.replaced(service, " ".join(check["test"][1:]))
        address = re.search(r"http://127\.0\.0\.1(:\d+/[\w/-]*)", text)
        if address is not None:
            try:
                asked = f"http://{self.address(service)}{address[1]}"
                return self.inside.get(asked, timeout=5).is_success
            except httpx.HTTPError:
                return False
        text = text.replace("redis-cli", f"redis-cli -h {self.address(service)}")
        return (
            subprocess.run(["/bin/sh", "-c", text], check=False, capture_output=True).returncode
            == 0
        )


def own_net() -> str:
    """Choose addresses that no other run on this machine has."""
    number = os.getpid()
    return f"127.{number // 250 % 250 + 1}.{number % 250 + 1}"


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """Lay out everything and start nothing; whatever is started ends with this."""
    stack = Stack(folder, own_net())
    try:
        yield stack
    finally:
        stack.end()
