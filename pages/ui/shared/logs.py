"""Log lines hold no control characters: a request or a file could otherwise forge a line, or steer the terminal that
shows the log.
"""

from __future__ import annotations

import logging
import re
from typing import Any

#: C0 and C1 controls, line separators, and signs that turn the direction of text; tabs stay, in tracebacks also lines.
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_CONTROLS_BUT_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


class PlainRecord(logging.LogRecord):
    """A log record whose message and traceback show control characters as escapes."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if self.exc_info and self.exc_info[0]:
            self.exc_text = _CONTROLS_BUT_LINES.sub(_escaped, logging.Formatter().formatException(self.exc_info))

    def getMessage(self) -> str:  # noqa: N802, the name is logging's
        """The message on one line."""
        return _CONTROLS.sub(_escaped, super().getMessage())


def plain_logs() -> None:
    """Let every log line of this process be plain from now on, whichever library writes it."""
    logging.setLogRecordFactory(PlainRecord)
