"""Stores for tests of the pages, and the app run headless from app.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.services.store_holder import close_holder
from tests.builders.cohort import build_cohort, build_references
from tests.builders.store import build_store
from tests.pages.headless import list_pages_by_app

ROOT = Path(__file__).resolve().parents[2]


list_pages_by_app()


@pytest.fixture(autouse=True)
def _stores_are_copied(ready_made_stores: None) -> None:
    """The database's creation is tested in tests/db."""


@pytest.fixture(scope="session")
def filled_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 60 invented series, 8 of them left out, with QCT values; tests only read it."""
    results = build_cohort(60)
    return build_store(tmp_path_factory.mktemp("filled"), results, references=build_references(results))


@pytest.fixture
def in_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Point the app at a store; its holder releases the store after the test."""
    used: list[Path] = []

    def use(store: Path) -> None:
        monkeypatch.setenv("OSTEO_STORE", str(store))
        monkeypatch.setenv("OSTEO_NO_DEMO", "1")
        monkeypatch.chdir(ROOT)
        used.append(store)

    yield use
    for store in used:
        close_holder(store)


@pytest.fixture
def open_page(in_store: Callable[[Path], None]) -> Callable[..., AppTest]:
    """Open a page through app.py: ``open_page(store, 'pages/worklist.py', vendor='GE')``."""

    def open_(store: Path, script: str = "pages/home.py", **query: str) -> AppTest:
        in_store(store)
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.run()
        for name, value in query.items():
            app.query_params[name] = value
        if script != "pages/home.py":
            app.switch_page(script)
        return app.run()

    return open_
