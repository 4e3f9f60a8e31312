"""The commands that the app runs in the background."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pages.ui.services import background_run
from tests.builders.waiting import wait_until


@pytest.mark.parametrize(
    ("code", "complaint"), [("print('all well')", ""), ("raise SystemExit('no space left')", "no space left")]
)
def test_a_run_that_fails_leaves_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, complaint: str
) -> None:
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}"\n')
    program.chmod(0o755)
    monkeypatch.setattr(background_run.sys, "executable", str(program))
    run = background_run.Run(tmp_path / "store", "demo")
    wait_until(lambda: not run.is_running)
    assert run.complaint == complaint


@pytest.mark.parametrize(("value", "wanted"), [(None, True), ("", True), ("0", True), ("1", False)])
def test_the_demo_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, value: str | None, wanted: bool) -> None:
    monkeypatch.delenv("OSTEO_NO_DEMO", raising=False)
    if value is not None:
        monkeypatch.setenv("OSTEO_NO_DEMO", value)
    assert background_run.demo_is_wanted() is wanted
