"""A store with flags of all ages and in all states, with the notes that led there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from db.events import record
from osteo_core.programme.follow_up import WITH_CODE, Because, Fact, Note, State, after, event_of
from osteo_core.records import Event, SeriesResult
from tests.builders.cohort import MODEL_HASH, SETTINGS_HASH, build_cohort, build_references, key_of
from tests.builders.store import build_store

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def aged_cohort(count: int, *, now: datetime = NOW) -> list[SeriesResult]:
    """The cohort of tests.builders.cohort, with its analyses spread over the last 70 weeks."""
    results = build_cohort(count)
    step = timedelta(weeks=70) / max(1, count)
    return [replace(r, finished_at=now - timedelta(days=2) - n * step) for n, r in enumerate(results)]


def notes_of(result: SeriesResult, rng: np.random.Generator, *, now: datetime) -> list[Event]:
    """Notes of a random walk from the flag to any later state, in order of time."""
    assert result.finished_at is not None
    at, state, found = result.finished_at, State.TO_REVIEW, []
    for number in range(int(rng.integers(0, 7))):
        at += timedelta(days=float(rng.uniform(1, 40)))
        if at > now:
            break
        if rng.random() < 0.35:
            given = {"fact": list(Fact)[int(rng.integers(len(Fact)))]}
        else:
            state_next = after(state)[min(int(rng.exponential(1.5)), len(after(state)) - 1)]
            given = {"state": state_next, "because": Because.DECLINED if state_next in WITH_CODE else None}
        note = Note(author="AB", at=at, reason="as the letter says", **given)
        event_id = f"{result.series.series_key}-{number}"
        versions = (MODEL_HASH, SETTINGS_HASH)
        found.append(
            event_of(note, event_id=event_id, series_key=result.series.series_key, before=state, versions=versions)
        )
        state = note.state or state
    return found


def build_followed_store(
    store: Path, *, count: int = 60, seed: int = 3, now: datetime = NOW, each: int = 1
) -> tuple[list[SeriesResult], list[Event]]:
    """A closed store of ``count`` series, ``each`` per patient, with the notes on its flags; returns both."""
    rng = np.random.default_rng(seed)
    patients = [key_of(n % -(-count // each), "patient") for n in range(count)]
    results = [
        replace(r, series=replace(r.series, patient_key=patient))
        for r, patient in zip(aged_cohort(count, now=now), patients, strict=True)
    ]
    flagged = [r for r in results if r.assessment and r.assessment.is_flagged]
    events = [event for result in flagged for event in notes_of(result, rng, now=now)]
    store.mkdir(parents=True, exist_ok=True)
    record(store, *events)
    build_store(store, results, references=build_references(results))
    return results, events
