"""Order and rows of the worklist, and its state after a note is undone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from db.connect import Store, open_store
from db.events import record
from osteo_core.errors import UsageError
from osteo_core.programme.follow_up import Note, State, UndoneNote, event_of, undo_event
from tests.builders.follow_up import NOW, build_followed_store
from tests.builders.worklist import worklist


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("followed") / "store"
    build_followed_store(folder, count=60)
    with open_store(folder) as opened:
        yield opened


def order(store: Store, sort: str, *, descending: bool = False, limit: int = 1000) -> list[str]:
    table = store.query("worklist_order", sort=sort, descending=descending, limit=limit)
    return table.column("series_key").to_pylist()


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("sort", "column"),
    [
        ("due date", "due_at"),
        ("mean vBMD", "mean_vbmd_mg_cm3"),
        ("age", "patient_age_years"),
        ("study date", "study_date"),
    ],
)
def test_every_order_holds_everybody_once_and_unknown_values_last(
    followed: Store, sort: str, column: str, descending: bool
) -> None:
    keys = order(followed, sort, descending=descending)
    rows = {row["series_key"]: row for row in followed.query("worklist_rows", series_keys=keys).to_pylist()}
    assert len(keys) == len(set(keys)) == followed.query("worklist_count").to_pylist()[0]["n"]
    values = [rows[key][column] for key in keys]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=descending)
    assert values[len(known) :] == [None] * (len(values) - len(known))


def test_urgency_is_the_order_of_the_store_and_can_be_turned(followed: Store) -> None:
    keys = order(followed, "urgency")
    assert keys == [row["series_key"] for row in worklist(followed)]
    assert order(followed, "urgency", descending=True) == keys[::-1]
    assert order(followed, "urgency", limit=5) == keys[:5]


def test_an_undone_note_no_longer_counts_and_stays_in_the_history(followed: Store) -> None:
    rows = worklist(followed)
    key = next(row["series_key"] for row in rows if row["follow_state"] == "to review" and row["is_flagged"])
    before = followed.query("worklist_rows", series_keys=[key]).to_pylist()
    note = Note(state=State.NOT_CONFIRMED, author="AB", at=NOW)
    noted = event_of(note, event_id="n1", series_key=key, before=State.TO_REVIEW, versions=("m", "s"))
    record(followed.store_dir, noted)
    followed.take_in()
    assert followed.query("worklist_rows", series_keys=[key]).to_pylist()[0]["follow_state"] == "not confirmed"
    undone = UndoneNote(event_id="n1", series_key=key, note="not confirmed", last_event_id="n1")
    record(followed.store_dir, undo_event(undone, event_id="u1", author="CD", at=NOW + timedelta(seconds=1)))
    followed.take_in()
    assert followed.query("worklist_rows", series_keys=[key]).to_pylist() == before
    history = followed.query("follow_up_history", series_key=key).to_pylist()
    assert [(r["note"], r["author"], r["is_undo"], r["is_undone"]) for r in history[:2]] == [
        ("not confirmed", "CD", True, False),
        ("not confirmed", "AB", False, True),
    ]


def test_only_the_last_note_can_be_undone_and_by_somebody_who_says_who() -> None:
    undone = UndoneNote(event_id="n1", series_key="a", note="confirmed", last_event_id="n2")
    with pytest.raises(UsageError, match="'confirmed' cannot be undone: another note was made after it"):
        undo_event(undone, event_id="u", author="AB", at=NOW)
    with pytest.raises(UsageError, match="an undo needs an author"):
        undo_event(undone, event_id="u", author=" ", at=NOW)
