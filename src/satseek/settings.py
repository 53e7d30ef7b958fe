"""Flags, environment and ``satseek.toml`` → one checked set of settings.

Knows no room. It is the only file that reads the environment, and it does so when asked, never at
import. Precedence: flag, ``SATSEEK_*``, ``satseek.toml``, default. Unknown keys are errors.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from satseek.errors import InvalidSettings

PREFIX = "SATSEEK_"
FILE_NAME = "satseek.toml"

PROXIES = "FORWARDED_ALLOW_IPS"
"""Variable that names addresses and networks of trusted proxies, with commas between; ``*``:
everybody. uvicorn has the name, and takes it for HTTP."""

ACTIVE = "active"
"""Model that is not pinned: the store's activated version, or the shipped one before there is."""

Origin = Literal["flag", "environment", "file", "default"]

LEAST_SECRET = 16
"""Letters of a secret that messages are signed with; `openssl rand -hex 32` gives 64."""


class AlertChannel(BaseModel):
    """Somebody who is told of findings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: str = Field(
        min_length=1,
        max_length=2000,
        description="`https://…`, `mailto:NAME@HOST` or `file:/FOLDER`. No secrets in it.",
    )
    reasons: tuple[Literal["new", "updated", "state"], ...] = Field(
        ("new",), min_length=1, description="Told of new findings, of more seen, of decisions."
    )
    form: Literal["json", "geojson"] = Field(
        "json", description="What webhooks and files hold: an envelope, or a GeoJSON Feature."
    )
    language: Literal["en", "zh"] = Field("en", description="Of mails.")
    digest_minutes: float = Field(
        0.0, ge=0, le=10080, description="How long a mail waits for more to tell: a week at most."
    )


class Settings(BaseModel):
    """Everything that an operator may choose; each field says when to change it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("satseek")),
        description="Folder of collections and models. Change it to a disk with room.",
    )
    work_dir: Path | None = Field(
        default=None,
        description="Folder for what the workers of an executor have done and no collection holds "
        "yet; unset: `work` in data_dir. Set it to one that all of their machines see.",
    )
    executor_address: str | None = Field(
        default=None,
        description="Cluster of the executors `ray` (`auto`, `HOST:PORT`, `ray://HOST:PORT`) and "
        "`dask` (`tcp://HOST:PORT`); unset: Ray on this machine's node, Dask's own workers. Set it "
        "where jobs are to use a cluster.",
    )
    model: str = Field(
        default=ACTIVE,
        description="Model: `active` (what `satseek model activate` chose, or `starter`); or one "
        "pinned: `starter`, a name in the model store, a folder. Pin it to rule out a change.",
    )
    engine: Literal["auto", "onnxruntime", "openvino", "torch"] = Field(
        default="auto",
        description="Runtime of the model; auto: the fastest that `satseek model bench` measured "
        "here, or onnxruntime. Set it to rule out the others.",
    )
    device: Literal["auto", "cpu", "cuda", "tensorrt"] = Field(
        default="auto",
        description="Where the model runs; auto: as measured, or cpu. Set it to use a GPU that was "
        "not measured.",
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto",
        description="What the model computes in; auto: as measured, or float32. Set float32 to "
        "compare machines.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="CPU threads of the engine; unset: all cores. Lower it to leave room.",
    )
    batch: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description="Chips per engine call while indexing; unset: as `satseek model bench` "
        "measured, or 32. Lower it when memory is short.",
    )
    index_gpu_gb: float = Field(
        default=4.0,
        ge=0,
        description="Memory of a GPU, in GB, that the vectors of each collection may take where "
        "FAISS was built for GPUs; larger collections are searched by the processor. Set 0 to "
        "leave the GPU to the model.",
    )
    compact_from: float = Field(
        default=0.3,
        gt=0,
        le=1,
        description="Share of rows whose chips were replaced or removed, from which a collection "
        "is compacted after indexing and removing. Set 1 to compact by command alone.",
    )
    worker_processes: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Jobs that one worker does at once, each in its own process. Raise it with "
        "memory and processors to spare.",
    )
    server_worker: bool = Field(
        default=True,
        description="The server does jobs itself. Unset it where `satseek worker` does them.",
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        description="Address at which `satseek worker` shows its figures and probes. Set 0.0.0.0 "
        "where who watches it runs on another machine; it asks nobody who they are.",
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port of these figures (`/metrics`, `/livez`, `/readyz`); unset: none; 0 takes "
        "a free one. Set it where Prometheus, or an orchestrator, watches workers.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Set 0.0.0.0, and `auth`, to be reached from other "
        "machines.",
    )
    port: int = Field(
        default=7860,
        ge=0,
        le=65535,
        description="Port to listen on; 0 takes a free one. Change it when 7860 is taken.",
    )
    max_upload_bytes: int = Field(
        default=50_000_000,
        ge=1024,
        description="Largest request body. Raise it to query with larger images.",
    )
    max_image_pixels: int = Field(
        default=100_000_000,
        ge=1,
        description="Largest image, checked before decoding. Raise it with memory to spare.",
    )
    max_concurrent_requests: int = Field(
        default=256,
        ge=1,
        le=10_000,
        description="Requests worked on at once, more get 429. Raise it on larger machines.",
    )
    queue_rows: int = Field(
        default=512,
        ge=1,
        le=1_000_000,
        description="Images, and texts, that may wait for a model; more get 429. Lower it to be "
        "refused sooner rather than wait.",
    )
    batch_delay_ms: float = Field(
        default=4.0,
        ge=0,
        le=1000,
        description="Longest wait for company in a batch while the model is idle. Set 0 where one "
        "client asks at a time.",
    )
    request_seconds: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="Longest time from a request to its answer, later ones get 504. Lower it where "
        "clients give up sooner.",
    )
    decode_seconds: float = Field(
        default=20.0,
        gt=0,
        le=600,
        description="Longest time to decode one image from outside. Raise it on slow machines.",
    )
    decoders: int = Field(
        default=2,
        ge=1,
        le=256,
        description="Processes that decode images from outside. Raise it with memory to spare.",
    )
    grpc_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port of gRPC (satseek.v1 and the Open Inference Protocol); unset: none; "
        "0 takes a free one.",
    )
    cache_bytes: int = Field(
        default=256 * 1024**2,
        ge=0,
        description="Memory for vectors and answers seen before; 0: none. Raise it where queries "
        "repeat.",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="Redis that several replicas share their cache in, such as "
        "`redis://cache:6379/0`. Set it behind a load balancer.",
    )
    queue_url: SecretStr | None = Field(
        default=None,
        description="Redis that several machines share their queue of jobs in, such as "
        "`redis://queue:6379/0`; unset: a file in `data_dir`. Set it to have workers on other "
        "machines.",
    )
    queue_replicas: int = Field(
        default=0,
        ge=0,
        le=16,
        description="Replicas of that Redis that must have a job before it counts as accepted. Set "
        "1 where a replica takes over when it fails.",
    )
    reference_roots: tuple[Path, ...] = Field(
        default=(),
        description="Folders whose images requests may name. Add a folder to search by files that "
        "lie beside the server.",
    )
    reference_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts whose images requests may name by address. Add one only if you trust "
        "what it serves.",
    )
    stac_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts (`HOST[:PORT][=NETWORK]`) and buckets (`s3://NAME`) whose STAC "
        "documents and scenes may be indexed. Add one only if you trust what it serves.",
    )
    tls_cert_file: Path | None = Field(
        default=None,
        description="Certificate chain (PEM); set together with the key to serve HTTPS. Replaced "
        "files are read again.",
    )
    tls_key_file: Path | None = Field(
        default=None, description="Private key (PEM) of the certificate."
    )
    insecure: bool = Field(
        default=False,
        description="Listen on other than loopback addresses without authentication. Set it only "
        "behind a gateway that authenticates.",
    )
    auth: tuple[Literal["keys", "oidc", "ldap"], ...] = Field(
        default=(),
        description="Ways to be recognised: `keys`, `oidc`, `ldap`; none: everybody on this "
        "machine may do everything. Set it before others can reach the server.",
    )
    rate_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Requests a minute for each principal, more get 429; unset: no limit. Set it "
        "where one client could starve the others.",
    )
    oidc_issuer: str | None = Field(
        default=None, description="Issuer of tokens, as its discovery document names it."
    )
    oidc_audience: str | None = Field(
        default=None, description="Audience that tokens must name; unset: the client id."
    )
    oidc_client_id: str | None = Field(
        default=None, description="Client id for the login of the page."
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="Secret of that client; unset: a public client (PKCE alone)."
    )
    oidc_scopes: str = Field(
        default="openid profile email groups", description="Scopes that the login asks for."
    )
    oidc_groups_claim: str = Field(
        default="groups", description="Claim that lists groups; dots lead into objects."
    )
    oidc_ca_file: Path | None = Field(
        default=None, description="CA certificates (PEM) of the issuer, where it has its own."
    )
    ldap_url: str | None = Field(
        default=None, description="Directory: `ldaps://…`, or `ldap://…` with StartTLS."
    )
    ldap_start_tls: bool = Field(
        default=True,
        description="Encrypt `ldap://` before anything is sent. Unset it on loopback only.",
    )
    ldap_ca_file: Path | None = Field(
        default=None, description="CA certificates (PEM) of the directory."
    )
    ldap_bind_dn: str | None = Field(
        default=None, description="Who searches the directory; unset: anonymous."
    )
    ldap_bind_password: SecretStr | None = Field(
        default=None, description="Password of who searches."
    )
    ldap_base_dn: str | None = Field(
        default=None, description="Where people and groups are searched."
    )
    ldap_user_filter: str = Field(
        default="(uid={name})",
        description="How a person is found; Active Directory: `(sAMAccountName={name})`.",
    )
    ldap_group_filter: str = Field(
        default="(member={dn})",
        description="How groups are found; nested ones are followed one by one, or by Active "
        "Directory itself: `(member:1.2.840.113556.1.4.1941:={dn})`.",
    )
    ldap_timeout_s: float = Field(
        default=5.0, gt=0, le=120, description="Longest wait for the directory."
    )
    reader_groups: tuple[str, ...] = Field(
        default=(), description="Groups that may search and classify; `*`: everybody known."
    )
    inspector_groups: tuple[str, ...] = Field(
        default=(), description="Groups that may also decide on findings and judge samples."
    )
    operator_groups: tuple[str, ...] = Field(
        default=(), description="Groups that may also index and run jobs."
    )
    admin_groups: tuple[str, ...] = Field(
        default=(), description="Groups that may also activate models and manage keys."
    )
    collection_groups: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Groups that see a collection, by its name; not named: everybody who may read. "
        "As a variable: JSON.",
    )
    public_url: str | None = Field(
        default=None,
        description="Address that people reach the server under. Set it behind a proxy.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        description="OpenTelemetry collector (OTLP over HTTP); unset: no traces.",
    )
    milvus_token: SecretStr | None = Field(
        default=None,
        description="Token for collections that live in a Milvus, such as `user:password`; "
        "unset: none. Set it where Milvus asks for one.",
    )
    servers_token: SecretStr | None = Field(
        default=None,
        description="API key for the servers that `satseek search --servers` asks; unset: none. "
        "Set it where they ask for one.",
    )
    alert_channels: dict[str, AlertChannel] = Field(
        default_factory=dict,
        description="Whom watches may tell of their alerts, by name. As a variable: JSON. Add one "
        "for each receiver.",
    )
    webhook_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts (`HOST[:PORT][=NETWORK]`) that alerts may be posted to. Add one only if "
        "you trust what listens there.",
    )
    webhook_secrets: dict[str, tuple[SecretStr, ...]] = Field(
        default_factory=dict,
        description="What the posts of each channel are signed with, by the channel's name; "
        "several while one replaces the other. As a variable: JSON.",
    )
    webhook_ca_file: Path | None = Field(
        default=None, description="CA certificates (PEM) of receivers, where they have their own."
    )
    webhook_timeout_s: float = Field(
        default=10.0,
        gt=0,
        le=120,
        description="Longest wait for a receiver's answer. Raise it where receivers are slow.",
    )
    alert_keep_days: float = Field(
        default=90.0,
        ge=1,
        description="How long alerts are listed after they arrived; what was found stays. Lower it "
        "where there are millions.",
    )
    smtp_host: str | None = Field(
        default=None, description="Mail server that takes alerts; unset: no mail."
    )
    smtp_port: int = Field(
        default=587, ge=1, le=65535, description="Its port; 465 with `smtp_security` `tls`."
    )
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="How the connection is encrypted. Set none on loopback only: no password is "
        "sent then.",
    )
    smtp_user: str | None = Field(
        default=None, description="Who logs in to the mail server; unset: nobody."
    )
    smtp_password: SecretStr | None = Field(default=None, description="Password of who logs in.")
    smtp_from: str | None = Field(
        default=None, description="Sender of mails, `NAME@HOST`. Set it together with the server."
    )
    smtp_ca_file: Path | None = Field(
        default=None, description="CA certificates (PEM) of the mail server."
    )
    smtp_timeout_s: float = Field(
        default=20.0, gt=0, le=300, description="Longest wait for the mail server."
    )
    recall_sample: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of one processor's time in which searches are compared with their "
        "exact answers; 0: none are. Raise it to notice lost recall sooner.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="Least severe message that is logged. Set debug when reporting a problem.",
    )

    @field_validator(
        "auth",
        "reference_roots",
        "reference_hosts",
        "stac_hosts",
        "webhook_hosts",
        "reader_groups",
        "inspector_groups",
        "operator_groups",
        "admin_groups",
        mode="before",
    )
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Take ``a, b`` for a list, as variables and flags give it."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("collection_groups", "alert_channels", "webhook_secrets", mode="before")
    @classmethod
    def _mapped(cls, value: Any) -> Any:
        """Take JSON for a table, as variables give it."""
        if isinstance(value, str):
            try:
                return json.loads(value)
            except json.JSONDecodeError as error:
                raise ValueError(f"expected JSON: {error}") from error
        return value

    @field_validator("webhook_secrets")
    @classmethod
    def _long_enough(cls, value: dict[str, tuple[SecretStr, ...]]) -> Any:
        """Refuse secrets that could be guessed, and channels without any."""
        for name, secrets in value.items():
            if not secrets or any(len(one) < LEAST_SECRET for one in secrets):
                raise ValueError(
                    f"{name}: expected secrets of at least {LEAST_SECRET} letters, as `openssl "
                    "rand -hex 32` makes them"
                )
        return value


