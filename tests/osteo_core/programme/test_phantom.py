"""Phantom lines in succession."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from osteo_core.programme.phantom import checks
from osteo_core.terms import KernelGroup, Vendor
from tests.builders.cohort import LINE


def test_a_line_is_compared_with_the_one_before_it_of_the_same_scanner() -> None:
    first = replace(LINE, vendor=Vendor.GE, slope_mg_cm3_per_hu=0.8, intercept_mg_cm3=0.0, valid_from=date(2026, 1, 1))
    second = replace(first, slope_mg_cm3_per_hu=0.836, valid_from=date(2026, 6, 1))
    third = replace(first, slope_mg_cm3_per_hu=0.90, valid_from=date(2026, 9, 1))
    other = replace(first, vendor=Vendor.PHILIPS, slope_mg_cm3_per_hu=0.5)
    found = checks([(line, None) for line in (third, other, second, first)])
    assert [(c.scanner, c.change) for c in found if c.change is None] == [("GE", None), ("Philips", None)]
    changes = [c.change for c in found if c.change is not None]
    assert changes == pytest.approx([0.045, 0.9 / 0.836 - 1])
    assert [c.is_beyond for c in found] == [False, False, True, False]


def test_another_kernel_is_no_change() -> None:
    """0.70 for smooth and 0.80 for standard on one scanner: 13 % apart on the day they are made, but no drift."""
    smooth = replace(LINE, vendor=Vendor.GE, slope_mg_cm3_per_hu=0.7, intercept_mg_cm3=0.0, valid_from=date(2026, 1, 1))
    standard = replace(smooth, slope_mg_cm3_per_hu=0.8)
    later = replace(standard, slope_mg_cm3_per_hu=0.84, valid_from=date(2026, 6, 1))
    kernels = (KernelGroup.SMOOTH, KernelGroup.STANDARD)
    found = checks([(smooth, kernels[0]), (standard, kernels[1]), (later, kernels[1])])
    assert [(c.kernel, c.change) for c in found] == [
        ("smooth", None),
        ("standard", None),
        ("standard", pytest.approx(0.05)),
    ]


def test_no_lines_no_checks() -> None:
    assert checks([]) == ()
