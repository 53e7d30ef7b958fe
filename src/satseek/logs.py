"""What happens → one line of ``key=value`` pairs, or of JSON when nobody is looking.

Knows no room; never logs pixels, tokens or credentials.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_ROOT = "satseek"


def set_up_logging(level: str) -> None:
    """Log to standard error: readable lines on a terminal, JSON lines elsewhere."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Pairs() if sys.stderr.isatty() else _Json())
    logger = logging.getLogger(_ROOT)
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False


def level_in_force() -> str:
    """Name the least severe level that is logged: commands set another one than the settings'."""
    return logging.getLevelName(logging.getLogger(_ROOT).getEffectiveLevel()).lower()


def log_line(logger: logging.Logger, event: str, **pairs: Any) -> None:
    """Log one canonical line for one request or one piece of work."""
    logger.info(event, extra={"pairs": pairs})


class _Pairs(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        pairs = " ".join(f"{key}={value}" for key, value in getattr(record, "pairs", {}).items())
        text = f"{record.levelname.lower()} {record.getMessage()} {pairs}".rstrip()
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, tz=UTC).isoformat(),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            **getattr(record, "pairs", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)
