"""In CI nothing may be skipped but what needs data that no clone has."""

from __future__ import annotations

import logging
import os

import pytest
import typer.testing
from hypothesis import settings
from typer.main import get_command

from satseek.cli.application import app, root_command

# Chance finds what is wrong, not what is slow: a busy machine is no defect.
settings.register_profile("satseek", deadline=None)
settings.load_profile("satseek")

ALLOWED = ("is absent", "is not on this machine", "not kept on disk")
"""Reasons that are no fault of the machine: the shared data are not part of a clone."""


# Commands that are run within a test are made once, not again for each of hundreds of runs.
typer.testing._get_command = lambda of: root_command() if of is app else get_command(of)


@pytest.fixture(autouse=True)
def _logging_not_set_up() -> None:
    """Commands set up logging for their process: tests that come after are not to find it so."""
    logger = logging.getLogger("satseek")
    logger.handlers.clear()
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or os.environ.get("CI") != "true":
        return
    reasons = {str(report.longrepr) for report in reporter.stats.get("skipped", [])}
    for reason in sorted(reasons):
        if not any(allowed in reason for allowed in ALLOWED):
            reporter.write_line(f"skipped in CI: {reason}", red=True)
            session.exitstatus = 1
