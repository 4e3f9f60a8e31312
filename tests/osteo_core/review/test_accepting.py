"""'Accepted' is signed only on the program's own result, or by an adjudicator on an unchanged signed read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from osteo_core.errors import UsageError
from osteo_core.programme.cause import Cause
from osteo_core.review.accepting import acceptable_reads, check_acceptance, corrected
from osteo_core.review.decisions import Decisions, LeftOut, Reason
from osteo_core.review.read_events import reading_of
from osteo_core.review.reads import Role, Verdict
from osteo_core.terms import ContrastPhase, Level
from tests.osteo_core.review.test_reads import MODEL, signed, summary

METAL = Decisions(left_out={Level.L2: Reason(why=LeftOut.METAL)})


@pytest.mark.parametrize(
    ("version", "decisions", "words"),
    [
        (MODEL, Decisions(), []),
        (MODEL, Decisions(causes={Level.L1: Cause.NON_OSTEOPOROTIC}), []),
        (MODEL, Decisions(grades={Level.L1: 0}, phase=ContrastPhase.NATIVE), []),  # the same as the program's
        ("c" * 12, Decisions(), ["the outlines are corrected"]),
        (MODEL, METAL, ["L2 is left out"]),
        (MODEL, Decisions(grades={Level.L1: 2}), ["the grade of L1 is another one"]),
        (MODEL, Decisions(phase=ContrastPhase.PORTAL_VENOUS), ["the contrast phase is another one"]),
        (MODEL, Decisions(is_count_wrong=True), ["the levels were counted from a wrong landmark"]),
    ],
)
def test_what_differs_from_the_program_cannot_be_accepted(version: str, decisions: Decisions, words: list[str]) -> None:
    program = summary(70.0)
    found = corrected(version, decisions, model_version=MODEL, program=program, phase=ContrastPhase.NATIVE.value)
    assert found == words
    if not words:
        check_acceptance(version, decisions, corrected=found, acceptable=())
        return
    with pytest.raises(UsageError, match=f"and here {words[0]}; sign it as corrected"):
        check_acceptance(version, decisions, corrected=found, acceptable=())


def test_an_adjudicator_accepts_a_read_as_it_was_signed_and_nothing_else() -> None:
    first = {"version": "c" * 12, "verdict": Verdict.CORRECT, "decisions": METAL}
    reading = reading_of([signed(1, "AB", Role.FIRST, **first), signed(2, "CD", Role.SECOND, 90.0)])
    assert acceptable_reads(reading, Role.FIRST) == acceptable_reads(reading, None) == ()
    found, acceptable = ["the outlines are corrected"], acceptable_reads(reading, Role.ADJUDICATOR)
    check_acceptance("c" * 12, METAL, corrected=found, acceptable=acceptable)
    check_acceptance(
        "c" * 12, replace(METAL, causes={Level.L1: Cause.NON_OSTEOPOROTIC}), corrected=found, acceptable=acceptable
    )
    for version, decisions in (("d" * 12, METAL), ("c" * 12, Decisions())):
        with pytest.raises(UsageError, match="sign it as corrected"):
            check_acceptance(version, decisions, corrected=found, acceptable=acceptable)
    rejected = reading_of([signed(1, "AB", Role.FIRST, **{**first, "verdict": Verdict.REJECT}, words="moved")])
    assert acceptable_reads(rejected, Role.ADJUDICATOR) == ()
