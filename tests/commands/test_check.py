"""``check``: what it says about the files that hold secrets."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from commands.check import run
from commands.command import Context
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.settings import Settings


@pytest.mark.parametrize(("mode", "ok"), [(0o600, True), (0o400, True), (0o640, False), (0o644, False)])
def test_a_key_that_other_accounts_may_read_is_a_fault(mode: int, ok: bool, tmp_path: Path) -> None:
    settings = Settings(store=tmp_path / "store")
    Pseudonyms.from_key_file(settings.key_path)
    settings.key_path.chmod(mode)
    answer = run(argparse.Namespace(rebuild=False), Context(settings=settings))
    found = {one["name"]: one["ok"] for one in answer.document["findings"]}
    assert found["key_file"] is ok
    told = [line for line in answer.sentences if "other accounts of this machine may read" in line]
    assert len(told) == (not ok)
