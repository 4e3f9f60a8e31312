"""The page Replication: the study beside the published figures, and its text before the study was run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.services import replication
from pages.ui.shared import wording
from tests.builders.study import write_study_tables
from tests.pages.test_pages import texts

Open = Callable[..., AppTest]


def test_replication_shows_the_study_beside_the_published_figures_marked_simulated(
    tmp_path: Path, filled_store: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study_tables(tmp_path)
    monkeypatch.setattr(replication, "FOLDER", tmp_path)
    app = open_page(filled_store, "pages/replication.py")
    assert not app.exception
    assert "SIMULATED" in texts(app)
    assert "python -m benchmarks.fang2021 --workers 2" in texts(app)
    assert "0123456789ab" in texts(app)
    beside = app.table[0].value
    assert list(beside["Fang 2021, Dice"]) == ["0.823", "0.786", "0.782"]
    assert list(beside["Without a value"]) == ["1", "1", "1"]
    assert all(" to " in shown for shown in beside["r, phantomless"])


def test_replication_without_a_study_says_how_to_run_it(
    tmp_path: Path, filled_store: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replication, "FOLDER", tmp_path)
    app = open_page(filled_store, "pages/replication.py")
    assert "The study has not been run yet" in texts(app)
    assert "python -m benchmarks.fang2021" in texts(app)
    assert not app.table


def test_a_study_of_too_few_patients_opens_with_dashes(
    tmp_path: Path, filled_store: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study_tables(tmp_path, patients=2)
    monkeypatch.setattr(replication, "FOLDER", tmp_path)
    app = open_page(filled_store, "pages/replication.py")
    assert not app.exception
    assert list(app.table[0].value["r, phantomless"]) == [wording.MISSING] * 3
