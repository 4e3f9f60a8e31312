"""Figures show the given numbers: positions, intervals, limits and colours."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from osteo_core.programme.comparison import compare
from osteo_core.records import Estimate
from osteo_core.terms import Category, Vendor
from pages.ui.agreement.figures import (
    CELLS,
    MOST_POINTS,
    Pairs,
    Zoom,
    bland_altman_figure,
    on_bland_altman,
    on_scatter,
    scatter_figure,
    within,
)
from pages.ui.follow_up.figures import flags_figure
from pages.ui.services.follow_up import Queue
from pages.ui.shared import colours
from pages.ui.shared.figures import (
    Bin,
    LevelPoint,
    Limits,
    Rate,
    category_of,
    distribution_figure,
    levels_figure,
    prevalence_figure,
)

LIMITS = Limits(osteoporosis_below=80.0, normal_above=120.0)


def estimate(value: float, half: float) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half, n=10, method="test")


@pytest.mark.parametrize(
    ("vbmd", "category"),
    [(79.9, "osteoporosis"), (80.0, "low bone mass"), (120.0, "low bone mass"), (120.1, "normal")],
)
def test_both_limits_belong_to_low_bone_mass(vbmd: float, category: str) -> None:
    assert category_of(vbmd, LIMITS) == category


def test_prevalence_draws_share_and_interval_of_each_group() -> None:
    rates = [
        Rate(group="women (F)", n=36, missing=5, osteoporosis=estimate(0.25, 0.1), low_bone_mass=estimate(0.4, 0.1)),
        Rate(group="other (O)", n=0, missing=2, osteoporosis=None, low_bone_mass=None),
    ]
    figure = prevalence_figure(rates)
    trace = figure.data[0]
    assert (trace.name, list(trace.x)) == ("osteoporosis", [25.0])
    assert (trace.error_x.array[0], trace.error_x.arrayminus[0]) == pytest.approx((10.0, 10.0))
    assert list(figure.layout.yaxis.ticktext) == ["women (F) (n 36)", "other (O) (n 0)"]
    low, high = figure.layout.xaxis.range
    assert low < 0 < 100 < high, "a marker at either end is whole"
    assert (figure.layout.xaxis.tick0, figure.layout.xaxis.dtick, figure.layout.xaxis.ticksuffix) == (0, 20, " %")


def test_one_week_of_flags_has_one_tick_and_many_slots_are_written_out() -> None:
    queue = Queue(weeks=(date(2026, 11, 23),), flags=(3,), to_review=0, before_clinic=0)
    figure = flags_figure(queue, slots=10_000.0)
    assert list(figure.layout.xaxis.tickvals) == [date(2026, 11, 23)]
    assert figure.layout.annotations[0].text == "10,000 slots"


def test_the_distribution_colours_by_category_and_draws_both_limits() -> None:
    bins = [
        Bin(low_mg_cm3=70.0, category=Category.OSTEOPOROSIS, count=3),
        Bin(low_mg_cm3=70.0, category=Category.NOT_REPORTABLE, count=1),
        Bin(low_mg_cm3=80.0, category=Category.LOW_BONE_MASS, count=2),
        Bin(low_mg_cm3=120.0, category=Category.NORMAL, count=5),
    ]
    figure = distribution_figure(bins, width=10.0, limits=LIMITS)
    drawn = {trace.name: (list(trace.x), list(trace.y)) for trace in figure.data}
    assert drawn == {
        "osteoporosis": ([75.0], [3]),
        "low bone mass": ([85.0], [2]),
        "normal": ([125.0], [5]),
        "not reportable": ([75.0], [1]),
    }
    assert figure.layout.barmode == "stack"
    assert [shape.x0 for shape in figure.layout.shapes] == [80.0, 120.0]


def test_levels_that_do_not_count_are_hollow() -> None:
    points = [
        LevelPoint(level="L1", vbmd_mg_cm3=estimate(60.0, 9.0), used=False),
        LevelPoint(level="L2", vbmd_mg_cm3=estimate(130.0, 9.0), used=True),
    ]
    used, left_out = levels_figure(points, LIMITS).data
    assert (list(used.y), used.marker.symbol) == (["L2"], "circle")
    assert (list(left_out.y), left_out.marker.symbol) == (["L1"], "circle-open")
    assert list(left_out.marker.color) == [colours.CATEGORY_COLOURS[Category.OSTEOPOROSIS]]


def pairs_of(measured: np.ndarray, reference: np.ndarray) -> Pairs:
    """One pair per patient, all of one vendor."""
    n = len(measured)
    keys = np.array([f"s{k}" for k in range(n)], dtype=object)
    return Pairs(
        series_key=keys,
        patient_key=keys,
        patient=np.arange(n),
        vendor=np.full(n, "GE", dtype=object),
        level=np.zeros(n, int),
        measured=measured,
        reference=reference,
        mineral=np.full(n, "K2HPO4", dtype=object),
    )


def test_agreement_has_identity_points_lines_and_limits() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(110, 25, 30)
    pairs = pairs_of(truth + rng.normal(0, 4, 30) + 3, truth)
    found = compare("GE", pairs.measured, pairs.reference, patients=pairs.patient, limits_mg_cm3=(80.0, 120.0))
    scatter = scatter_figure(pairs, found.lines)
    assert [trace.name for trace in scatter.data] == ["identity", "Passing-Bablok", "Deming", "GE"]
    assert scatter.data[-1].hovertemplate.startswith("GE (n 30)<br>")
    assert scatter.data[-1].customdata[0][1] == "s0"
    figure = bland_altman_figure(pairs, found)
    assert list(figure.data[0].y) == pytest.approx(list(pairs.measured - pairs.reference))
    texts = [note.text for note in figure.layout.annotations]
    assert found.bland_altman is not None
    assert texts[0] == f"bias {found.bland_altman.bias.value:+.1f}"
    assert len(texts) == 3


def many_pairs(count: int) -> Pairs:
    return pairs_of(np.arange(count) % 200.0, np.arange(count) % 180.0)


def test_many_points_are_counted_in_cells_and_none_of_them_travels() -> None:
    pairs = many_pairs(MOST_POINTS + 1)
    figure = scatter_figure(pairs, {})
    cells = figure.data[-1]
    assert len(cells.x) <= CELLS * CELLS
    assert sum(cells.customdata[:, 4]) == len(pairs)
    for low_x, high_x, low_y, high_y, count in cells.customdata[:20]:
        edges = Zoom(x=(low_x, high_x - 1e-9), y=(low_y, high_y - 1e-9))
        assert len(within(pairs, edges, on_scatter)) == count
    assert len(figure.to_json()) < 600_000
    fewer = scatter_figure(many_pairs(MOST_POINTS), {}).data[-1]
    assert fewer.customdata[17][1] == pairs.series_key[17]


def test_a_box_shows_the_points_in_it_and_nothing_else() -> None:
    pairs = many_pairs(500)
    zoom = Zoom(x=(10.0, 30.0), y=(20.0, 25.0))
    inside = within(pairs, zoom, on_scatter)
    kept = [r for r, m in zip(pairs.reference, pairs.measured, strict=True) if 10 <= r <= 30 and 20 <= m <= 25]
    assert inside.reference.tolist() == kept
    figure = scatter_figure(inside, {}, zoom)
    assert (figure.layout.xaxis.range, figure.layout.yaxis.range) == ((10.0, 30.0), (20.0, 25.0))
    x, y = on_bland_altman(pairs)
    assert (x[190], y[190]) == ((190 + 10) / 2, 180.0)


def test_vendors_differ_in_colour_and_in_shape() -> None:
    assert len(set(colours.VENDOR_COLOURS.values())) == len(Vendor)
    assert len(set(colours.VENDOR_SYMBOLS.values())) == len(Vendor)


def luminance(colour: str) -> float:
    parts = [value / 255 for value in colours.rgb(colour)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", colours.CHIP_COLOURS.values())
def test_white_letters_can_be_read_on_every_chip(colour: str) -> None:
    """WCAG 2.1, contrast (minimum): 4.5 to 1."""
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5
