"""The call list of a worklist: whom to contact, by when and about what, as CSV and for printing, and letters.

Pseudonyms only: permitted users can look up a patient's identity on the patient's page.
"""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import streamlit as st

from osteo_core.errors import UsageError
from osteo_core.programme.follow_up import State, working_days
from osteo_core.programme.planning import DEFAULT_LETTER, NEXT_CONTACT, letter
from osteo_core.tables.formulas import guarded
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import current_user, later
from pages.ui.shared import wording
from pages.ui.shared.faults import draw_fault, in_words
from pages.ui.shared.html_table import html_table
from pages.ui.shared.notes import author_name
from pages.ui.worklist.order import WorkOrder

_NEEDS_AUTHOR = "a letter is signed by its sender: type your name or initials under 'Noted by' first"
#: Maximum number of patients on a call list; the filter leads to the others.
MOST = 1000
_HEAD = (
    "due_date",
    "working_days_left",
    "patient",
    "age_years",
    "sex",
    "state",
    "what_to_say",
    "assigned_to",
    "last_contact",
    "category",
    "mean_vbmd_mg_cm3",
    "reason",
    "is_simulated",
)
_STYLE = """
body { font: 13px/1.4 system-ui, sans-serif; color: #1b2430; margin: 1.5rem; }
h1 { font-size: 1.3rem; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.5rem; border: 1px solid #9aa3b0; }
tr { break-inside: avoid; } thead { display: table-header-group; } .box { width: 1.4rem; }
pre { font: 14px/1.5 system-ui, sans-serif; white-space: pre-wrap; break-after: page; }
"""


def calls(order: WorkOrder) -> list[services.WorkItem]:
    """The open follow-ups of the list in the order of their due dates, MOST at most."""
    items = services.work_items(order.keys[:MOST], seen_by=order.seen_by)
    return sorted((item for item in items if item.due_at), key=lambda item: (item.due_at, item.series_key))


