"""Summaries of handmade rows: the worst level, failures in the denominator, views that are right or empty."""

from __future__ import annotations

import pytest

from benchmarks import numbering_views, segmentation_real, segmentation_simulated
from osteo_core.terms import Level


def row(level: str, dice: float, **changes: object) -> dict:
    plain = {"seed": 1, "vendor": "GE", "whole": True, "outcome": "right", "msd_mm": 0.5, "flagged": False}
    return {**plain, "level": level, "dice": dice, "measured": True, "anchor": "sacrum", **changes}


def test_the_worst_level_of_each_vendor_counts_its_failures() -> None:
    rows = [
        row("L1", 0.95),
        row("L2", 0.93),
        row("L2", 0.0, seed=2, outcome="missing", msd_mm=None, flagged=True, measured=False),
        row("L3", 0.96, vendor="Siemens", seed=3),
        row("L1", 0.40, vendor="Siemens", seed=3, whole=False),
        row("L5", 0.10),
        row("", 0.0, outcome="false", whole=False),
    ]
    ge, siemens, everyone = segmentation_simulated.summary(rows)
    assert (ge["worst_level"], ge["worst_level_dice"]) == ("L2", pytest.approx(0.465))
    assert (ge["series"], ge["levels"], ge["missing"], ge["failures_flagged_share"]) == (2, 3, 1, 1.0)
    assert (ge["false_outlines"], ge["series_flagged"]) == (1, 1)
    assert (siemens["worst_level"], siemens["cut_not_marked"]) == ("L3", 1)
    assert everyone["right_share"] == pytest.approx(3 / 4)


def test_real_series_are_averaged_by_series_and_show_every_level() -> None:
    about = {"kept_aside": True, "series": "verse005"}
    rows = [
        row("L1", 0.90, **about),
        row("L5", 0.80, **about),
        row("L1", 0.96, kept_aside=True, series="verse007"),
        row("L2", 0.94, kept_aside=True, series="verse007"),
        row("T12", 0.50, kept_aside=False, series="lidc_0001"),
    ]
    lines = {line["series"]: line for line in segmentation_real.summary(rows)}
    assert lines["verse005"]["dice_L5"] == 0.80
    assert lines["kept aside"]["mean_of_series"] == pytest.approx((0.90 + 0.95) / 2)
    assert lines["kept aside"]["lowest_dice"] == 0.90
    assert (lines["lidc_0001"]["levels"], lines["lidc_0001"]["dice_T12"]) == (0, 0.50)


def test_views_follow_the_bodies_that_are_there() -> None:
    at = {
        level: 300.0 - 30 * n for n, level in enumerate((Level.T12, Level.L1, Level.L2, Level.L3, Level.L4, Level.L5))
    }
    found = {words: (low, high) for words, low, high in numbering_views._extents(at)}
    assert found["L1 to L4 alone"] == (180 - 22, 270 + 22)
    assert found["ribs to L2"][0] == 240 - 22
    assert set(numbering_views._extents({Level.T12: 60.0, Level.L1: 30.0})) == set()


def test_a_view_is_right_only_if_all_its_bodies_are() -> None:
    about = {"anchor": "sacrum", "flagged": False}
    rows = [
        {"view": "a", "level": "L1", "outcome": "right", "confidence": 0.9, **about},
        {"view": "a", "level": "L2", "outcome": "wrong", "confidence": 0.4, **about},
        {"view": "b", "level": "L1", "outcome": "right", "confidence": 0.8, **about},
        {"view": "c", "level": "", "outcome": "", **about},
    ]
    lines = numbering_views.table(rows)
    assert [(line["right"], line["empty"]) for line in lines] == [(False, False), (True, False), (False, True)]
    assert [line["least_confidence"] for line in lines] == [0.4, 0.8, None]
