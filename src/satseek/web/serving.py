"""An assembly → API and page on one port; the API alone where the page is not installed.

Knows neither what the page looks like nor how requests are answered.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from satseek.service.application import create_application
from satseek.service.listing import add_install_notice
from satseek.service.serving import run

if TYPE_CHECKING:
    from fastapi import FastAPI

    from satseek.assemble import Assembly


def serve(assembly: Assembly) -> None:
    """Serve API and page until SIGTERM or SIGINT."""
    run(compose(assembly), settings=assembly.settings)


def compose(assembly: Assembly) -> FastAPI:
    """Put the page on the API's application; where it is not installed, say how to install it."""
    application = create_application(assembly)
    if find_spec("nicegui") is None:
        add_install_notice(application)
        return application
    from satseek.web.mounting import mount_page  # noqa: PLC0415 (an extra, slow to load)

    mount_page(application, assembly)
    return application
