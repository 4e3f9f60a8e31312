"""The figures of report and export, each with its required notes: n, exclusions, versions, origin."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from pages.ui import services
from pages.ui.agreement import figures as agreement_figures
from pages.ui.shared import figures, wording
from pages.ui.shared.literal import literal_in_figure
from pages.ui.shared.take_figure import INK, PALE, WIDTH_PX

_NOTE_LETTERS = 118
#: From the left edge: labels of groups, and the note below them.
_LEFT_PX, _NOTE_PX = 150, 12
_LINE_PX = 16


@dataclass(frozen=True, kw_only=True)
class ReportFigure:
    """One figure with its title and the sentence about its n."""

    name: str
    title: str
    figure: go.Figure
    words: str


def about(chosen: services.CohortFilter, *, seen_by: str | None) -> str:
    """The text printed beside every figure: simulated or real, exclusions, model, settings and calibration versions."""
    numbers = services.cohort_numbers(chosen, seen_by=seen_by)
    waiting = f", {numbers.waiting:,} not analyzed yet" if numbers.waiting else ""
    no_vbmd = numbers.measured - sum(one.count for one in services.vbmd_bins(chosen, seen_by=seen_by))
    without = f", {no_vbmd:,} measured without vBMD" if no_vbmd else ""
    return (
        f"{kind(numbers)} {numbers.excluded:,} series excluded, {numbers.failed:,} failed{waiting}{without}, "
        f"of {numbers.series:,}. {_versions(services.versions(chosen, seen_by=seen_by))}"
    )


def kind(numbers: services.CohortNumbers) -> str:
    """Whether the patients are simulated or real."""
    if numbers.simulated == numbers.series:
        return "All patients are simulated."
    if numbers.simulated:
        return f"{numbers.simulated:,} of {numbers.series:,} series are simulated, the rest are real."
    return "All patients are real."


def _versions(found: Sequence[dict[str, object]]) -> str:
    models = _listed([str(v["model_hash"])[:12] for v in found])
    settings = _listed([str(v["settings_hash"]) for v in found])
    measured = _listed([str(v["measuring_version"]) for v in found])
    lines = _listed([f"{v['calibration_name']} ({v['mineral']})" for v in found if v["calibration_name"]]) or "none"
    if not found:
        return "Nothing was analyzed."
    return f"Model {models}; settings {settings}; measuring code {measured}; calibration: {lines}."


def _listed(words: Sequence[str], most: int = 2) -> str:
    """The first few distinct words, and how many more there are."""
    once = list(dict.fromkeys(words))
    more = f" and {len(once) - most} more" if len(once) > most else ""
    return ", ".join(once[:most]) + more


def report_figures(chosen: services.CohortFilter, *, seen_by: str | None) -> list[ReportFigure]:
    """Every figure that this filter has data for, in the order of the report, as ``seen_by`` may see it."""
    return [*_distribution(chosen, seen_by), *_prevalence(chosen, seen_by), *_agreement(chosen, seen_by)]


def _distribution(chosen: services.CohortFilter, reader: str | None) -> list[ReportFigure]:
    bins = services.vbmd_bins(chosen, seen_by=reader)
    if not bins:
        return []
    limits = services.limits()
    n = sum(one.count for one in bins)
    return [
        ReportFigure(
            name="bone_density",
            title="Bone density",
            figure=figures.distribution_figure(bins, width=services.BIN_MG_CM3, limits=limits),
            words=f"n = {n:,} series; dashed: limits {limits.osteoporosis_below:g} and {limits.normal_above:g} "
            f"{wording.UNIT}.",
        )
    ]


def _prevalence(chosen: services.CohortFilter, reader: str | None) -> list[ReportFigure]:
    found = []
    for words, by in (("sex", "sex"), ("age band", "age_band"), ("vendor", "vendor")):
        rates = services.prevalence(chosen, by=by, seen_by=reader)
        n, missing = sum(rate.n for rate in rates), sum(rate.missing for rate in rates)
        if n:
            found.append(
                ReportFigure(
                    name=f"prevalence_by_{by}",
                    title=f"Prevalence by {words}",
                    figure=figures.prevalence_figure(rates),
                    words=f"n = {n:,} patients with a category, {missing:,} without. Wilson 95 % intervals.",
                )
            )
    return found


def _agreement(chosen: services.CohortFilter, reader: str | None) -> list[ReportFigure]:
    pairs = services.agreement_pairs(chosen, by_level=False, hidden=services.hidden_series(reader))
    if not len(pairs):
        return []
    minerals = pairs.minerals()
    return [
        one
        for mineral in minerals
        for one in _agreement_in(pairs.in_mineral(mineral), mineral if len(minerals) > 1 else "")
    ]


def _agreement_in(pairs: agreement_figures.Pairs, named: str) -> list[ReportFigure]:
    """The figures of pairs in one mineral, stated if ``named`` because there is another one too."""
    mineral, suffix = (f", {named}", f"_{named}") if named else ("", "")
    everybody = services.agreement(pairs)[0]
    words = f"n = {len(pairs):,} patients, one value each{mineral}."
    drawn = (
        ("agreement_scatter", "Agreement with QCT", agreement_figures.scatter_figure(pairs, everybody.lines)),
        ("agreement_bland_altman", "Differences from QCT", agreement_figures.bland_altman_figure(pairs, everybody)),
    )
    for _, _, figure in drawn:
        figure.update_traces(customdata=None, hovertemplate=None)  # no key of a patient leaves with the picture
    words = f"{words} Differences are this CT minus QCT."
    return [
        ReportFigure(name=name + suffix, title=title + mineral, figure=figure, words=words)
        for name, title, figure in drawn
    ]


def for_print(one: ReportFigure, beside: str) -> go.Figure:
    """The figure on white, with its title above and the required notes below, inside the picture."""
    figure = go.Figure(one.figure)
    lines = textwrap.wrap(f"{one.words} {beside} {wording.RESEARCH_USE}", _NOTE_LETTERS)
    height = int(figure.layout.height or 400) + 60 + _LINE_PX * len(lines)
    figure.update_layout(
        template="plotly_white",
        width=WIDTH_PX,
        height=height,
        title={"text": one.title, "x": 0.01, "xanchor": "left", "y": 0.985, "yanchor": "top"},
        font={"family": "sans-serif", "size": 13, "color": INK},
        margin={"l": _LEFT_PX, "r": 30, "t": 96, "b": 70 + _LINE_PX * len(lines)},
    )
    figure.update_xaxes(gridcolor=PALE)
    figure.update_yaxes(gridcolor=PALE, automargin=False)
    figure.add_annotation(
        text="<br>".join(map(literal_in_figure, lines)),
        xref="paper",
        yref="paper",
        x=0,
        y=0,
        xanchor="left",
        yanchor="top",
        xshift=_NOTE_PX - _LEFT_PX,
        yshift=-56,
        align="left",
        showarrow=False,
        font={"size": 11, "color": "#5a6472"},
    )
    return figure


def picture_of(one: ReportFigure, beside: str, kind: services.PictureKind) -> bytes:
    """The figure as a file. Raises PictureError if there is no Chromium to draw it."""
    figure = for_print(one, beside)
    return services.picture(figure, kind, width=int(figure.layout.width), height=int(figure.layout.height))
