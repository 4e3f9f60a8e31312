"""Bins, calibration error and flags on rows with a known answer."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from benchmarks import reliability
from benchmarks.reliability import Body, bins, bodies_of, calibration_error, flag_line
from benchmarks.resumable import read_table, write_table
from osteo_core.limits.vertebra import LEVEL_CONFIDENCE


def bodies(*stated: tuple[float | None, bool, bool]) -> list[Body]:
    return [Body(confidence=confidence, right=right, flagged=flagged) for confidence, right, flagged in stated]


def test_bins_hold_the_observed_share_with_its_interval() -> None:
    lines = bins(bodies((0.95, True, False), (1.0, True, False), (0.91, False, False), (0.1, False, True)))
    last = lines[-1]
    assert (last["n"], lines[1]["n"], sum(line["n"] for line in lines)) == (3, 1, 4)
    assert last["observed"] == pytest.approx(2 / 3)
    assert last["mean_confidence"] == pytest.approx((0.95 + 1.0 + 0.91) / 3)
    # Wilson's interval for 2 of 3, by its formula with z = 1.96.
    assert (last["wilson_low"], last["wilson_high"]) == pytest.approx((0.2077, 0.9385), abs=2e-4)


def test_calibration_error_by_hand() -> None:
    lines = bins(bodies((0.95, True, False), (0.95, False, False), (0.25, False, False), (0.25, False, False)))
    assert calibration_error(lines) == pytest.approx(0.5 * 0.45 + 0.5 * 0.25)
    assert calibration_error(bins([])) is None


def test_calibration_error_of_honest_confidences_goes_to_zero() -> None:
    rng = np.random.default_rng(0)
    stated = rng.uniform(0, 1, 20_000)
    honest = [Body(confidence=float(c), right=bool(rng.random() < c), flagged=False) for c in stated]
    assert calibration_error(bins(honest)) < 0.015


def test_what_the_flag_catches() -> None:
    below, above = LEVEL_CONFIDENCE.value - 0.1, LEVEL_CONFIDENCE.value + 0.1
    line = flag_line(
        bodies(
            (below, False, True),
            (above, False, False),
            (above, True, False),
            (below, True, True),
            (above, True, False),
            (above, True, False),
            (None, False, True),
        )
    )
    assert (line["wrong_below_limit"], line["right_below_limit"]) == (0.5, 0.25)
    assert (line["outlined"], line["missing"], line["missing_flagged"]) == (6, 1, 1.0)


def test_the_command_reads_the_tables_that_are_there(tmp_path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    about = {"level": "L1", "whole": True, "flagged": False}
    rows = [
        {**about, "outcome": "right", "confidence": 0.9},
        {**about, "outcome": "missing", "confidence": None},
        {**about, "outcome": "missing", "confidence": None, "whole": False},
        {**about, "outcome": "", "confidence": None, "level": ""},
    ]
    write_table(tmp_path / "simulated.csv", rows)
    monkeypatch.setattr(sys, "argv", ["reliability", "--tables", str(tmp_path)])
    reliability.main()
    assert len(bodies_of(read_table(tmp_path / "simulated.csv"))) == 2
    assert {row["source"] for row in read_table(tmp_path / "reliability.csv")} == {"simulated", "all"}
    assert [row["missing"] for row in read_table(tmp_path / "review_flag.csv")] == ["1", "1"]
    assert (tmp_path / "reliability.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert "calibration_error" in capsys.readouterr().out


def test_without_tables_it_says_what_to_do(tmp_path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["reliability", "--tables", str(tmp_path)])
    with pytest.raises(SystemExit):
        reliability.main()
    assert "run those benchmarks first" in capsys.readouterr().err
