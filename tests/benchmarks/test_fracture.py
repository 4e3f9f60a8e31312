"""Rates over levels with given truth and findings, counted by hand."""

import pytest

from benchmarks.fracture import Graded, summary
from osteo_core.terms import SuggestedCause


def graded(seed: int, true: int, found: int | None, *, kind: str = "", as_drawn: bool = True, depressed: bool = False):
    cause = SuggestedCause.NO_DEFORMITY
    if found:
        cause = SuggestedCause.DEPRESSED if depressed else SuggestedCause.NOT_DEPRESSED
    return Graded(
        seed=seed,
        level="L1",
        masks="true",
        true_grade=true,
        kind=kind,
        found_grade=found,
        suggested_cause=cause if found is not None else SuggestedCause.NOT_ASSESSED,
        depression=0.2 if depressed else 0.0,
        as_drawn=as_drawn,
    )


def test_sensitivity_is_over_all_and_specificity_over_those_who_came_as_drawn() -> None:
    rows = [
        graded(1, 0, 0),
        graded(1, 0, 2),
        graded(2, 1, 1, kind="wedge"),
        graded(2, 3, 2, kind="biconcave", depressed=True),
        graded(3, 2, None, kind="crush"),
        graded(4, 2, 2, kind="wedge", as_drawn=False),
        graded(4, 2, 1, kind="wedge", as_drawn=False),
        graded(4, 0, 3, as_drawn=False),
    ]
    found = summary(rows)
    assert found["sensitivity"]["value"] == pytest.approx(2 / 3)
    assert found["sensitivity"]["n"] == 3
    assert found["specificity"]["value"] == pytest.approx(2 / 3)
    assert found["false_alarms_a_patient"] == pytest.approx(1 / 3)
    assert (found["patients_as_drawn"], found["not_graded"], found["patients_with_a_false_alarm"]) == (3, 1, 1)
    assert found["missed"] == ["4 L1"]
    assert found["endplates_called_depressed_by_true_kind"] == {"biconcave": "1 of 1", "wedge": "0 of 2"}
