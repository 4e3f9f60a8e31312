"""Events leave the site without anything that people typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from commands import store_access
from commands.export import export
from db.connect import Store, open_store
from db.events import record
from osteo_core.programme.follow_up import Note, State, UndoneNote, event_of, undo_event
from osteo_core.records import Event
from osteo_core.review.decisions import Decisions, LeftOut, Reason
from osteo_core.terms import Level

TYPED = "Zztyped"
AT = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store with an event of each kind that contains typed text; its owner listens to no command."""
    monkeypatch.setattr(store_access, "_UNHEARD_S", 0.2)
    with open_store(tmp_path / "store") as opened:
        note = Note(author="A", at=AT, state=State.CONFIRMED, reason=TYPED)
        undone = UndoneNote(event_id="0", series_key="s", note=TYPED, last_event_id="0")
        left_out = Decisions(left_out={Level.L2: Reason(why=LeftOut.OTHER, words=TYPED)})
        payloads = {
            "read signed": {"verdict": "corrected", "decisions": left_out.to_dict()},
            "saved view": {"name": TYPED, "query": f"text={TYPED}"},
            "signed in": {"name": TYPED, "roles": ["lead"]},
            "sent": {"read": "r", "sop_instance_uid": TYPED},
        }
        record(
            opened.store_dir,
            event_of(note, event_id="0", series_key="s", before=State.TO_REVIEW, versions=("m", "s")),
            undo_event(undone, event_id="1", author="A", at=AT),
            *(
                Event(event_id=kind, kind=kind, series_key="", author="A", at=AT, payload_json=json.dumps(payload))
                for kind, payload in payloads.items()
            ),
        )
        opened.take_in()
        opened.publish_snapshot()
        yield opened


@pytest.mark.parametrize("with_words", [False, True])
def test_what_people_typed_leaves_only_when_asked_for(store: Store, tmp_path: Path, with_words: bool) -> None:
    export(store.store_dir, tmp_path / "out", with_words=with_words)
    rows = parquet.read_table(tmp_path / "out" / "events.parquet").to_pylist()
    assert len(rows) == 6
    assert {row["event_id"] for row in rows if TYPED in repr(row)} == (
        {row["event_id"] for row in rows} if with_words else set()
    )
    assert (TYPED in (tmp_path / "out" / "events.csv").read_text()) == with_words
    told = {row["event_id"]: json.loads(row["payload_json"]) for row in rows}
    assert told["0"]["state"] == State.CONFIRMED
    assert told["1"]["undoes"] == "0"
    assert told["read signed"]["decisions"]["left_out"]["21"]["why"] == LeftOut.OTHER
    assert told["signed in"]["roles"] == ["lead"]
    assert told["sent"]["read"] == "r"
