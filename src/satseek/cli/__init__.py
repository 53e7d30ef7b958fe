"""Words on a terminal → the same verbs as in Python.

Knows no model, index or raster: every command is a few lines around a use-case. Data goes to
standard output, everything else to standard error.
"""

from __future__ import annotations

import sys

from satseek.cli.application import root_command
from satseek.errors import SatseekError

INTERRUPTED = 130
"""128 + SIGINT, as shells count."""


def main() -> None:
    """Run the command line; every refusal is one line and its documented exit code."""
    try:
        root_command()()
    except SatseekError as error:
        sys.stderr.write(f"satseek: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("satseek: interrupted; what was committed is kept\n")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:  # a file to be written, mostly
        sys.stderr.write(f"satseek: {error}\n")
        sys.exit(1)
