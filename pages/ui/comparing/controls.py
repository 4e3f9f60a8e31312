"""The second filter of a page, and the results used for each side; all of it is in the address."""

from __future__ import annotations

from functools import partial

import streamlit as st

from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.versions import Origin, Version
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import current_user
from pages.ui.shared import address, filters, saved_views, wording
from pages.ui.shared.faults import in_words

_WORDS = {
    "model": "Model",
    "calibration": "Calibration",
    "settings": "Settings",
    "measuring": "Measuring code",
    "origin": "Result of",
}
_SHOWN_LETTERS = 16


def show_controls(page: str, chosen: CohortFilter) -> tuple[services.Side, services.Side] | None:
    """The button that starts a comparison, else both sides; None while nothing is compared. ``chosen``: the filter."""
    if not st.session_state["compare"]:
        st.button(
            "Compare with …",
            key="compare-start",
            icon=":material/compare:",
            on_click=_begin,
            help="With another cohort, or with the results of another model, calibration, settings or of readers",
        )
        return None
    second = services.Side(
        cohort=filters.chosen_filter(page, with_patients=False, prefix=address.SECOND),
        version=_version(address.SECOND),
    )
    first = services.Side(cohort=chosen, version=_version(""))
    with st.container(border=True):
        with _line("First"):
            st.caption("The filter above.", width="content")
            _show_version("")
        with _line("Second"):
            _show_second(page, second.cohort)
            _show_version(address.SECOND)
            numbers = services.cohort_numbers(second.cohort, seen_by=services.sight_of_figures())
            st.caption(wording.counted(numbers.patients, "patient"), width="content")
        st.button("Remove the comparison", key="compare-end", icon=":material/close:", on_click=_end, args=(page,))
    return first, second


@in_words()
def _begin() -> None:
    st.session_state["compare"] = True


@in_words()
def _end(page: str) -> None:
    """End the comparison and remove it from the address."""
    address.clear(page, [field.name for field in address.COMPARE])


def _line(name: str) -> st.delta_generator.DeltaGenerator:
    line = st.container(horizontal=True, vertical_alignment="center", gap="small")
    line.markdown(f"**{name}**", width=64)
    return line


def _show_second(page: str, cohort: CohortFilter) -> None:
    chips = filters.active(page, with_patients=False, prefix=address.SECOND)
    words = f"Second filter ({len(chips)})" if chips else "Second filter"
    with st.popover(words, icon=":material/filter_alt:", key="second-filter", width="content"):
        filters.panel(page, cohort, with_patients=False, prefix=address.SECOND)
        if may(current_user(), Action.SAVE_VIEW):
            saved_views.show_views(cohort, open_view=_open_view, prefix=address.SECOND)
    filters.draw_chips(chips)
    if not chips:
        st.caption("Everybody: no second filter is set.", width="content")


def _open_view(view: CohortFilter) -> None:
    for name, value in filters.values_of(view).items():
        if f"{address.SECOND}{name}" in st.session_state:
            st.session_state[f"{address.SECOND}{name}"] = value


def _version(prefix: str) -> Version:
    found = {name: st.session_state[prefix + name] or "" for name in _WORDS}
    origin = found.pop("origin")
    return Version(**found, origin=Origin(origin) if origin else None)


def _show_version(prefix: str) -> None:
    """Fields for the versions by which results of this store differ; each chosen one is a chip."""
    options = services.version_options()
    several = [name for name in _WORDS if len(options[name]) > 1 or st.session_state[prefix + name]]
    chosen = [(prefix + name, "", f"{_WORDS[name]}: {_short(st.session_state[prefix + name])}") for name in several]
    chips = [chip for chip in chosen if st.session_state[chip[0]]]
    with st.popover("Results" if chips else "Results: current", key=f"{prefix}results", width="content"):
        for name in several:
            st.selectbox(
                _WORDS[name],
                ["", *options[name]],
                key=prefix + name,
                format_func=partial(_value_words, options[name]),
            )
        if several:
            st.caption("The latest result of each series that has all of this. Numbers: results of this kind.")
        else:
            st.caption(
                "All results of this store come from one model, one calibration, one measuring code and one set of "
                "settings, and no reader has signed any: there is one version to choose."
            )
    filters.draw_chips(chips)


def _value_words(counts: dict[str, int], value: str) -> str:
    return f"{_short(value)} ({counts.get(value, 0):,})" if value else "the current result's"


def _short(value: str) -> str:
    return value[:_SHOWN_LETTERS]
