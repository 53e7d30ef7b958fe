"""``satseek key``: who may ask a server, by API keys. Knows the store of keys and the audit trail.

A running server follows within a second: commands and servers share one file.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from satseek.cli.application import Json, app, configured
from satseek.cli.printing import print_json, print_table, say
from satseek.cli.recording import operator, recorded
from satseek.errors import InvalidRequest
from satseek.service.access.principals import SCOPES, Role, Scope

if TYPE_CHECKING:
    from satseek.service.access.keyrows import Key
    from satseek.service.access.keys import KeyStore

group = typer.Typer(help="Make and revoke API keys.", no_args_is_help=True)
app.add_typer(group, name="key")

DAYS = "365d"
"""How long a key lasts unless said otherwise: what nobody renews, nobody misses."""


@group.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it: who or what asks with it.")],
    *,
    role: Annotated[
        str | None, typer.Option(help="reader, inspector, operator or admin. [default: reader]")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="In place of a role: only this; may be repeated.")
    ] = None,
    collection: Annotated[
        list[str] | None, typer.Option(help="Sees only this one; may be repeated.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Belongs to this group; may be repeated.")
    ] = None,
    expires: Annotated[str, typer.Option(help="Days as 90d, a date, or never.")] = DAYS,
    json: Json = False,
) -> None:
    """Make a key and print it: this once, never again.

    Example: satseek key create nightly --role operator --expires 90d
    """
    store = _opened(context)
    scopes = _scopes(role, scope)
    expires_at = _moment(expires)
    with recorded(context, "key.create", name, scopes=" ".join(sorted(scopes))):
        key, text = store.create(
            name,
            scopes=scopes,
            created_by=operator().name,
            groups=frozenset(group or ()),
            collections=frozenset(collection) if collection else None,
            expires_at=expires_at,
        )
    if json:
        print_json({**_shown(key), "key": text})
        return
    say(f"key {key.id}, {_until(key)}; it is shown this once:")
    typer.echo(text)


@group.command("list")
def list_keys(context: typer.Context, *, json: Json = False) -> None:
    """List every key there ever was, without the keys themselves.

    Example: satseek key list
    """
    store = _opened(context)
    keys = [_shown(key) for key in store.list()]
    if json:
        print_json(keys)
        return
    columns = ("id", "name", "state", "scopes", "collections", "groups", "expires_at", "used_at")
    rows = [[_cell(key[column]) for column in columns] for key in keys]
    print_table([column.removesuffix("_at") for column in columns], rows)


@group.command("revoke")
def revoke(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="Its id or name.")],
    *,
    json: Json = False,
) -> None:
    """Have a key refused from now on, by every server within a second.

    Example: satseek key revoke nightly
    """
    store = _opened(context)
    with recorded(context, "key.revoke", key):
        revoked = store.revoke(key)
    if json:
        print_json(_shown(revoked))
    else:
        say(f"revoked key {revoked.id} ({revoked.name})")


def _opened(context: typer.Context) -> KeyStore:
    from satseek.service.access.keys import KeyStore  # noqa: PLC0415 (help must not wait for it)

    return KeyStore(configured(context).settings.data_dir)


def _scopes(role: str | None, scopes: list[str] | None) -> frozenset[Scope]:
    if scopes and role:
        raise InvalidRequest("expected --role or --scope, got both")
    known: tuple[Scope, ...] = get_args(Scope)
    if scopes:
        wrong = sorted(set(scopes) - set(known))
        if wrong:
            raise InvalidRequest(f"expected scopes of {', '.join(known)}; got {', '.join(wrong)}")
        return frozenset(one for one in known if one in scopes)
    for one in get_args(Role):
        if one == (role or "reader"):
            return SCOPES[one]
    known_roles = ", ".join(get_args(Role))
    raise InvalidRequest(f"expected one of the roles {known_roles}, got {role!r}")


def _moment(expires: str) -> datetime | None:
    if expires == "never":
        return None
    days = re.fullmatch(r"([1-9]\d{0,4})d", expires)
    if days:
        return datetime.now(UTC) + timedelta(days=int(days[1]))
    try:
        moment = datetime.fromisoformat(expires)
    except ValueError as error:
        raise InvalidRequest(
            f"expected --expires as 90d, 2030-01-31 or never, got {expires!r}"
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment <= datetime.now(UTC):
        raise InvalidRequest(f"expected --expires in the future, got {expires}")
    return moment


def _shown(key: Key) -> dict[str, Any]:
    collections = None if key.collections is None else sorted(key.collections)
    return {
        "id": key.id,
        "name": key.name,
        "state": _state(key),
        "scopes": sorted(key.scopes),
        "collections": collections,
        "groups": sorted(key.groups),
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "used_at": key.used_at,
        "revoked_at": key.revoked_at,
    }


def _state(key: Key) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "in force" if key.in_force(datetime.now(UTC)) else "expired"


def _until(key: Key) -> str:
    return f"until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else "without end"


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list):
        return ",".join(value) or "-"
    return "-" if value is None else str(value)
