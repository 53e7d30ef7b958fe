"""``satseek collection push``, ``pull``, ``attach``: collections in a Milvus.

Knows only the use-cases.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json, assembly
from satseek.cli.collections import group
from satseek.cli.printing import print_json, progress_bar, say
from satseek.cli.recording import recorded

if TYPE_CHECKING:
    from satseek.assemble import Assembly
    from satseek.index.milvus.pointing import Address
    from satseek.index.milvus.pushing import Carried

Uri = Annotated[
    str,
    typer.Option(
        "--to", help="http(s)://HOST:PORT/DATABASE of a Milvus, or a file of Milvus Lite: x.db."
    ),
]
Token = Annotated[
    str | None,
    typer.Option(help="user:password or a key. [default: the setting milvus_token]"),
]


@group.command()
def push(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Collection.")],
    *,
    to: Uri,
    token: Token = None,
    as_: Annotated[str | None, typer.Option("--as", help="Name there. [default: the same]")] = None,
    engine: Annotated[
        str,
        typer.Option(
            "--index",
            help="Index of the vectors, where the collection is made: auto (SCANN; FLAT in Milvus "
            "Lite), FLAT, IVF_FLAT, HNSW, SCANN or IVF_RABITQ.",
        ),
    ] = "auto",
    json: Json = False,
) -> None:
    """Carry a collection into a Milvus; again carries what has changed, or goes on.

    Nothing is embedded again. At the end counts and digests of both sides are compared.

    Example: satseek collection push county --to http://localhost:19530
    """
    from satseek.index.milvus.pushing import push_collection  # noqa: PLC0415 (slow to load)

    parts = assembly(context, milvus_token=token)
    source = parts.reader(name)
    address = _address(parts, to, as_ or name)
    with (
        recorded(context, "collection.push", name, to=address.uri),
        progress_bar("pushing") as show,
    ):
        carried = push_collection(
            source, address, engine=engine, on_progress=lambda done, all_: show("chips", done, all_)
        )
    _tell(f"{name} is in the Milvus at {address.uri} as {address.collection}", carried, json=json)


@group.command()
def pull(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Collection, by its name there.")],
    *,
    from_: Annotated[
        str,
        typer.Option(
            "--from", help="http(s)://HOST:PORT/DATABASE of a Milvus, or a file of Milvus Lite."
        ),
    ],
    token: Token = None,
    as_: Annotated[str | None, typer.Option("--as", help="Name here. [default: the same]")] = None,
    json: Json = False,
) -> None:
    """Carry a collection from a Milvus into an embedded one; again goes on.

    Example: satseek collection pull county --from http://localhost:19530 --as county-2
    """
    from satseek.index.milvus.pulling import pull_collection  # noqa: PLC0415 (slow to load)

    parts = assembly(context, milvus_token=token)
    address = _address(parts, from_, name)
    here = as_ or name
    with (
        recorded(context, "collection.pull", here, source=address.uri),
        progress_bar("pulling") as show,
    ):
        carried = pull_collection(
            address,
            parts.collection_folder(here),
            on_progress=lambda done, all_: show("chips", done, all_),
        )
    _tell(f"{here} is here, from the Milvus at {address.uri}", carried, json=json)


@group.command()
def attach(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name here.")],
    *,
    to: Uri,
    token: Token = None,
    remote: Annotated[
        str | None, typer.Option("--remote", help="Name there. [default: the same]")
    ] = None,
) -> None:
    """Answer from a collection that lives in a Milvus, under a name of its own.

    The address is kept, the token never is: give it as the setting milvus_token.

    Example: satseek collection attach county --to http://localhost:19530
    """
    from satseek.index.milvus.making import open_milvus  # noqa: PLC0415 (slow to load)
    from satseek.index.milvus.pointing import attach as write_address  # noqa: PLC0415

    parts = assembly(context, milvus_token=token)
    address = _address(parts, to, remote or name)
    folder = parts.collection_folder(name)
    with (
        recorded(context, "collection.attach", name, to=address.uri),
        open_milvus(address) as found,
    ):
        chips, spec = len(found), found.spec
        write_address(folder, address)
    say(f"{name}: {chips} chips in the Milvus at {address.uri}")
    if not parts.can_search(spec):
        say(f"{name}: its model {spec.model_name}@{spec.model_version} is not in the store here")


def _address(parts: Assembly, uri: str, collection: str) -> Address:
    from satseek.index.milvus.pointing import Address, check_address  # noqa: PLC0415

    address = Address(uri=uri, collection=collection, token=parts.milvus_token)
    return check_address(address, below=Path.cwd())


def _tell(what: str, carried: Carried, *, json: bool) -> None:
    if json:
        print_json(carried)
        return
    say(
        f"{what}: {carried.chips} chips of {carried.scenes} scenes, {carried.carried} carried now, "
        f"{carried.removed} removed; digest {carried.digest[:12]} on both sides"
    )
