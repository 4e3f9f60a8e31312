"""The report as one HTML file that needs no network, and as PDF; every figure with its n, exclusions and versions."""

from __future__ import annotations

import base64
import html
from datetime import UTC, datetime

import plotly.graph_objects as go

from pages.ui import services
from pages.ui.agreement.figures import Pairs
from pages.ui.export.report_figures import ReportFigure, about, kind, report_figures
from pages.ui.shared import wording
from pages.ui.shared.html_table import html_table
from pages.ui.shared.take_figure import WIDTH_PX

#: It loads nothing, whatever became of a text; the figures are scripts of its own.
_POLICY = (
    "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data: blob:\">"
)
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b2430; max-width: 900px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; } .note { color: #5a6472; font-size: 0.9rem; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; font-size: 0.9rem; }
th, td { text-align: left; padding: 0.25rem 0.6rem; border-bottom: 1px solid #d9dee6; overflow-wrap: anywhere; }
figure { margin: 1rem 0; break-inside: avoid; } figure img { width: 100%; } @media print { body { margin: 0; } }
"""


def _interactive(figure: go.Figure, *, is_first: bool) -> str:
    drawn: str = figure.to_html(full_html=False, include_plotlyjs="inline" if is_first else False)
    return drawn


def _still(one: ReportFigure) -> str:
    """The figure as an image embedded in the page."""
    height = int(one.figure.layout.height or 400)
    figure = go.Figure(one.figure).update_layout(template="plotly_white", width=WIDTH_PX, height=height)
    data = base64.b64encode(services.picture(figure, "svg", width=WIDTH_PX, height=height)).decode()
    return f"<img alt='{html.escape(one.title)}' src='data:image/svg+xml;base64,{data}'>"


def report_html(chosen: services.CohortFilter, *, seen_by: str | None, is_static: bool = False) -> bytes:
    """The report on the filtered cohort, as ``seen_by`` may see it; its figures are interactive, or pictures.

    Raises PictureError if pictures are requested and there is no Chromium to draw them.
    """
    numbers = services.cohort_numbers(chosen, seen_by=seen_by)
    parts = [
        "<h1>Bone screening on CT: report on a cohort</h1>",
        f"<p><b>{html.escape(wording.RESEARCH_USE)}</b></p>",
        f"<p>{html.escape(kind(numbers))} Pseudonyms only. Made on {wording.moment(datetime.now(UTC))}. "
        f"Filter: <code>{html.escape(chosen.to_query() or 'everybody')}</code></p>",
        _numbers(numbers),
        *_figures(chosen, seen_by, is_static=is_static),
        _agreement(chosen, seen_by),
        _exclusions(chosen, seen_by),
        _versions(chosen, seen_by),
    ]
    body = "\n".join(parts)
    head = f"<meta charset='utf-8'>{_POLICY}<title>Report</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang='en'>{head}{body}</html>".encode()


def report_pdf(chosen: services.CohortFilter, *, seen_by: str | None) -> bytes:
    """The same as PDF. Raises PictureError if there is no Chromium."""
    return services.print_pdf(report_html(chosen, seen_by=seen_by, is_static=True))


def _figures(chosen: services.CohortFilter, reader: str | None, *, is_static: bool) -> list[str]:
    """Every figure with its n, exclusions, versions, simulated or real; or a sentence why there is none."""
    found = report_figures(chosen, seen_by=reader)
    if not found:
        return ["<h2>Figures</h2><p>No patient in this filter has a vBMD.</p>"]
    beside = about(chosen, seen_by=reader)
    return [
        f"<figure><h2>{html.escape(one.title)}</h2>"
        + (_still(one) if is_static else _interactive(one.figure, is_first=number == 0))
        + f"<figcaption class='note'>{html.escape(f'{one.words} {beside}')}</figcaption></figure>"
        for number, one in enumerate(found)
    ]


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
    return "<h2>Numbers</h2>" + html_table(("", "n"), [(word, f"{n:,}") for word, n in rows])


def _agreement(chosen: services.CohortFilter, reader: str | None) -> str:
    pairs = services.agreement_pairs(chosen, by_level=False, hidden=services.hidden_series(reader))
    if not len(pairs):
        return "<h2>Agreement with QCT</h2><p>No patient in this filter has a QCT value in the mineral of the vBMD.</p>"
    minerals = pairs.minerals()
    return "".join(_agreement_in(pairs.in_mineral(one), f", {one}" if len(minerals) > 1 else "") for one in minerals)


def _agreement_in(pairs: Pairs, mineral: str) -> str:
    head = ("Group", "n", "Pearson r", f"Bias, {wording.UNIT}", "Lower limit", "Upper limit")
    lines = [
        (
            row.group,
            row.n,
            wording.estimate(row.figures.get("Pearson r"), digits=3),
            wording.estimate(row.figures.get("Bias"), digits=1),
            wording.estimate(row.lower_limit, digits=1),
            wording.estimate(row.upper_limit, digits=1),
        )
        for row in services.agreement(pairs)
    ]
    return f"<h2>Agreement with QCT by vendor{mineral}</h2>" + html_table(head, lines)


def _exclusions(chosen: services.CohortFilter, reader: str | None) -> str:
    flow = services.exclusion_flow(chosen, reader=reader)
    rows = [(step.step, f"{r.count:,}", r.words) for step in flow.steps for r in step.reasons]
    words = f"<p>{flow.found:,} series found, {flow.left_out:,} left out, {flow.categorised:,} with a category.</p>"
    return "<h2>Exclusions</h2>" + words + (html_table(("Step", "n", "Reason"), rows) if rows else "")


def _versions(chosen: services.CohortFilter, reader: str | None) -> str:
    rows = [
        (
            v["model_hash"][:16],
            v["settings_hash"],
            v["measuring_version"],
            v["calibration_name"] or "none",
            v["mineral"],
            "simulated" if v["is_simulated"] else "real",
            f"{v['n']:,}",
        )
        for v in services.versions(chosen, seen_by=reader)
    ]
    head = ("Model (SHA-256)", "Settings", "Measuring code", "Calibration", "Mineral", "Patients", "Series")
    return "<h2>Versions</h2>" + (html_table(head, rows) if rows else "<p>Nothing was analyzed.</p>")
