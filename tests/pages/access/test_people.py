"""Sign-ins as events: one each, the latest name for display, and ended ones stay ended after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db import events
from db.connect import open_snapshot, open_store
from db.events import record
from osteo_core.records import Event
from pages.ui import services
from pages.ui.access import users
from pages.ui.access.roles import Role, User
from pages.ui.services import people
from pages.ui.services.running_app import query, store_holder

ANNA = User(subject="subject-1", name="Anna Example", roles=frozenset({Role.LEAD}), login="a" * 32)


@pytest.fixture(autouse=True)
def store(tmp_path: Path, in_store: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(users, "_ended", set())
    monkeypatch.setattr(people, "_recorded", set())
    open_store(tmp_path / "store").close()
    in_store(tmp_path / "store")
    return tmp_path / "store"


def names() -> dict[str, str]:
    return {row["author"]: row["name"] for row in query("user_names").to_pylist()}


def test_a_sign_in_is_one_event_however_often_it_is_seen(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services.note_sign_in(ANNA)
    services.note_sign_in(ANNA)
    monkeypatch.setattr(people, "_recorded", set())  # as after a restart
    services.note_sign_in(ANNA)
    store_holder().publish()
    assert open_snapshot(store).table("events").num_rows == 1


def test_authors_are_shown_by_their_latest_name_and_others_as_typed() -> None:
    services.note_sign_in(ANNA)
    assert services.name_of("subject-1") == "Anna Example"
    services.note_sign_in(replace(ANNA, name="Anna Married", login="b" * 32))
    assert services.name_of("subject-1") == "Anna Married"
    assert services.name_of("AB") == "AB"
    assert services.name_of("") == ""


@pytest.mark.parametrize(
    "twin",
    ["Anna Example", "anna  example", "Аnna Exаmple", "Ánna Example.", "Anna Examp1e", "Αnna Example"],
    ids=["same", "case", "Cyrillic", "accent", "digit", "Greek"],
)
def test_people_whose_names_look_alike_are_shown_with_their_subjects(twin: str) -> None:
    services.note_sign_in(ANNA)
    services.note_sign_in(replace(ANNA, subject="subject-2", name=twin, login="c" * 32))
    services.note_sign_in(replace(ANNA, subject="subject-3", name="Bea Example", login="d" * 32))
    assert services.name_of("subject-1") == "Anna Example (subject-1)"
    assert services.name_of("subject-2") == f"{twin} (subject-2)"
    assert services.name_of("subject-3") == "Bea Example"


def test_the_local_user_signs_in_nowhere() -> None:
    services.note_sign_in(users.LOCAL)
    assert names() == {}


def test_a_sign_in_that_was_ended_stays_ended_over_a_restart(store: Path) -> None:
    services.note_sign_out(ANNA)
    old = Event(
        event_id="old",
        kind="signed out",
        series_key="",
        author="subject-2",
        at=datetime(2020, 1, 1, tzinfo=UTC),
        payload_json='{"login": "old"}',
    )
    record(store, old)
    store_holder().take_in()

    async def start() -> None:
        async with services.lifespan(None):
            pass

    asyncio.run(start())
    assert users._ended == {ANNA.login}


def test_a_store_that_takes_nothing_in_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(events, "record", full)
    services.note_sign_in(ANNA)
    services.note_sign_out(ANNA)
    assert names() == {}
