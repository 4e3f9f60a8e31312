"""The cohort filter: a panel of fields, and a chip for each active one that removes it; the address always matches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from osteo_core.programme.cohort import Change, CohortFilter
from osteo_core.programme.follow_up import State
from osteo_core.terms import Category, Sex, Vendor
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import current_user, seen_by
from pages.ui.shared import address, saved_views, wording
from pages.ui.shared.faults import in_words
from pages.ui.shared.fields import Field, Query, Value
from pages.ui.shared.literal import literal
from pages.ui.shared.notes import author_name

_MORE_THERE = ". It may list more: Exclusions has no filter by category, marks, follow-up, assignee or waiting."
_MARKS = {
    "flagged": ("Flagged", "Below the osteoporosis limit, or a fracture of grade 2 or more"),
    "review": ("To check", "Something should be checked before the measurement is used"),
    "overdue": ("Overdue", "The next step of the follow-up is late"),
}
_WAITING = {address.SNOOZED[0]: False, address.SNOOZED[2]: True}
#: An active part of a filter: its field, the field's value once it is removed, its words.
Chip = tuple[str, Any, str]
#: No CT is older; without a limit, the calendar ends ten years ago.
_FIRST_CT = date(1971, 10, 1)
_ENDS = {"age_from": "Age from", "age_to": "Age to", "studied_from": "Studied from", "studied_to": "Studied to"}


def chosen_filter(page: str, *, with_patients: bool, prefix: str = "") -> CohortFilter:
    """The filter chosen in the fields of ``page``; ``with_patients``: category, marks and follow-up too.

    ``prefix``: of the fields' names, for a page's second filter.
    """
    state = _state(prefix)
    low, high = sorted_ends(state.get("age_from"), state.get("age_to"))
    first, last = sorted_ends(state.get("studied_from"), state.get("studied_to"))
    own: dict[str, Any] = {}
    if with_patients:
        own = {
            "categories": tuple(Category(one) for one in state.get("category", ())),
            "states": tuple(State(one) for one in state.get("state", ())),
            **{name: state.get(name) or None for name in _MARKS},
            "assignee": (state.get("assignee") or "").strip(),
        }
    if page == "worklist":  # elsewhere nobody is left out because somebody waits
        own["snoozed"] = _WAITING.get(state["snoozed"])
    if state.get("changed") and state.get("since"):
        own |= {"changed": Change(state["changed"]), "since": datetime.fromisoformat(state["since"])}
    return CohortFilter(
        vendors=tuple(Vendor(one) for one in state.get("vendor", ())),
        sexes=tuple(Sex(one) for one in state.get("sex", ())),
        age_from=low,
        age_to=high,
        scanners=tuple(state.get("scanner", ())),
        sites=tuple(state.get("site", ())),
        studied_from=first,
        studied_to=last,
        **own,
    )


def _state(prefix: str) -> dict[str, Any]:
    """Values of the fields by their names without ``prefix``; of others the session may list a name without a value."""
    names = [field.name for field in address.PAGES["worklist"]]
    return {name: st.session_state[prefix + name] for name in names if prefix + name in st.session_state}


def sorted_ends(low: Any, high: Any) -> tuple[Any, Any]:
    """Both ends of a range in order, whichever was typed first."""
    return (high, low) if low is not None and high is not None and low > high else (low, high)


def _held_ends(state: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each end of a range with the field that holds it, swapped if they were typed in reverse order."""
    found = []
    for low, high in (("age_from", "age_to"), ("studied_from", "studied_to")):
        ends = state.get(low), state.get(high)
        found += [(low, low), (high, high)] if sorted_ends(*ends) == ends else [(low, high), (high, low)]
    return found


