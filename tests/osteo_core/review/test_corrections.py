"""Where readers correct the program: every count against a count by hand."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from osteo_core.records import Event
from osteo_core.review.corrections import ALL, corrected_where, signed_series
from osteo_core.review.decisions import Decisions, LeftOut, Reason
from osteo_core.review.read_events import saved_event
from osteo_core.review.reads import Role, SavedMask, Verdict
from osteo_core.terms import Level
from tests.osteo_core.review.test_reads import MODEL, START, signed, summary


def rows(key: str, scanner: str, *events: Event) -> list[dict]:
    return [
        {**asdict(event), "series_key": key, "event_id": f"{key}{event.event_id}", "scanner": scanner}
        for event in events
    ]


def saved(minute: int, version: str, dice: dict[Level, float]) -> Event:
    mask = SavedMask(
        version=version,
        base=MODEL,
        reader="AB",
        at=START + timedelta(minutes=minute),
        model_hash=MODEL,
        summary=summary(80),
        dice=dice,
    )
    return saved_event(mask, event_id=f"s{minute}", series_key="k", settings_hash="s")


def left_out(**reasons: LeftOut) -> Decisions:
    return Decisions(left_out={Level[name]: Reason(why=why, words="w") for name, why in reasons.items()})


def test_counts_by_scanner_and_reason() -> None:
    """GE: one corrected (2 of 4 levels), one accepted (1 level). Siemens: one accepted with metal left out, one
    rejected. Philips: an unsigned draft."""
    corrected = {Level.L1: 0.8, Level.L2: 0.0, Level.L3: 1.0, Level.L4: 1.0}
    given = [
        *rows(
            "a",
            "GE Revolution",
            saved(1, "v1", {Level.L1: 0.1}),  # an earlier version that was not signed
            saved(2, "v2", corrected),
            signed(3, "AB", Role.FIRST, verdict=Verdict.CORRECT, version="v2", decisions=left_out(L4=LeftOut.CEMENT)),
            signed(4, "CD", Role.SECOND),  # does not count
        ),
        *rows("b", "GE Revolution", signed(5, "AB", Role.FIRST)),
        *rows("c", "Siemens Force", signed(6, "AB", Role.FIRST, decisions=left_out(L1=LeftOut.METAL))),
        *rows(
            "d",
            "Siemens Force",
            signed(7, "AB", Role.FIRST, verdict=Verdict.REJECT, decisions=left_out(L1=LeftOut.METAL)),
        ),
        *rows("e", "Philips", saved(8, "v1", {Level.L1: 0.1})),
    ]
    found = {one.scanner: one for one in corrected_where(signed_series(given))}
    assert list(found) == [ALL, "GE Revolution", "Philips", "Siemens Force"]
    ge, siemens, everything = found["GE Revolution"], found["Siemens Force"], found[ALL]
    assert (ge.signed, ge.corrected, ge.rejected, ge.levels, ge.levels_corrected) == (2, 1, 0, 5, 2)
    assert ge.dice == (0.8, 0.0)
    assert ge.left_out == {LeftOut.CEMENT: 1}
    assert (siemens.signed, siemens.corrected, siemens.rejected, siemens.levels) == (2, 0, 1, 1)
    assert siemens.left_out == {LeftOut.METAL: 1}
    assert (found["Philips"].signed, found["Philips"].levels) == (0, 0)
    assert (everything.signed, everything.levels, everything.levels_corrected) == (4, 6, 2)
    assert everything.left_out == {LeftOut.CEMENT: 1, LeftOut.METAL: 1}


def test_nothing_signed_is_nothing_to_show() -> None:
    assert corrected_where([]) == []
