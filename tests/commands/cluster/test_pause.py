"""The file that pauses a run."""

from __future__ import annotations

from pathlib import Path

from commands.cluster import pause


def test_a_pause_is_asked_for_and_lifted_and_leaves_nothing(tmp_path: Path) -> None:
    assert not pause.is_asked(tmp_path)
    pause.lift(tmp_path)
    pause.request(tmp_path)
    pause.request(tmp_path)
    assert pause.is_asked(tmp_path)
    pause.lift(tmp_path)
    assert not pause.is_asked(tmp_path)
    assert list(tmp_path.iterdir()) == []
