"""``satseek bundle``: a release as one archive for networks without internet.

Knows only the use-cases. A model's own file is another thing: ``satseek model export-bundle``.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import Json, app
from satseek.cli.modelling import opened_store
from satseek.cli.printing import print_json, print_table, progress_bar, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.airgap.layout import About

group = typer.Typer(
    help="Make and check an archive that installs satseek where no network leads out.",
    no_args_is_help=True,
)
app.add_typer(group, name="bundle")

EXTRAS = "server"
"""Everything that an office may want: who carries an archive over does so once."""

Archive = Annotated[Path, typer.Argument(metavar="FILE", help="What `bundle make` wrote.")]


@group.command()
def make(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="OUT.tar", help="File to write.")],
    *,
    extras: Annotated[
        str, typer.Option(help="satseek's extras, with commas; '' for none.")
    ] = EXTRAS,
    python: Annotated[
        str | None, typer.Option(help="Python of the machines it is for. [default: this one's]")
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option(help="Their C library. [default: manylinux_2_28_ and this machine]"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="NAME@VERSION, or a file of `model export-bundle`; may be repeated."),
    ] = None,
    image: Annotated[
        list[Path] | None, typer.Option(help="File of `docker save`; may be repeated.")
    ] = None,
    sign_key: Annotated[
        Path | None, typer.Option(help="Private key of `bundle key`; unset: not signed.")
    ] = None,
    json: Json = False,
) -> None:
    """Write one archive: wheels, models, images, charts, pages, install.sh; summed and signed.

    Example: satseek bundle make satseek.tar --sign-key office.key --model git-rsclip-base@4f1c
    """
    from satseek.airgap.making import Asked, make_archive  # noqa: PLC0415 (help must stay fast)
    from satseek.airgap.target import target_of  # noqa: PLC0415

    asked = Asked(
        target=target_of(python, platform),
        extras=[one.strip() for one in extras.split(",") if one.strip()],
        models=model or (),
        images=image or (),
        key=sign_key,
    )
    store = opened_store(context)
    with ExitStack() as bars:
        made = make_archive(file, asked, store=store, progress=_steps(bars))
    if json:
        print_json(made)
        return
    typer.echo(f"{made.sha256}  {file}")
    say(f"wrote {made.bytes / 1e6:.1f} MB: {made.files} files, {made.wheels} of them wheels")
    signed = f"signed; the key's fingerprint is {made.signer}" if made.signer else "NOT signed"
    say(f"{made.about.folder}, {signed}")


@group.command()
def verify(
    file: Archive,
    *,
    key: Annotated[
        Path | None, typer.Option(help="Public key of who made it, brought by another way.")
    ] = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Ask for no signature, only for whole bytes.")
    ] = False,
    json: Json = False,
) -> None:
    """Read an archive whole: every byte against its sums, the sums against the signature.

    Example: satseek bundle verify satseek.tar --key office.key.pub
    """
    from satseek.airgap.checking import require_a_choice, verify_archive  # noqa: PLC0415

    require_a_choice(key=key, unsigned=unsigned)
    with progress_bar("verifying") as progress:
        sound = verify_archive(file, key=key, progress=progress)
    if json:
        told = {"bytes": sum(sound.files.values()), "files": len(sound.files)}
        print_json({"sound": True, "signer": sound.signer, **told, **sound.about.written()})
        return
    by = f"signed by {sound.signer}" if sound.signer else "whose signature was not asked for"
    say(f"{file}: sound, {len(sound.files)} files, {by}")


@group.command()
def show(file: Archive, *, json: Json = False) -> None:
    """Tell what an archive says that it is; nothing is checked.

    Example: satseek bundle show satseek.tar
    """
    from satseek.airgap.checking import claims_signature, show_archive  # noqa: PLC0415

    about, signed = show_archive(file), claims_signature(file)
    if json:
        print_json({**about.written(), "signed": signed, "bytes": file.stat().st_size})
        return
    print_table(["what", "value"], [*_rows(about), ["signature", "yes" if signed else "none"]])
    say("not checked: satseek bundle verify does that")


@group.command("key")
def key_(
    file: Annotated[Path, typer.Argument(help="Private key to write; the public one is FILE.pub.")],
    *,
    json: Json = False,
) -> None:
    """Make the pair of keys that archives are signed and checked with; print the fingerprint.

    Example: satseek bundle key office.key
    """
    from satseek.airgap.keys import make_keys, public_beside  # noqa: PLC0415

    fingerprint = make_keys(file)
    if json:
        print_json({"private": file, "public": public_beside(file), "fingerprint": fingerprint})
        return
    typer.echo(fingerprint)
    say(f"keep {file} to yourself; carry {public_beside(file)} apart from the archives")


def _steps(bars: ExitStack) -> Callable[[str], Callable[[str, int, int], None]]:
    """A bar for each step, the last one at its end; a line where nobody watches."""

    def begin(title: str) -> Callable[[str, int, int], None]:
        bars.close()
        say(f"… {title}")
        return bars.enter_context(progress_bar(title))

    return begin


def _rows(about: About) -> list[list[str]]:
    told: dict[str, Any] = about.written()
    return [
        ["folder", about.folder],
        ["satseek", about.version],
        ["Python", about.python],
        ["machines", f"{told['machine']}, glibc {told['glibc']} or later"],
        ["extras", ", ".join(about.extras) or "none"],
        *(["model", f"{ref} in models/{name}"] for ref, name in about.models.items()),
        *(["image", f"images/{name}"] for name in about.images),
    ]
