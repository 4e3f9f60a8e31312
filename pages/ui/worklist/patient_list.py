"""The worklist on screen: a component that draws one page of it, and the handling of its requests.

Every request names the patients shown when it was made, and the state shown with each. A request that no longer fits
(another session noted something meanwhile) is refused with a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from osteo_core.assessment.wording import osteoporosis_in_words
from osteo_core.errors import UsageError
from osteo_core.programme.follow_up import ENDED, WITH_CODE, Because, Fact, Note, State, after
from osteo_core.programme.planning import Contact, Plan
from osteo_core.terms import Category
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import author, current_user
from pages.ui.shared import wording
from pages.ui.shared.colours import CHIP_COLOURS
from pages.ui.shared.faults import in_words, words_of
from pages.ui.shared.notes import REVIEWS, step_words
from pages.ui.shared.openings import note_opening
from pages.ui.viewer.review_routes import picture_address, script_address, scripts_ahead
from pages.ui.worklist.order import WorkOrder
from pages.ui.worklist.states import check_seen, state_of

_FOLDER = Path(__file__).parent
_KEY = "patient-list"
#: Everything that can be noted from the list: what it is, its value, its words, and whether it needs a code.
_STEPS = [
    *({"kind": "state", "value": s.value, "words": step_words(s), "needs_code": s in WITH_CODE} for s in State),
    *({"kind": "fact", "value": f.value, "words": step_words(f)} for f in Fact),
    *({"kind": "contact", "value": c.value, "words": f"Contact {c.value}"} for c in Contact),
    {"kind": "assignee", "value": "assignee", "words": "Assign to ..."},
    {"kind": "snooze_until", "value": "snooze", "words": "Wait until ..."},
    {"kind": "woken", "value": "woken", "words": "Wait no longer"},
]
_REVIEWED = tuple(state for state, _ in REVIEWS)


def _part(suffix: str) -> str:
    return (_FOLDER / f"patient_list{suffix}").read_text(encoding="utf-8")


_component = st.components.v2.component("patient_list", html=_part(".html"), css=_part(".css"), js=_part(".js"))


def show(order: WorkOrder, page: int) -> None:
    """Draw one page of the list, and answer its request."""
    items = services.work_items(order.keys_of(page), seen_by=order.seen_by)
    if order.refused_author not in (None, author()):  # a note needed a name, and now there is one
        order.message = order.refused_author = None

    @in_words()
    def answer() -> None:
        _answer(order, items, st.session_state[_KEY].request)

    _component(key=_KEY, data=_data(order, items, page), on_request_change=answer)


def _data(order: WorkOrder, items: Sequence[services.WorkItem], page: int) -> dict[str, Any]:
    """Data for the component: rows in words, possible notes, and the answer to its last request."""
    now = datetime.now(UTC)
    return {
        "list_id": f"{order.list_id}-{page}",
        "rows": [_row(item, order, now) for item in items],
        "selected": order.selected,
        "answered": order.answered,
        "message": order.message,
        "go": order.go,
        "can_undo": bool(order.last),
        "page": page,
        "pages": order.pages,
        "unit": wording.UNIT,
        "reviews": [{"state": s.value, "words": wording.sentence(s.value), "hotkey": key} for s, key in REVIEWS],
        "steps": _STEPS,
        "because": [code.value for code in Because],
        "ahead": scripts_ahead(),
        "volume_script": script_address("volume.js"),
        "ct": _ct_address(order.selected) if order.go else "",
    }


def _ct_address(series_key: str | None) -> str:
    """Address of the CT of the opened patient; '' if it is not made yet, or not for this user.

    The address allows fetching the CT, so the opening is recorded here: its page may never be drawn.
    """
    found = services.ct_of(series_key) if series_key and may(current_user(), Action.SEE_IMAGES) else None
    if series_key is None or found is None:
        return ""
    ct, version = found
    with in_words():
        note_opening(series_key, reader=author(), shows_read=False, version=version)
        return picture_address(ct)
    return ""


def _row(item: services.WorkItem, order: WorkOrder, now: datetime) -> dict[str, Any]:
    vbmd = wording.estimate(item.mean_vbmd_mg_cm3) if item.mean_vbmd_mg_cm3 else ""
    person = " ".join(filter(None, ("" if item.age_years is None else f"{item.age_years:.0f}", item.sex.value)))
    reason = reason_words(item)
    summary = ", ".join(filter(None, (person, item.category.value if item.category else "", vbmd)))
    return {
        "key": item.series_key,
        "href": f"patient?series={item.series_key}",
        "patient": wording.short_key(item.patient_key),
        "person": person,
        "is_flagged": item.is_flagged,
        "category": item.category.value if item.category else "",
        "colour": CHIP_COLOURS[item.category] if item.category else "",
        "vbmd": vbmd,
        "levels": ", ".join(filter(None, (wording.levels(item.levels_used), "as signed" if item.is_read else ""))),
        "reason": reason,
        "summary": f"{summary}. {reason}" if reason else summary,
        **state_of(item, now),
        "plan": _planned(item),
        "vendor": item.vendor,
        "study": wording.day(item.study_date) if item.study_date else "",
        "is_noted": item.series_key in order.noted,
    }


def _planned(item: services.WorkItem) -> str:
    """Assignee, waiting and last contact in one line."""
    parts = [f"assigned to {item.assignee}"] if item.assignee else []
    if item.snooze_until and item.snooze_until > datetime.now(UTC).astimezone().date():
        parts.append(f"waits until {wording.day(item.snooze_until)}")
    if item.contact_at:
        parts.append(f"{item.contact} on {wording.day(item.contact_at.astimezone().date())}")
    return "; ".join(parts)


def reason_words(item: services.WorkItem) -> str:
    """Why to review: the flag, or that osteoporosis is possible; then what to check; then why there is no category."""
    flag = item.flag_reason or _possible(item)
    more = [reason for reason in item.review_reasons if reason not in flag]
    return wording.clauses(flag, *more, item.exclusion)


def _possible(item: services.WorkItem) -> str:
    """'osteoporosis is possible' if there is a category and the interval reaches below the limit."""
    vbmd = item.mean_vbmd_mg_cm3
    if item.category in (None, Category.NOT_REPORTABLE) or vbmd is None:
        return ""
    return osteoporosis_in_words(vbmd.value, vbmd.low, vbmd.high, below=services.limits().osteoporosis_below)


# ---- requests


def _answer(order: WorkOrder, items: Sequence[services.WorkItem], request: dict[str, Any] | None) -> None:
    if not request:
        return
    order.answered = int(request["number"])
    order.message, order.refused_author, order.go = None, None, ""
    with in_words(partial(_refuse, order)):
        if request["kind"] == "note":
            _note(order, items, request)
        elif request["kind"] == "plan":
            _plan(order, items, request)
        elif request["kind"] == "undo":
            _undo(order)
        elif request["kind"] == "open":
            order.selected = request["key"]
            order.go = f"patient?series={request['key']}"
        elif request["kind"] == "page":
            st.session_state["page"] = int(request["page"])
            order.selected = None


def _refuse(order: WorkOrder, error: Exception) -> None:
    """Show in the list why nothing was done."""
    order.message, order.refused_author = {"text": words_of(error), "is_refused": True}, author()


def _note(order: WorkOrder, items: Sequence[services.WorkItem], request: dict[str, Any]) -> None:
    """Add the requested note to the patients shown, and select the next open one below them."""
    chosen = _still_as_shown(order, items, request["keys"])
    check_seen(chosen)
    state, fact, because = request.get("state"), request.get("fact"), request.get("because")
    given = Note(
        state=State(state) if state else None,
        fact=Fact(fact) if fact else None,
        because=Because(because) if because else None,
        author=author(),
        at=services.moment(),
        reason=request.get("reason") or "",
    )
    done = services.note([item.followed for item in chosen], given)
    order.last.append(done.notes)
    order.noted.update(item.series_key for item in chosen)
    who = ", ".join(wording.short_key(item.patient_key) for item in chosen)
    following = _next_open(order, items, after_key=chosen[-1].series_key, is_review=given.state in _REVIEWED)
    order.selected = following.series_key if following else chosen[-1].series_key
    end = "" if following else " No open patient is left below on this page."
    later = "" if done.is_stored else wording.APPEARS_LATER
    order.message = {"text": f"Patient {who}: {given.state or given.fact}.{end}{later}", "can_undo": True}


def _plan(order: WorkOrder, items: Sequence[services.WorkItem], request: dict[str, Any]) -> None:
    """Note an assignee, a waiting date or a contact for the patients shown."""
    chosen = _still_as_shown(order, items, request["keys"])
    contact, until = request.get("contact"), request.get("snooze_until")
    if request.get("plan") == "snooze_until" and not until:
        raise UsageError("choose the day to wait until")
    given = Plan(
        author=author(),
        at=services.moment(),
        assignee=request.get("assignee"),
        snooze_until=_day(until) if until else None,
        is_woken=request.get("plan") == "woken",
        contact=Contact(contact) if contact else None,
        reason=request.get("reason") or "",
    )
    is_stored = services.plan([item.series_key for item in chosen], given)
    who = ", ".join(wording.short_key(item.patient_key) for item in chosen)
    order.selected = chosen[-1].series_key
    later = "" if is_stored else wording.APPEARS_LATER
    order.message = {"text": f"Patient {who}: {_plan_words(given)}.{later}", "can_undo": False}


def _day(text: str) -> date:
    """The day from its field. Raises UsageError for an invalid date."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"choose a day with a four-digit year, found {text}") from None


