"""The report: one HTML file that needs no network, every figure with its n, exclusions, versions, simulated or real."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import UTC, datetime

import plotly.graph_objects as go

from pages.ui import agreement_figures, figures, services, wording

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b2430; max-width: 900px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; } .note { color: #5a6472; font-size: 0.9rem; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; font-size: 0.9rem; }
th, td { text-align: left; padding: 0.25rem 0.6rem; border-bottom: 1px solid #d9dee6; overflow-wrap: anywhere; }
figure { margin: 1rem 0; break-inside: avoid; } @media print { body { margin: 0; } }
"""


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    cells = "".join(f"<th>{html.escape(word)}</th>" for word in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _figure(figure: go.Figure, caption: str, *, is_first: bool) -> str:
    drawn = figure.to_html(full_html=False, include_plotlyjs="inline" if is_first else False)
    return f"<figure>{drawn}<figcaption class='note'>{html.escape(caption)}</figcaption></figure>"


def _kind(numbers: services.CohortNumbers) -> str:
    if numbers.simulated == numbers.series:
        return "All patients are simulated."
    if numbers.simulated:
        return f"{numbers.simulated:,} of {numbers.series:,} series are simulated, the rest are real."
    return "All patients are real."


def report_html(chosen: services.CohortFilter) -> bytes:
    """The report on the filtered cohort."""
    numbers = services.cohort_numbers(chosen)
    kind = _kind(numbers)
    about = f"{kind} {numbers.excluded:,} series excluded, {numbers.failed:,} failed, of {numbers.series:,}."
    parts = [
        "<h1>Bone screening on CT: report on a cohort</h1>",
        f"<p><b>{html.escape(wording.RESEARCH_USE)}</b></p>",
        f"<p>{html.escape(kind)} Pseudonyms only. Made on {wording.moment(datetime.now(UTC))}. "
        f"Filter: <code>{html.escape(chosen.to_query() or 'everybody')}</code></p>",
        _numbers(numbers),
        _distribution(chosen, numbers, about),
        _prevalence(chosen, about),
        _agreement(chosen, about),
        _exclusions(chosen),
        _versions(chosen),
    ]
    body = "\n".join(parts)
    head = f"<meta charset='utf-8'><title>Report</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang='en'>{head}{body}</html>".encode()


def _numbers(numbers: services.CohortNumbers) -> str:
    rows = (
        ("Patients", numbers.patients),
        ("Series", numbers.series),
        ("measured", numbers.measured),
        ("with a category", numbers.categorised),
        ("excluded", numbers.excluded),
        ("failed", numbers.failed),
        ("flagged", numbers.flagged),
        ("overdue", numbers.overdue),
    )
    return "<h2>Numbers</h2>" + _table(("", "n"), [(word, f"{n:,}") for word, n in rows])


def _distribution(chosen: services.CohortFilter, numbers: services.CohortNumbers, about: str) -> str:
    bins = services.vbmd_bins(chosen)
    if not bins:
        return "<h2>Bone density</h2><p>Nobody in this filter has a vBMD.</p>"
    limits = services.limits()
    figure = figures.distribution_figure(bins, width=services.BIN_MG_CM3, limits=limits)
    n = sum(one.count for one in bins)
    words = f"n = {n:,} series; limits {limits.osteoporosis_below:g} and {limits.normal_above:g} mg/cm3. {about}"
    return "<h2>Bone density</h2>" + _figure(figure, words, is_first=True)


def _prevalence(chosen: services.CohortFilter, about: str) -> str:
    parts = ["<h2>Prevalence</h2>"]
    for name, by in (("sex", "sex"), ("age band", "age_band")):
        rates = services.prevalence(chosen, by=by)
        if not any(rate.n for rate in rates):
            return "<h2>Prevalence</h2><p>Nobody in this filter has a category.</p>"
        n, missing = sum(rate.n for rate in rates), sum(rate.missing for rate in rates)
        words = f"By {name}: n = {n:,} patients with a category, {missing:,} without. Wilson 95 % intervals. {about}"
        parts.append(_figure(figures.prevalence_figure(rates), words, is_first=False))
    return "".join(parts)


def _agreement(chosen: services.CohortFilter, about: str) -> str:
    pairs = services.agreement_pairs(chosen, by_level=False)
    if not len(pairs):
        return "<h2>Agreement with QCT</h2><p>No patient in this filter has a QCT value.</p>"
    rows = services.agreement(pairs)
    figure = agreement_figures.bland_altman_figure(pairs, rows[0])
    figure.update_traces(customdata=None, hovertemplate=None)  # no key of a patient leaves with the picture
    head = ("Group", "n", "Pearson r", "Bias, mg/cm3", "Lower limit", "Upper limit")
    lines = [
        (
            row.group,
            row.n,
            wording.estimate(row.figures.get("Pearson r"), digits=3),
            wording.estimate(row.figures.get("Bias"), digits=1),
            wording.estimate(row.lower_limit, digits=1),
            wording.estimate(row.upper_limit, digits=1),
        )
        for row in rows
    ]
    words = f"n = {len(pairs):,} patients, one value each. Differences are this CT minus QCT. {about}"
    return "<h2>Agreement with QCT</h2>" + _figure(figure, words, is_first=False) + _table(head, lines)


def _exclusions(chosen: services.CohortFilter) -> str:
    flow = services.exclusion_flow(chosen)
    rows = [(step.step, f"{r.count:,}", r.words) for step in flow.steps for r in step.reasons]
    words = f"<p>{flow.found:,} series found, {flow.left_out:,} left out, {flow.categorised:,} with a category.</p>"
    return "<h2>Exclusions</h2>" + words + (_table(("Step", "n", "Reason"), rows) if rows else "")


def _versions(chosen: services.CohortFilter) -> str:
    rows = [
        (
            v["model_hash"][:16],
            v["settings_hash"],
            v["calibration_name"] or "none",
            v["mineral"],
            "simulated" if v["is_simulated"] else "real",
            f"{v['n']:,}",
        )
        for v in services.versions(chosen)
    ]
    head = ("Model (SHA-256)", "Settings", "Calibration", "Mineral", "Patients", "Series")
    return "<h2>Versions</h2>" + (_table(head, rows) if rows else "<p>Nothing was analysed.</p>")
