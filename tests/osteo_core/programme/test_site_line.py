"""A line from QCT pairs: known lines are recovered, leave-one-out equals the slow way, poor pairs are refused."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from osteo_core.density.calibration.site import read_site_lines
from osteo_core.errors import TableError, UsageError
from osteo_core.limits.calibration import PAIRS_ERROR_RATIO
from osteo_core.programme.site_line import PairsLine, QctPair, Scanner, line_of_pairs, scanner_lines, table_row
from osteo_core.statistics.regression import deming


def pairs_of(
    n: int, *, seed: int = 1, hu_sd: float = 4.0, qct_sd: float = 3.2, low: float = 30.0, high: float = 190.0
) -> list[QctPair]:
    """A scanner whose true line is 0.8 HU + 5."""
    rng = np.random.default_rng(seed)
    true = rng.uniform(low, high, n)
    hu = (true - 5.0) / 0.8 + rng.normal(0, hu_sd, n)
    qct = true + rng.normal(0, qct_sd, n)
    return [
        QctPair(patient_key=f"p{i}", hu=float(h), qct_mg_cm3=float(q))
        for i, (h, q) in enumerate(zip(hu, qct, strict=True))
    ]


def fitted(pairs: list[QctPair]) -> PairsLine:
    found = line_of_pairs(pairs)
    assert isinstance(found, PairsLine), found
    return found


def exact_pairs(intercept: float) -> list[QctPair]:
    """Pairs on 0.8 HU + intercept to within 0.01 mg/cm3."""
    hu = [10.0 * n for n in range(25)]
    return [
        QctPair(patient_key=f"p{n}", hu=h, qct_mg_cm3=0.8 * h + intercept + 0.01 * (-1) ** n) for n, h in enumerate(hu)
    ]


def test_a_line_that_no_table_takes_is_refused_in_the_tables_own_words(tmp_path: Path) -> None:
    good = fitted(pairs_of(40))
    scanner = Scanner(vendor="GE", manufacturer_model_name="R", kvp=120.0, kernel_group="standard", mineral="HA")
    far = [replace(p, qct_mg_cm3=p.qct_mg_cm3 + 200.0) for p in pairs_of(40)]
    for pairs, name in ((exact_pairs(4.0), "residual_sd_mg_cm3"), (far, "intercept_mg_cm3")):
        reason = line_of_pairs(pairs)
        assert isinstance(reason, str)
        cell = reason.split("found '")[1].rstrip("'")
        path = tmp_path / f"{name}.csv"
        row = table_row(scanner, good, today=date(2026, 11, 30)) | {name: cell}
        path.write_text(",".join(row) + "\n" + ",".join(f'"{value}"' for value in row.values()) + "\n")
        with pytest.raises(TableError, match=re.escape(reason)):
            read_site_lines(path)


def test_a_line_is_made_for_a_named_model_and_its_kernel_group_alone() -> None:
    good = fitted(pairs_of(40))
    scanner = Scanner(vendor="GE", manufacturer_model_name=None, kvp=120.0, kernel_group="unknown", mineral="HA")
    with pytest.raises(UsageError, match=r"expected a scanner model, found none .* every GE scanner"):
        table_row(scanner, good, today=date(2026, 11, 30))
    rows = [{**asdict(scanner), **asdict(pair)} for pair in pairs_of(40)]
    (found,) = scanner_lines(rows)
    assert found.line is None
    assert "expected a scanner model" in found.reason
    named = replace(scanner, manufacturer_model_name="R")
    assert table_row(named, good, today=date(2026, 11, 30))["kernel_group"] == "unknown"


def test_the_scanners_own_line_comes_back_without_flattening() -> None:
    lines = [fitted(pairs_of(40, seed=seed)) for seed in range(60)]
    assert np.mean([line.slope_mg_cm3_per_hu.value for line in lines]) == pytest.approx(0.8, abs=0.005)
    assert np.mean([line.vbmd_mg_cm3(100.0) for line in lines]) == pytest.approx(85.0, abs=0.3)


def test_a_line_of_40_pairs_agrees_with_qct_in_the_next_200_patients() -> None:
    """Limits of agreement within 6 mg/cm3 of those left by the errors of HU and QCT alone."""
    own = 1.96 * np.hypot(3.2, 0.8 * 4.0)
    for seed in range(20):
        line, unseen = fitted(pairs_of(40, seed=seed)), pairs_of(200, seed=1000 + seed)
        difference = np.array([line.vbmd_mg_cm3(pair.hu) - pair.qct_mg_cm3 for pair in unseen])
        assert abs(difference.mean()) + 1.96 * difference.std(ddof=1) < own + 6.0


def test_leaving_each_patient_out_is_done_as_the_slow_way_does_it() -> None:
    pairs = pairs_of(25)
    left = []
    for pair in pairs:
        rest = [other for other in pairs if other is not pair]
        line = deming([p.hu for p in rest], [p.qct_mg_cm3 for p in rest], error_ratio=PAIRS_ERROR_RATIO.value)
        left.append(line.slope.value * pair.hu + line.intercept.value - pair.qct_mg_cm3)
    found = fitted(pairs)
    assert found.left_out_bias_mg_cm3 == pytest.approx(np.mean(left), abs=1e-9)
    assert found.left_out_sd_mg_cm3 == pytest.approx(np.std(left, ddof=1), abs=1e-9)


def test_a_patient_far_off_is_named_and_stays_in() -> None:
    pairs = pairs_of(30)
    pairs[7] = QctPair(patient_key="p7", hu=pairs[7].hu + 120.0, qct_mg_cm3=pairs[7].qct_mg_cm3)
    found = fitted(pairs)
    assert (found.outliers, found.n) == (("p7",), 30)
    assert fitted(pairs_of(30)).outliers == ()


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        (pairs_of(19), "19 patients; at least 20"),
        (pairs_of(19)[:1], "1 patient; at least 20"),
        (pairs_of(40, low=90.0, high=120.0), "at least 60 are needed"),
        (
            [QctPair(patient_key=p.patient_key, hu=-p.hu, qct_mg_cm3=p.qct_mg_cm3) for p in pairs_of(30)],
            "is not clearly above 0",
        ),
        ([QctPair(patient_key=p.patient_key, hu=100.0, qct_mg_cm3=p.qct_mg_cm3) for p in pairs_of(30)], "var"),
        ([], "0 patients"),
    ],
    ids=["too few", "one", "too narrow", "falling", "one HU", "none"],
)
def test_poor_pairs_give_a_reason(pairs: list[QctPair], reason: str) -> None:
    found = line_of_pairs(pairs)
    assert isinstance(found, str)
    assert reason in found
