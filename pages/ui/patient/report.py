"""A one-page report on a signed read, as HTML and PDF: it loads no external content, and every text is escaped."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from osteo_core.errors import OsteoError
from osteo_core.review.reads import Verdict
from osteo_core.review.summary import Interval
from osteo_core.terms import Level
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import author as who_notes
from pages.ui.access.users import current_user, later, seen_by
from pages.ui.patient.priors import change_words
from pages.ui.patient.reader import SHOWN
from pages.ui.shared import wording
from pages.ui.shared.colours import READER_COLOURS
from pages.ui.shared.faults import draw_fault
from pages.ui.shared.html_table import html_table
from pages.ui.shared.literal import literal

if TYPE_CHECKING:
    from osteo_core.dicom.who import Who

_STYLE = """
@page { size: A4; margin: 12mm 14mm; }
body { font: 10.5px/1.38 system-ui, sans-serif; color: #1b2430; background: #fff; max-width: 182mm; margin: 0 auto;
  padding: 4mm; }
@media print { body { padding: 0; } }
h1 { font-size: 17px; margin: 0 0 1mm; } h2 { font-size: 12px; margin: 3mm 0 1mm; } p { margin: 1mm 0; }
.head { display: flex; justify-content: space-between; gap: 6mm; align-items: baseline; }
.note { color: #454f5c; } .must { border: 1px solid #8f5e00; padding: 1.2mm 2.5mm; border-radius: 1mm; }
.two { display: grid; grid-template-columns: 62mm 1fr; gap: 5mm; align-items: start; }
.value { font-size: 15px; font-weight: 700; } svg { width: 62mm; max-height: 105mm; background: #000; display: block; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 0.6mm 1.5mm; border-bottom: 1px solid #d9dee6; vertical-align: top; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.4mm 4mm; margin: 1mm 0; } dt { color: #454f5c; }
dd { margin: 0; overflow-wrap: anywhere; }
.words { white-space: pre-wrap; overflow-wrap: anywhere; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_text = partial(html.escape, quote=True)


def show_report(series_key: str) -> None:
    """The report behind a button, for users who may see images; a sentence if nothing is signed or it is hidden from
    them.
    """
    user, author = current_user(), who_notes()
    if not may(user, Action.SEE_IMAGES):
        return
    with st.popover("Report", icon=":material/description:", width="content"):
        found = services.reading(series_key)
        refused = services.why_no_report(found)
        is_blind = may(user, Action.SIGN) and found.is_hidden_from(author)
        if not refused and is_blind and series_key not in st.session_state.get(SHOWN, ()):
            refused = "you read this series blind, as a second reader; sign it, or ask to see what was signed"
        if refused:
            st.caption(f"{literal(wording.sentence(refused))}.")
            return
        name = f"report_{wording.short_key(series_key)}"
        sight = seen_by()
        page = partial(report_html, series_key, seen_by=sight)
        printed = partial(report_pdf, series_key, seen_by=sight)
        _offer(later(Action.SEE_IMAGES, page), later(Action.SEE_IMAGES, printed), name)
        st.caption("One page on the read that counts, under the pseudonym.")
        if services.may_see_identity(user, author):
            _offer_named(series_key, author, name)


def _offer(page: bytes | Callable[[], bytes], printed: Callable[[], bytes], name: str) -> None:
    line = st.container(horizontal=True)
    line.download_button("HTML", page, f"{name}.html", "text/html", on_click="ignore", key=f"{name}-html")
    line.download_button(
        "PDF",
        printed,
        f"{name}.pdf",
        "application/pdf",
        on_click="ignore",
        key=f"{name}-pdf",
        disabled=services.find_browser() is None,
        help=services.BROWSER_NEEDED if services.find_browser() is None else None,
    )


def _offer_named(series_key: str, author: str, name: str) -> None:
    """The report with the patient's name, for those who may see it: requested with a reason, and recorded."""
    reason = st.text_input("Why does it need the patient's name?", key=f"named-{series_key}", placeholder="recorded")
    if not st.button("Make it with the name", key=f"named-go-{series_key}"):
        return
    try:
        page = report_html(series_key, who=services.reveal(series_key, author=author, reason=reason), seen_by=seen_by())
    except OsteoError as refused:
        draw_fault(refused)
        return
    _offer(page, later(Action.REVEAL, partial(services.print_pdf, page)), f"named_{name}")


def report_pdf(series_key: str, *, seen_by: str | None) -> bytes:
    """The same as PDF. Raises UsageError if no read may be reported, PictureError if there is no Chromium."""
    return services.print_pdf(report_html(series_key, seen_by=seen_by))


def report_html(series_key: str, *, who: Who | None = None, seen_by: str | None) -> bytes:
    """The page; with the patient's name only where ``who`` was revealed; earlier studies as ``seen_by`` may see them.

    Raises UsageError if nothing is signed.
    """
    found = services.read_report(series_key, seen_by=seen_by)
    parts = [_head(found, who), _result(found), _levels(found), _corrected(found), _made(found)]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>Bone density on CT: report on a signed read</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>"
    ).encode()


def _head(found: services.ReadReport, who: Who | None) -> str:
    view = found.view
    age = f"{view.age_years:.0f} years" if view.age_years is not None else "age unknown"
    name = (
        f"{_text(who.name)}, born {_text(who.birth_date or 'unknown')}, number {_text(who.patient_id)} · "
        if who
        else ""
    )
    must = wording.RESEARCH_USE
    if view.is_simulated:
        must += f" {wording.NO_PERSON}"
    return (
        "<div class='head'><h1>Bone density of the spine on CT</h1>"
        f"<span class='note'>study of {_text(wording.day(view.study_date))}</span></div>"
        f"<p>{name}Pseudonym <b>{_text(wording.short_key(view.patient_key))}</b>, {age}, {wording.SEX[view.sex]} · "
        f"{_text(f'{view.vendor} {view.scanner}'.strip())}, {_text(view.scan)}</p><p class='must'>{_text(must)}</p>"
    )


def _result(found: services.ReadReport) -> str:
    read, limits = found.read, services.limits()
    summary, is_rejected = read.summary, read.verdict is Verdict.REJECT
    category = "no value: the reader rejected the measurement" if is_rejected else (summary.category or "no category")
    mean = f"{_interval(summary.mean_mg_cm3)} {wording.UNIT} (95 % interval)" if summary.mean_mg_cm3 else "no mean vBMD"
    rows = [
        ("Mean trabecular vBMD", f"{mean}, levels {wording.levels(summary.levels_used) or 'none'}"),
        (
            "Limits",
            f"osteoporosis below {limits.osteoporosis_below:g}, normal above {limits.normal_above:g} {wording.UNIT}",
        ),
        ("Worst fracture grade", f"{wording.grade(summary.worst_grade)} (Genant 1993)"),
        ("Calibration", _calibration(found.view)),
        ("Contrast phase", found.view.contrast_phase),
        *(("Earlier study", change_words(prior)) for prior in found.priors[:1]),
        ("Points to note", " ".join(found.view.cautions) or "nothing was noted"),
    ]
    facts = f"<p class='value'>{_text(wording.sentence(str(category)))}</p>" + _facts(rows[:1] * is_rejected or rows)
    return f"<div class='two'><div>{_picture(found)}</div><div>{facts}{_words(found)}</div></div>"


def _calibration(view: services.PatientView) -> str:
    words = [view.calibration or "none", view.calibration_source, f"in {view.mineral}" if view.mineral else ""]
    words += ["; ".join(view.corrections)]
    return ", ".join(word for word in words if word)


def _picture(found: services.ReadReport) -> str:
    picture = found.picture
    if picture is None:
        return f"<p class='note'>No picture: {_text(found.why_no_picture)}.</p>"
    data = base64.b64encode(picture.png).decode()
    size = f"width='{picture.width_mm:.2f}' height='{picture.height_mm:.2f}'"
    drawn = "".join(
        f"<path d='{path}' fill='none' stroke='{READER_COLOURS[level]}' stroke-width='0.9'/>"
        f"<text x='{picture.names[level][0]:.1f}' y='{picture.names[level][1]:.1f}' fill='{READER_COLOURS[level]}' "
        f"font-size='6.5' font-weight='700' dominant-baseline='middle'>{level.name}</text>"
        for level, path in picture.outlines.items()
    )
    return (
        f"<svg viewBox='0 0 {picture.width_mm:.2f} {picture.height_mm:.2f}' role='img' "
        f"aria-label='Mid-sagittal plane with outlines'><image href='data:image/png;base64,{data}' {size} "
        f"preserveAspectRatio='none'/>{drawn}</svg>"
        "<p class='note'>Mid-sagittal plane along the spine; anterior on the left.</p>"
    )


def _levels(found: services.ReadReport) -> str:
    read = found.read
    if read.verdict is Verdict.REJECT:
        return ""
    summary = read.summary
    rows = [
        (
            level.name,
            _interval(one.vbmd_mg_cm3),
            wording.number(one.median_hu),
            wording.grade(one.grade),
            read.decisions.causes[level].value if level in read.decisions.causes else wording.MISSING,
            "counts" if level in summary.levels_used else one.left_out or "does not count",
        )
        for level, one in sorted(summary.levels.items())
    ]
    head = ("Level", f"vBMD, {wording.UNIT} (95 %)", "HU", "Genant grade", "m2ABQ by the reader", "Counts, or why not")
    return "<h2>Levels</h2>" + html_table(head, rows)


def _corrected(found: services.ReadReport) -> str:
    done = corrections(found)
    return (
        "<h2>What was corrected</h2><p>"
        + _text("; ".join(done) or "nothing: the program's result was accepted")
        + ".</p>"
    )


def corrections(found: services.ReadReport) -> list[str]:
    """What the reader changed, each in a few words."""
    read, model, decisions = found.read, found.model, found.read.decisions
    outlined = [
        f"outline of {level.name} (Dice {dice:.2f} with the program's)" if dice else _whole(level, model.levels)
        for level, dice in sorted(found.dice.items())
    ]
    done = outlined + [
        f"{level.name} left out: {reason.sentence}" for level, reason in sorted(decisions.left_out.items())
    ]
    done += [f"fracture grade of {level.name}: {grade}" for level, grade in sorted(decisions.grades.items())]
    if decisions.phase:
        done.append(f"contrast phase: {decisions.phase.value}")
    if decisions.is_count_wrong:
        done.append("the levels were counted from a wrong landmark")
    if done and model.category != read.summary.category:
        was = model.category.value if model.category else "no category"
        done.append(f"before: {was}, {_interval(model.mean_mg_cm3)} {wording.UNIT}")
    return done


def _whole(level: Level, outlined: Iterable[Level]) -> str:
    return f"{level.name} taken out" if level in outlined else f"{level.name} outlined anew"


def _words(found: services.ReadReport) -> str:
    words = found.read.words.strip()
    return f"<h2>In the reader's words</h2><p class='words'>{_text(words)}</p>" if words else ""


def _made(found: services.ReadReport) -> str:
    read, view = found.read, found.view
    by = "the program" if read.version == read.model_hash else "corrected by the reader"
    signed = f"{read.verdict.value} by {services.name_of(read.reader)}, {read.role.value}, {wording.moment(read.at)}"
    rows = [
        ("Signed", f"{signed}; {found.status.value}"),
        ("Outlines", f"{read.version[:16]}, {by}"),
        ("Model", read.model_hash[:16]),
        ("Settings, measuring code", f"{read.settings_hash}, {view.measuring_version}"),
        ("Series", view.series_key),
    ]
    return "<h2>How it was made</h2>" + _facts(rows)


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{_text(name)}</dt><dd>{_text(str(value))}</dd>" for name, value in rows) + "</dl>"


def _interval(given: Interval | None) -> str:
    return wording.interval(*given) if given else wording.MISSING
