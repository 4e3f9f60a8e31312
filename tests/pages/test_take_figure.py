"""Downloading a figure from where it is shown: its data, its file name, and a PNG of the chosen size."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from osteo_core.programme.cohort import CohortFilter
from osteo_core.statistics.intervals import wilson
from osteo_core.terms import Sex, Vendor
from pages.ui.services.chromium import find_browser
from pages.ui.shared import figures
from pages.ui.shared.take_figure import data_csv, file_stem, png_of

RATES = [
    figures.Rate(group="women (F)", n=40, missing=3, osteoporosis=wilson(10, 40), low_bone_mass=wilson(8, 40)),
    figures.Rate(group="men (M)", n=20, missing=1, osteoporosis=wilson(2, 20), low_bone_mass=None),
]


def test_the_data_are_those_of_the_figure_with_their_intervals() -> None:
    table = list(csv.reader(io.StringIO(data_csv(figures.prevalence_figure(RATES)).decode("utf-8-sig"))))
    assert len(table) == 4
    name, value, low, high, group = table[1]
    expected = wilson(10, 40)
    assert (name, group) == ("osteoporosis", "women (F) (n 40)")
    assert [float(value), float(low), float(high)] == pytest.approx(
        [100 * expected.value, 100 * expected.low, 100 * expected.high]
    )


def test_the_file_name_says_what_of_whom_and_when() -> None:
    at = datetime(2026, 11, 29, 12, tzinfo=UTC)
    chosen = CohortFilter(vendors=(Vendor.GE,), sexes=(Sex.FEMALE,))
    assert file_stem("prevalence_by_sex", chosen, at) == "prevalence_by_sex_vendor-GE-sex-F_2026-11-29"
    assert file_stem("bone_density", None, at) == "bone_density_everybody_2026-11-29"


def test_a_file_is_named_by_the_day_of_this_machine(in_zone: Callable[[str], None]) -> None:
    """As the content says when it was made, not by UTC, which is a day behind after midnight in Berlin."""
    in_zone("Europe/Berlin")
    name = file_stem("bone_density", None, datetime(2026, 11, 29, 23, 30, tzinfo=UTC))
    assert name == "bone_density_everybody_2026-11-30"


@pytest.mark.skipif(find_browser() is None, reason="pictures need Chromium")
def test_a_png_has_the_width_and_resolution_that_were_asked_for() -> None:
    picture = Image.open(io.BytesIO(png_of(figures.prevalence_figure(RATES), width_cm=8.0, dpi=150)))
    assert picture.width == pytest.approx(8.0 / 2.54 * 150, abs=2)
    assert picture.info["dpi"] == pytest.approx((150, 150), abs=0.1)


def test_no_key_of_a_patient_is_in_the_data(filled_store: Path, open_page: Callable[..., AppTest]) -> None:
    from pages.ui import services
    from pages.ui.agreement import figures as agreement_figures

    open_page(filled_store, "pages/agreement.py")
    pairs = services.agreement_pairs(CohortFilter(), by_level=False)
    text = data_csv(agreement_figures.scatter_figure(pairs, {})).decode("utf-8-sig")
    assert text.count("\n") > len(pairs)
    assert not [key for key in (*pairs.series_key, *pairs.patient_key) if key in text]