def heading(title: str, page: str, *, with_patients: bool = False) -> CohortFilter:
    """Title, number of patients and what was left out; below it the filter. Returns the filter."""
    chosen = chosen_filter(page, with_patients=with_patients)
    # A blind reader gets the program's result, in lists and in counts. A user without a name may be one: lists, and
    # links to them, hide every read from such a user, other figures include every read.
    sight = seen_by() if with_patients or page in ("exclusions", "follow_up") else services.sight_of_figures()
    numbers = services.cohort_numbers(chosen, seen_by=sight)
    without = numbers.series - numbers.waiting - numbers.categorised
    signed = f", {numbers.read:,} of them as a reader signed" if numbers.read else ""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.title(title, width="content")
        st.markdown(
            f"**{wording.counted(numbers.patients, 'patient')}**, "
            f"{wording.counted(numbers.series, 'series', 'series')}{signed}",
            width="content",
            help="A signed read counts before what the program measured" if numbers.read else None,
        )
        if page != "exclusions":  # that page explains why
            kept = link_query(chosen, only=address.PAGES["exclusions"])
            is_whole = CohortFilter.from_query(urlencode(kept, doseq=True)) == chosen
            st.page_link(
                "pages/exclusions.py",
                label=f"{without:,} without a category: see why",
                query_params=kept,
                width="content",
                icon=":material/filter_alt_off:",
                help="Series that were excluded, failed or got no category, by step and reason"
                + ("" if is_whole else _MORE_THERE),
            )
    _draw(page, chosen, with_patients=with_patients)
    return chosen


def _draw(page: str, chosen: CohortFilter, *, with_patients: bool) -> None:
    chips = active(page, with_patients=with_patients)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.popover(
            f"Filters ({len(chips)})" if chips else "Filters",
            icon=":material/filter_alt:",
            key="filters",
            width="content",
        ):
            panel(page, chosen, with_patients=with_patients)
            if may(current_user(), Action.SAVE_VIEW):
                saved_views.show_views(chosen, open_view=lambda view: open_view(page, view))
        draw_chips(chips)
        if with_patients:
            st.button(
                "Mine", key="mine", on_click=_show_mine, help="Only what is assigned to the name under 'Noted by'"
            )
        if chips:
            clear = in_words()(address.set_values)
            st.button("Clear all", key="chips-clear", type="tertiary", on_click=clear, args=(page, {}))
        else:
            st.caption("Everybody: no filter is set.")


def draw_chips(chips: list[Chip]) -> None:
    """A button for each active part of a filter; a click removes it."""
    for name, value, words in chips:
        st.button(
            literal(words),
            key=f"chip-{name}-{value}",
            icon=":material/close:",
            icon_position="right",
            on_click=_remove,
            args=(name, value),
            help="Remove this part of the filter",
        )


def active(page: str, *, with_patients: bool, prefix: str = "") -> list[Chip]:
    """Every active part of the filter: its field, the field's value once the chip is removed, and its words."""
    state = _state(prefix)
    lists: list[tuple[str, str, Callable[[str], str]]] = [
        ("vendor", "Vendor", str),
        ("sex", "Sex", lambda one: wording.SEX_GROUPS.get(one, "unknown")),
        ("scanner", "Scanner", str),
        ("site", "Site", services.site_words),
    ]
    if with_patients:
        lists += [("category", "Category", str), ("state", "Follow-up", str)]
    found = [(name, one, f"{words}: {say(one)}") for name, words, say in lists for one in state.get(name, ())]
    found += [
        (held, None, f"{_ENDS[name]} {wording.day(state[held]) if isinstance(state[held], date) else state[held]}")
        for name, held in _held_ends(state)
        if state.get(held) is not None
    ]
    if state.get("changed") and state.get("since"):
        since = wording.moment(datetime.fromisoformat(state["since"]))
        found.append(("changed", "", f"{wording.sentence(state['changed'])} since {since}"))
    if with_patients:
        found += [(name, False, words) for name, (words, _) in _MARKS.items() if state.get(name)]
        found += [("assignee", "", f"Assigned to {state['assignee']}")] if state.get("assignee") else []
    if page == "worklist" and state["snoozed"] != address.SNOOZED[0]:
        found.append(("snoozed", address.SNOOZED[0], wording.sentence(state["snoozed"])))
    return [(prefix + name, value, words) for name, value, words in found]


