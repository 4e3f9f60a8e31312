"""Errors in a callback or a fragment are reported in words, and the page stays."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from db import rows
from db.parts import write_parts
from osteo_core.errors import UsageError
from osteo_core.records import Found
from pages.ui import services
from pages.ui.access import users
from pages.ui.services import running_app, store_holder
from pages.ui.worklist import call_list
from tests.builders.cohort import build_cohort
from tests.builders.store import build_store
from tests.pages.test_pages import texts
from tests.pages.test_worklist import listed

Open = Callable[..., AppTest]


def refusing(code: int) -> Callable[..., Any]:
    """A function that fails with an error of the disk."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return refuse


def said(app: AppTest) -> str:
    """The toasts; the page itself must still be there."""
    assert not app.exception
    assert [one.value for one in app.title] != []
    return " ".join(one.value for one in app.toast)


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    """A store with series that wait for analysis."""
    store = tmp_path / "store"
    store.mkdir()
    write_parts(store, rows.indexed_tables(Found(series=tuple(r.series for r in build_cohort(4)))))
    return build_store(store, [])


def test_start_on_a_read_only_disk(waiting: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_app, "Run", refusing(errno.EROFS))
    app = open_page(waiting)
    app.button(key="run-start").click().run()
    assert said(app) == "This could not be done (Read-only file system). Try again once that is fixed."
    assert "not yet analyzed" in texts(app)


def test_start_after_the_sign_in_ran_out(waiting: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_page(waiting)
    monkeypatch.setattr(users, "current_user", lambda: None)
    app.button(key="run-start").click().run()
    assert "You are not signed in, or your sign-in has run out" in said(app)


def test_a_view_is_taken_away_on_a_full_disk(tmp_path: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_page(build_store(tmp_path / "store", build_cohort(10)), "pages/prevalence.py")
    app.text_input(key="view-new").set_value("all").run()
    app.button(key="view-save").click().run()
    monkeypatch.setattr(store_holder.events, "record", refusing(errno.ENOSPC))
    app.button(key="view-remove").click().run()
    assert "The store cannot be written to (No space left on device), so nothing was saved" in said(app)
    assert app.selectbox(key="view-name").options == ["all"]


@pytest.mark.parametrize("typed", ["~no-such-user-here/ct", f"/tmp/{'a' * 300}", "/tmp/\0"])
def test_a_path_that_cannot_be_followed(tmp_path: Path, open_page: Open, typed: str) -> None:
    app = open_page(build_store(tmp_path / "store", []))
    app.text_input(key="index-path").set_value(typed).run()
    assert not app.error
    app.button(key="index-start").click().run()
    assert "The path cannot be followed on the server" in said(app)


def test_a_folder_that_may_not_be_entered(tmp_path: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    open_page(build_store(tmp_path / "store", []))
    there, refuse = Path.exists, refusing(errno.EACCES)  # root may enter any folder
    monkeypatch.setattr(Path, "exists", lambda path: refuse() if "closed" in path.parts else there(path))
    with pytest.raises(UsageError, match=r"cannot be followed on the server \(Permission denied\)"):
        services.start_index(str(tmp_path / "closed" / "ct"))


def test_a_note_while_the_settings_are_half_saved(
    tmp_path: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = next(r for r in build_cohort(60) if r.assessment and r.assessment.is_flagged)
    store = build_store(tmp_path / "store", [result])
    app = open_page(store, "pages/patient.py", series=result.series.series_key)
    app.text_input(key="author-field").set_value("AB").run()
    settings = tmp_path / "osteo.toml"
    settings.write_text("workers = ")
    monkeypatch.setenv("OSTEO_SETTINGS", str(settings))
    app.button(key="answer-y").click().run()
    assert not app.exception
    assert "steo.toml is not valid TOML" in app.toast[0].value


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("Sehr geehrte Frau Müller".encode("cp1252"), "it is not in UTF-8"),
        (b"{patient} is {age:d}", "a field format that does not suit text"),
        (b"{patient:{age}} {nobody}", "unknown fields"),
    ],
)
def test_a_faulty_letter_takes_the_letters_away_and_not_the_worklist(
    template: bytes, words: str, filled_store: Path, tmp_path: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "letter.txt").write_bytes(template)
    monkeypatch.setenv("OSTEO_LETTER_TEMPLATE", str(tmp_path / "letter.txt"))
    app = open_page(filled_store, "pages/worklist.py")
    assert listed(app)["rows"]
    assert words in said(app) + " ".join(one.value for one in app.error)


def test_what_nobody_foresaw_is_logged_and_takes_its_part_of_the_page_alone(
    filled_store: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("a detail")

    monkeypatch.setattr(call_list, "show", fail)
    with caplog.at_level(logging.ERROR, "osteo.app"):
        app = open_page(filled_store, "pages/worklist.py")
    assert said(app) == ""
    assert "This could not be shown (ZeroDivisionError). The log of the app has the details" in app.error[0].value
    assert "a detail" not in texts(app)
    assert "a detail" in caplog.text