def as_csv(items: Sequence[services.WorkItem], reasons: Sequence[str]) -> bytes:
    """The call list as CSV in UTF-8 with a byte order mark for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_HEAD)
    today = datetime.now(UTC).astimezone().date()
    for item, reason in zip(items, reasons, strict=True):
        due = item.due_at.astimezone().date() if item.due_at else None
        vbmd = item.mean_vbmd_mg_cm3
        cells = (
            due.isoformat() if due else "",
            working_days(today, due) if due else "",
            wording.short_key(item.patient_key),
            "" if item.age_years is None else f"{item.age_years:.0f}",
            item.sex.value,
            item.state.value if item.state else "",
            _say(item),
            item.assignee,
            _last_contact(item),
            item.category.value if item.category else "",
            f"{vbmd.value:.0f}" if vbmd else "",
            reason,
            str(item.is_simulated).lower(),
        )
        writer.writerow(map(guarded, cells))
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def as_page(items: Sequence[services.WorkItem], reasons: Sequence[str]) -> bytes:
    """The call list as a printable page, with a box to tick for each patient."""
    now = datetime.now(UTC)
    head = ("", "Due", "Patient", "State", "What to say", "Assigned to", "Last contact", "Reason")
    rows = [
        (
            "☐",
            wording.due(item.due_at, now),
            _patient(item),
            item.state.value if item.state else "",
            _say(item),
            item.assignee or "nobody yet",
            _last_contact(item) or "none noted",
            reason,
        )
        for item, reason in zip(items, reasons, strict=True)
    ]
    title = f"Call list of {wording.moment(now)}: {wording.counted(_patients(items), 'patient')}"
    if len(items) > _patients(items):
        title += f" with {len(items):,} flagged series"
    return _page(
        title,
        f"<h1>{html.escape(title)}</h1><p>{html.escape(wording.RESEARCH_USE)}</p>{_simulated(items)}"
        f"{html_table(head, rows)}",
    )


def letters(items: Sequence[services.WorkItem], reasons: Sequence[str], *, author: str) -> bytes:
    """One letter per patient, each on its own page, from the site's template; about the series that is due first.

    Raises UsageError for a faulty template, or if nobody signs the letters.
    """
    if not author.strip():
        raise UsageError(_NEEDS_AUTHOR)
    template = site_letter()
    now = datetime.now(UTC)
    parts = []
    first = {item.patient_key: item.series_key for item in reversed(items)}
    for item, reason in zip(items, reasons, strict=True):
        if item.series_key != first[item.patient_key]:
            continue
        values = {
            "patient": wording.short_key(item.patient_key),
            "age": wording.number(item.age_years),
            "sex": item.sex.value,
            "study_date": wording.day(item.study_date),
            "vbmd": wording.estimate(item.mean_vbmd_mg_cm3, unit=wording.UNIT),
            "category": item.category.value if item.category else wording.MISSING,
            "reason": reason,
            "due_date": wording.day(item.due_at.astimezone().date() if item.due_at else None),
            "today": wording.day(now.astimezone().date()),
            "author": author,
        }
        note = f"<p><b>{html.escape(wording.NO_PERSON)}</b></p>" if item.is_simulated else ""
        parts.append(f"{note}<pre>{html.escape(letter(template, values))}</pre>")
    return _page("Letters", "".join(parts))


def site_letter() -> str:
    """The site's own letter (setting letter_template), else the one shipped with the program.

    Raises UsageError if it cannot be read.
    """
    path = services.settings().letter_template
    try:
        return Path(path).read_text(encoding="utf-8") if path else DEFAULT_LETTER
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not in UTF-8"
        raise UsageError(f"the letter template {path} cannot be read ({reason}); fix it or save it again") from None


def show(order: WorkOrder, reasons_of: Callable[[services.WorkItem], str]) -> None:
    """The buttons, behind a menu button, for permitted users; files are made on request."""
    if not may(current_user(), Action.CALL_LIST):
        return
    with st.popover("Call list", icon=":material/call:", help="Print or download it, in the order of due dates"):
        st.caption(f"Patients of this list with a next step, by due date, {MOST:,} at most. Pseudonyms only.")
        day = f"{datetime.now(UTC).astimezone():%Y-%m-%d}"
        _button("CSV", f"call_list_{day}.csv", partial(_listed, order, reasons_of, as_csv))
        _button("Page to print", f"call_list_{day}.html", partial(_listed, order, reasons_of, as_page))
        with in_words(draw_fault):  # a faulty template disables the letters only
            letter(site_letter(), {})
            author = author_name()
            write = partial(letters, author=author)
            confirmed = partial(_confirmed, order, reasons_of, write)
            _button("Letters for the confirmed", f"letters_{day}.html", confirmed, is_ready=bool(author.strip()))
            if not author.strip():
                st.caption(f"{wording.sentence(_NEEDS_AUTHOR)}.")


_Make = Callable[[Sequence[services.WorkItem], Sequence[str]], bytes]


def _button(words: str, file_name: str, make: Callable[[], bytes], *, is_ready: bool = True) -> None:
    mime = "text/csv" if file_name.endswith("csv") else "text/html"
    made, key = later(Action.CALL_LIST, make), f"calls-{words}"
    st.download_button(words, made, file_name, mime, on_click="ignore", key=key, disabled=not is_ready)


def _listed(order: WorkOrder, reasons_of: Callable[[services.WorkItem], str], make: _Make) -> bytes:
    items = calls(order)
    return make(items, [reasons_of(item) for item in items])


def _confirmed(order: WorkOrder, reasons_of: Callable[[services.WorkItem], str], make: _Make) -> bytes:
    items = [item for item in calls(order) if item.state is State.CONFIRMED]
    return make(items, [reasons_of(item) for item in items])


def _patient(item: services.WorkItem) -> str:
    """'1a2b3c4d, 71 F', and that it is no person."""
    who = f"{wording.short_key(item.patient_key)}, {wording.number(item.age_years)} {item.sex.value}"
    return f"{who}, simulated" if item.is_simulated else who


def _patients(items: Sequence[services.WorkItem]) -> int:
    """How many people they are: one may have several flagged series."""
    return len({item.patient_key for item in items})


def _simulated(items: Sequence[services.WorkItem]) -> str:
    """A line on the page if patients of the list are simulated."""
    count, all_of_them = _patients([item for item in items if item.is_simulated]), _patients(items)
    if not count:
        return ""
    words = "All patients are" if count == all_of_them else f"{count:,} of {all_of_them:,} patients are"
    return f"<p><b>{words} simulated: invented anatomy, image and density; no person.</b></p>"


def _say(item: services.WorkItem) -> str:
    return NEXT_CONTACT.get(item.state or State.TO_REVIEW, "")


def _last_contact(item: services.WorkItem) -> str:
    return f"{wording.day(item.contact_at.astimezone().date())}, {item.contact}" if item.contact_at else ""


def _page(title: str, body: str) -> bytes:
    policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    head = f"<meta charset='utf-8'>{policy}<title>{html.escape(title)}</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang='en'>{head}{body}</html>".encode()