def _plan_words(given: Plan) -> str:
    if given.contact is not None:
        return f"contact {given.contact.value}"
    if given.assignee is not None:
        return f"assigned to {given.assignee.strip() or 'nobody'}"
    return "waits no longer" if given.is_woken else f"waits until {wording.day(given.snooze_until)}"


def _still_as_shown(
    order: WorkOrder, items: Sequence[services.WorkItem], shown: Sequence[Sequence[str]]
) -> list[services.WorkItem]:
    """The series of a request, as they are now.

    Raises UsageError for a series not on this page of the list, or noted elsewhere in the meantime.
    """
    asked = services.work_items([key for key, _ in shown], seen_by=order.seen_by)
    now = {item.series_key: item for item in asked}
    on_page = {item.series_key for item in items}
    if not shown or any(key not in on_page or key not in now for key, _ in shown):
        raise UsageError("the list changed after you chose this note; check the selected patient and note it again")
    for key, state in shown:
        held = now[key].state
        found = held.value if held else ""
        if found != state and not now[key].is_hidden:
            who = wording.short_key(now[key].patient_key)
            raise UsageError(
                f"patient {who} was noted elsewhere in the meantime and is now '{found}'; nothing was noted"
            )
    return [now[key] for key, _ in shown]


def _next_open(
    order: WorkOrder, items: Sequence[services.WorkItem], *, after_key: str, is_review: bool
) -> services.WorkItem | None:
    """The next series below on this page that was not noted in this list and is still open.

    For review notes, open means that a review can be noted; otherwise that the follow-up has not ended.
    """
    place = next(n for n, item in enumerate(items) if item.series_key == after_key)
    below = (item for item in items[place + 1 :] if item.series_key not in order.noted)
    return next((item for item in below if _is_open(item.followed.state, is_review=is_review)), None)


def _is_open(state: State, *, is_review: bool) -> bool:
    return State.CONFIRMED in after(state) if is_review else state not in ENDED


def _undo(order: WorkOrder) -> None:
    """Undo the notes of the last request and select their patient again."""
    if not order.last:
        raise UsageError("there is nothing to undo in this list")
    notes = order.last[-1]
    is_stored = services.undo(notes, author=author())
    order.last.pop()
    order.noted.difference_update(one.series_key for one in notes)
    order.selected = notes[0].series_key
    found = services.work_items([one.series_key for one in notes], seen_by=order.seen_by)
    who = ", ".join(wording.short_key(item.patient_key) for item in found)
    later = "" if is_stored else wording.APPEARS_LATER
    order.message = {"text": f"Undone for patient {who}: {notes[0].note}.{later}", "can_undo": False}
