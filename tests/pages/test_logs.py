"""Log lines of the app: nothing in a request or a file forges one, or steers the terminal that shows it."""

from __future__ import annotations

import io
import logging

import pytest

from pages.ui.shared.logs import PlainRecord, plain_logs
from tests.pages.conftest import ROOT

HOSTILE = "x\x1b[2Jy\nFORGED\r\x07\x85\u2028\u202eZ\tÄ"


@pytest.fixture
def written() -> io.StringIO:
    """What a handler writes under the record factory of the app, which is put back afterwards."""
    before, out = logging.getLogRecordFactory(), io.StringIO()
    log, handler = logging.getLogger("another.library"), logging.StreamHandler(out)
    log.addHandler(handler)
    plain_logs()
    yield out
    logging.setLogRecordFactory(before)
    log.removeHandler(handler)


def test_control_characters_are_escapes_on_one_line(written: io.StringIO) -> None:
    logging.getLogger("another.library").error("Error during authentication: %s", HOSTILE)
    assert written.getvalue() == ("Error during authentication: x\\x1b[2Jy\\nFORGED\\r\\x07\\x85\\u2028\\u202eZ\tÄ\n")


def test_a_traceback_keeps_its_lines_and_no_other_control(written: io.StringIO) -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logging.getLogger("another.library").exception("failed")
    assert written.getvalue().startswith("failed\nTraceback (most recent call last):\n")
    assert "ValueError: x\\x1b[2Jy\nFORGED\\r\\x07\\x85\\u2028\\u202eZ\tÄ\n" in written.getvalue()


def test_the_app_writes_such_lines() -> None:
    assert "    plain_logs()\n" in (ROOT / "app.py").read_text(encoding="utf-8")
    assert issubclass(PlainRecord, logging.LogRecord)
