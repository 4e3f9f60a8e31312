"""The summary line of a set from handmade rows: which rows count where."""

import numpy as np
import pytest

from benchmarks.fang2021.agreement import line_of, reasons
from benchmarks.fang2021.cohort import SETS
from benchmarks.fang2021.scan import PHANTOMLESS, PRECALIBRATED
from benchmarks.scoring import Row
from tests.builders.study import left_out, study_row


@pytest.fixture
def rows() -> list[Row]:
    """Forty patients from 40 to 157 mg/cm3 with values 3 too high, or 9 in every fourth; and one without a value."""
    given = [study_row(n, true=40.0 + 3 * n, error=9.0 if n % 4 == 0 else 3.0) for n in range(40)]
    return [*given, left_out(99)]


def test_everybody_is_in_the_denominator_and_the_figures_are_the_known_ones(rows: list[Row]) -> None:
    line = line_of(SETS[0], PHANTOMLESS, rows)
    assert (line["n"], line["failed"], line["excluded"], line["errors"], line["silent"]) == (41, 1, 1, 0, 0)
    assert (line["n_agreement"], line["n_categories"]) == (40, 40)
    error = np.where(np.arange(40) % 4 == 0, 9.0, 3.0)
    assert line["bias"] == pytest.approx(4.5)
    assert line["loa_high"] == pytest.approx(4.5 + 1.959964 * error.std(ddof=1))
    assert line["rmse"] == pytest.approx(np.sqrt((error**2).mean()))
    assert line["coverage"] == line["coverage_qct"] == 0.75
    assert line["dice_floor"] == pytest.approx(0.9)
    assert line["dice_floor_level"] == "L1"


def test_categories_are_compared_with_those_of_qct(rows: list[Row]) -> None:
    line = line_of(SETS[0], PHANTOMLESS, rows)
    table = np.array([[int(count) for count in counts.split()] for counts in line["confusion"].split("; ")])
    assert table.sum(axis=1).tolist() == [14, 13, 13]  # 40 to 79, 82 to 118, 121 to 157 mg/cm3 by QCT
    assert np.tril(table, -1).sum() == 0  # values are too high, so nobody is in a lower class
    assert line["kappa_quadratic"] > 0.9
    assert line["auc_osteoporosis"] < 1.0


def test_a_missing_level_lowers_its_dice_and_a_level_out_of_view_does_not(rows: list[Row]) -> None:
    rows[0]["dice"] = {"L1": 0.0, "L2": 0.92}
    line = line_of(SETS[0], PHANTOMLESS, rows)
    assert line["dice_l1"] == pytest.approx(0.9 * 39 / 40)
    assert line["dice_l4"] == pytest.approx(0.96)
    assert line["dice_floor_low"] <= line["dice_floor"] <= line["dice_floor_high"]


def test_a_wrong_number_without_a_flag_and_a_patient_without_an_answer_are_silent_failures(rows: list[Row]) -> None:
    rows[0]["silent"] = 2
    rows[-1]["reason"] = ""
    assert line_of(SETS[0], PHANTOMLESS, rows)["silent"] == 3


def test_too_few_patients_have_no_figure_instead_of_a_wrong_one(rows: list[Row]) -> None:
    line = line_of(SETS[0], PHANTOMLESS, rows[:2])
    assert line["n"] == 2
    assert [line[name] for name in ("r", "bias", "auc_osteoporosis", "kappa_quadratic")] == [None] * 4
    assert line_of(SETS[0], PRECALIBRATED, rows)["n"] == 0


def test_a_set_without_any_outline_has_every_column(rows: list[Row]) -> None:
    line = line_of(SETS[0], PHANTOMLESS, rows[-1:])
    assert (line["n"], line["failed"], line["dice_floor"]) == (1, 1, None)
    assert set(line) == set(line_of(SETS[0], PHANTOMLESS, rows))


def test_reasons_are_counted_with_the_study_they_befell(rows: list[Row]) -> None:
    assert reasons(rows) == {("too_thick", "plain"): 1}
