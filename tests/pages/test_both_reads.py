"""Both reads side by side: a level without a value because of a rejection is not a level without an outline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from osteo_core.review.decisions import Decisions
from osteo_core.review.reads import Read, Reading, Role, Verdict
from osteo_core.review.summary import Summary
from osteo_core.terms import Level
from pages.ui.patient import both_reads
from pages.ui.patient.reader import _why_not
from pages.ui.patient.reader_view import ReaderView
from tests.osteo_core.review.test_agreement import read


def test_a_rejected_read_has_no_value_and_is_not_called_not_outlined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(both_reads.services, "name_of", str)
    first = read(Role.FIRST, 70.0, 0)
    nothing = Summary(category=None, reason="moved")
    rejected = replace(read(Role.SECOND, 70.0, 0), verdict=Verdict.REJECT, summary=nothing)
    without = replace(rejected, verdict=Verdict.CORRECT)
    row = f"<th scope='row'>{Level.L1.name}</th>"
    assert "<td>no value (rejected)</td>" in both_reads._table(first, rejected).split(row)[1].split("</tr>")[0]
    assert "<td>not outlined</td>" in both_reads._table(first, without).split(row)[1].split("</tr>")[0]


@pytest.mark.parametrize(
    ("second", "reader", "sentence"),
    [
        (read(Role.SECOND, 130.0, 0), "second reader", "The two reads differ and you signed one; an adjudicator"),
        (read(Role.SECOND, 130.0, 0), "", "This series is signed; type your name"),
        (read(Role.SECOND, 70.0, 0), "somebody", "Two readers have signed and agree"),
    ],
)
def test_the_screen_says_why_nothing_is_left_to_sign(second: Read, reader: str, sentence: str) -> None:
    reading = Reading(reads=(read(Role.FIRST, 70.0, 0), second))
    shown = ReaderView(
        reading=reading,
        version="v",
        summary=second.summary,
        decisions=Decisions(),
        role=reading.role_of(reader) if reader else None,
        read=None,
        is_blind=False,
    )
    assert _why_not(shown, reader).startswith(sentence)