SECRETS = (
    "redis_url",
    "queue_url",
    "oidc_client_secret",
    "ldap_bind_password",
    "milvus_token",
    "servers_token",
    "webhook_secrets",
    "smtp_password",
)
"""Settings that are shown as ``***``; each can be read from a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """Settings and where each of them came from."""

    settings: Settings
    """The values in force."""
    origins: dict[str, Origin]
    """Origin by field name."""
    file: Path | None
    """The ``satseek.toml`` that was read; None: there was none."""


def read_settings(flags: dict[str, Any] | None = None, *, folder: Path | None = None) -> Configured:
    """Read settings from flags, environment, and ``satseek.toml`` in ``folder`` (default: here).

    Raises:
        InvalidSettings: a key is unknown or a value out of range; names the key and its origin.
    """
    path = _file(folder or Path.cwd())
    layers: list[tuple[Origin, dict[str, Any]]] = [
        ("file", _from_file(path) if path else {}),
        ("environment", _from_environment()),
        ("flag", {key: value for key, value in (flags or {}).items() if value is not None}),
    ]
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = dict.fromkeys(Settings.model_fields, "default")
    for origin, layer in layers:
        values |= layer
        origins |= dict.fromkeys(layer, origin)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise InvalidSettings(_explain(error, origins)) from error
    return Configured(settings=settings, origins=origins, file=path)


def read_proxies() -> str | None:
    """Give what the environment says of trusted proxies, as uvicorn reads it; None: nothing."""
    return os.environ.get(PROXIES)


def _file(folder: Path) -> Path | None:
    named = os.environ.get(f"{PREFIX}CONFIG")
    if named:
        if not Path(named).is_file():
            raise InvalidSettings(f"{PREFIX}CONFIG names {named}, which is not a file")
        return Path(named)
    path = folder / FILE_NAME
    return path if path.is_file() else None


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSettings(f"{path} is not readable TOML: {error}") from error


def _from_environment() -> dict[str, Any]:
    """Collect ``SATSEEK_*``; an empty value counts as unset.

    Of a secret, ``SATSEEK_…_FILE`` names the file that holds it, as orchestrators mount it.
    """
    found = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in sorted(os.environ.items())
        if name.startswith(PREFIX) and value and name != f"{PREFIX}CONFIG"
    }
    for name in SECRETS:
        path = found.pop(f"{name}_file", None)
        if path is None:
            continue
        if name in found:
            raise InvalidSettings(
                f"expected one of {PREFIX}{name.upper()} and {PREFIX}{name.upper()}_FILE, got both"
            )
        try:
            found[name] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidSettings(f"{PREFIX}{name.upper()}_FILE: {error}") from error
    return found


def _explain(error: ValidationError, origins: dict[str, Origin]) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    name = key.partition(".")[0]  # of a table's entry: the table's
    origin = origins.get(name, "default")
    if first["type"] == "extra_forbidden" and name == key:
        return f"unknown setting {key!r} ({origin}); known are {', '.join(Settings.model_fields)}"
    came = "***" if name in SECRETS else repr(first["input"])
    return f"setting {key!r} ({origin}): {first['msg']}, came {came}"
