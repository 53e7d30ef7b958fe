"""``satseek serve``: collections → the page and the API. Knows only how to start them."""

from __future__ import annotations

from typing import Annotated

import typer

from satseek.cli.application import app, assembly
from satseek.cli.placing import check_data_dir


@app.command()
def serve(
    context: typer.Context,
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0: a free one.")] = None,
    grpc_port: Annotated[
        int | None, typer.Option(help="Port of gRPC; 0: a free one. [default: no gRPC]")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let other machines in without asking who they are.")
    ] = False,
) -> None:
    """Serve the page and the API until interrupted.

    Example: satseek serve --port 7860
    """
    from satseek.web.serving import serve as run  # noqa: PLC0415

    parts = assembly(context, host=host, port=port, grpc_port=grpc_port, insecure=insecure or None)
    check_data_dir(parts.settings)
    run(parts)