@in_words()
def _show_mine() -> None:
    name = author_name().strip()
    if name:
        st.session_state["assignee"] = name
    else:
        st.toast("Type your name or initials under 'Noted by' first.", icon=":material/error:")


@in_words()
def _remove(name: str, value: Any) -> None:
    held = st.session_state[name]
    st.session_state[name] = [one for one in held if one != value] if isinstance(held, list) else value


def panel(page: str, chosen: CohortFilter, *, with_patients: bool, prefix: str = "") -> None:
    """All fields; beside each value the number of series it would leave."""
    values = partial(_values, chosen=chosen, prefix=prefix)
    left, right = st.columns(2)
    with left:
        values("Vendor", "vendor", [one.value for one in Vendor])
        values("Scanner model", "scanner", services.filter_options()["scanner"])
        _age(prefix)
    with right:
        values("Sex", "sex", [one.value for one in Sex], say=lambda one: wording.SEX_GROUPS.get(one, "unknown"))
        values("Site", "site", services.filter_options()["site"], say=services.site_words)
        _days(prefix)
    if with_patients:
        with left:
            values("Category", "category", [one.value for one in Category])
        with right:
            values("Follow-up", "state", [one.value for one in State])
        with left:
            st.text_input("Assigned to", key="assignee", placeholder="anybody", help="Name or initials, as assigned")
        with right:
            if page == "worklist":
                st.selectbox(
                    "Waiting", address.SNOOZED, key="snoozed", help="Patients whose follow-up waits for a later day"
                )
        with st.container(horizontal=True):
            for name, (words, help_) in _MARKS.items():
                st.toggle(words, key=name, help=help_)
    st.caption("Numbers beside the values: series that match the value and the rest of the filter.")


def _values(
    label: str,
    name: str,
    options: list[str],
    *,
    chosen: CohortFilter,
    prefix: str,
    say: Callable[[str], str] = str,
) -> None:
    counts = services.value_counts(chosen, field=name)
    st.multiselect(
        literal(label),
        options,
        key=prefix + name,
        format_func=lambda one: f"{say(one)} ({counts.get(one, 0):,})",
        placeholder="all",
    )


def _age(prefix: str) -> None:
    low, high = st.columns(2)
    low.number_input(
        "Age from", 0, address.OLDEST, value=None, key=f"{prefix}age_from", placeholder="any", help="Years at the study"
    )
    high.number_input("to", 0, address.OLDEST, value=None, key=f"{prefix}age_to", placeholder="any")


def _days(prefix: str) -> None:
    first, last = st.columns(2)
    first.date_input("Studied from", value=None, min_value=_FIRST_CT, key=f"{prefix}studied_from")
    last.date_input("to", value=None, min_value=_FIRST_CT, key=f"{prefix}studied_to")


def link_query(chosen: CohortFilter, *, only: tuple[Field, ...] = address.PAGES["worklist"]) -> Query:
    """The filter as the query of a link to a page with the fields ``only``."""
    names = {field.name for field in only}
    return {name: value for name, value in address.parse(chosen.to_query()).items() if name in names}


def open_view(page: str, view: CohortFilter) -> None:
    """Set the filter of the page to a saved view; fields unknown to the page are ignored."""
    address.set_values(page, values_of(view))


def values_of(view: CohortFilter) -> dict[str, Value]:
    """A filter as the values of its fields."""
    return {
        "vendor": [one.value for one in view.vendors],
        "sex": [one.value for one in view.sexes],
        "age_from": None if view.age_from is None else int(view.age_from),
        "age_to": None if view.age_to is None else int(view.age_to),
        "scanner": list(view.scanners),
        "site": list(view.sites),
        "studied_from": view.studied_from,
        "studied_to": view.studied_to,
        "category": [one.value for one in view.categories],
        "flagged": bool(view.flagged),
        "review": bool(view.review),
        "overdue": bool(view.overdue),
        "state": [one.value for one in view.states],
        "assignee": view.assignee,
        "snoozed": next((words for words, held in _WAITING.items() if held is view.snoozed), address.SNOOZED[1]),
        "changed": view.changed.value if view.changed else "",
        "since": view.since.isoformat() if view.since else "",
    }
