"""The address of a page and what is chosen on it always agree.

Each page has its fields: a name in the address, which is also the key of its widget. When a page is opened, and on Back
and Forward, the address decides and the widgets follow; otherwise the widgets decide and the address follows, with one
entry in the browser's history for each change. Unknown values in an address are reported on the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import streamlit as st

from osteo_core.columns.cohort import EXPORT
from osteo_core.programme.cohort import Change
from osteo_core.programme.drift import Quantity
from osteo_core.programme.follow_up import State
from osteo_core.programme.standard import EUROPE_2013, STANDARDS
from osteo_core.terms import Category, Sex, Vendor
from pages.ui import services
from pages.ui.shared import fields, left_page, wording
from pages.ui.shared.fields import Field, Query, Value
from pages.ui.shared.literal import literal

OLDEST = 130
#: More appointments a week than any clinic has.
MOST_SLOTS = 10_000
#: Whether patients whose follow-up waits for a later day are listed.
SNOOZED = ("without waiting", "with waiting", "waiting only")
_KEPT, _UNKNOWN, _PAGE = "address-values", "address-unknown", "address-page"
#: In the session: what is shown of a field whose options depend on the data where nothing is asked for.
_SHOWN = "address-shown"
_COHORT = (
    Field(name="vendor", words="vendor", read=fields.words(Vendor), is_list=True),
    Field(name="sex", words="sex", read=fields.words(Sex), is_list=True),
    Field(name="age_from", words="age from", read=fields.whole(0, OLDEST)),
    Field(name="age_to", words="age to", read=fields.whole(0, OLDEST)),
    Field(
        name="scanner",
        words="scanner model",
        read=fields.one_of(lambda: services.filter_options()["scanner"]),
        is_list=True,
    ),
    Field(name="site", words="site", read=fields.one_of(lambda: services.filter_options()["site"]), is_list=True),
    Field(name="changed", words="change", read=fields.words(Change), default=""),
    Field(name="since", words="moment of a change", read=fields.moment, default=""),
    Field(name="studied_from", words="studied from", read=date.fromisoformat),
    Field(name="studied_to", words="studied to", read=date.fromisoformat),
)
_PATIENTS = (
    Field(name="category", words="category", read=fields.words(Category), is_list=True),
    Field(name="flagged", words="flagged", read=fields.flag, default=False),
    Field(name="review", words="measurement to check", read=fields.flag, default=False),
    Field(name="overdue", words="overdue", read=fields.flag, default=False),
    Field(name="assignee", words="assignee", default=""),
    Field(name="state", words="follow-up", read=fields.words(State), is_list=True),
)
_MOST = 1_000_000_000
_COLUMNS = tuple(column.name for column in EXPORT)
#: Which result of a series counts, where it has several (osteo_core/programme/versions.py).
_VERSION = tuple(
    Field(name=name, words=words, read=fields.one_of(partial(services.version_values, name)), default="")
    for name, words in (
        ("model", "model"),
        ("settings", "settings"),
        ("measuring", "measuring code"),
        ("calibration", "calibration"),
        ("origin", "origin of a result"),
    )
)
#: Before the names of the second filter's fields.
SECOND = "vs_"
#: The second filter of pages that compare, and which results each side takes.
COMPARE = (
    Field(name="compare", words="comparison", read=fields.flag, default=False),
    *_VERSION,
    *(replace(field, name=SECOND + field.name, words=f"second {field.words}") for field in (*_COHORT, *_VERSION)),
)
#: The fields of each page, by its place in the address.
PAGES: Mapping[str, tuple[Field, ...]] = {
    "worklist": (
        *_COHORT,
        *_PATIENTS,
        Field(name="sort", words="order", read=fields.words(services.Sort), default=services.Sort.URGENCY.value),
        Field(name="descending", words="descending", read=fields.flag, default=False),
        Field(name="snoozed", words="waiting", read=fields.one_of(lambda: SNOOZED), default=SNOOZED[0]),
        Field(name="page", words="page", read=fields.whole(1, _MOST), default=1),
    ),
    "patient": (Field(name="series", words="series", default=""),),
    "follow_up": (
        *_COHORT,
        Field(name="expected", words="expected fractures", read=fields.whole(0, _MOST), default=0),
        Field(name="slots", words="clinic slots", read=fields.whole(0, MOST_SLOTS), default=5),
        Field(name="share", words="flags that need a slot", read=fields.whole(0, 100), default=100),
    ),
    "prevalence": (
        *_COHORT,
        Field(
            name="by",
            words="grouping",
            read=fields.one_of(lambda: ("Sex", "Age band", "Vendor", "Scanner", "Site", "Period")),
            default="Sex",
        ),
        Field(
            name="standard",
            words="standard population",
            read=fields.one_of(lambda: [population.name for population in STANDARDS]),
            default=EUROPE_2013.name,
        ),
        *COMPARE,
    ),
    "agreement": (
        *_COHORT,
        Field(
            name="unit",
            words="comparison",
            read=fields.one_of(lambda: ("Patient mean", "Single levels")),
            default="Patient mean",
        ),
        Field(name="mineral", words="mineral", default=""),
        Field(name="group", words="group", default=services.ALL_VENDORS),
        *COMPARE,
    ),
    "drift": (
        *_COHORT,
        Field(name="device", words="scanner", default=""),
        Field(name="quantity", words="quantity", read=fields.words(Quantity), default=Quantity.VBMD.value),
    ),
    "table": (
        *_COHORT,
        *_PATIENTS,
        Field(name="column", words="column", read=fields.one_of(lambda: _COLUMNS), is_list=True),
        Field(name="by_column", words="order of the table", read=fields.one_of(lambda: _COLUMNS), default=_COLUMNS[0]),
        Field(name="downwards", words="descending order", read=fields.flag, default=False),
        Field(name="with_keys", words="with keys", read=fields.flag, default=False),
    ),
    "equity": _COHORT,
    "exclusions": (*_COHORT, Field(name="box", words="box", default="", is_kept=False)),
    "export": (
        *_COHORT,
        *_PATIENTS,
        Field(name="figure", words="figure", default=""),
        Field(name="with_keys", words="with keys", read=fields.flag, default=False),
    ),
}
_ALL = {field.name: field for fields in PAGES.values() for field in fields}


def begin(page: str, *, is_new: bool) -> None:
    """Make the address and the widgets of ``page`` agree; before any of them is drawn."""
    st.session_state[_PAGE] = page
    is_history = left_page.is_history()
    if is_history:  # not after a link: the browser may not have its address yet, and would make an entry of its own
        left_page.restate_query()
    if is_new or is_history:
        _follow_address(page)
    else:
        write(page)


def write(page: str) -> None:
    """The widgets decide: remember the choices, and update the address if it differs."""
    kept = st.session_state.setdefault(_KEPT, {})
    for field in PAGES.get(page, ()):
        if field.name in st.session_state:
            kept[field.name] = st.session_state[field.name]
        else:
            st.session_state[field.name] = kept.get(field.name, field.empty)
    wanted = query_of(page)
    if wanted != _given_query():
        st.query_params.from_dict(wanted)


def set_values(page: str, values: Mapping[str, Value]) -> None:
    """Choose these values from code, and the empty value for every other filter field; in a callback."""
    kept = st.session_state.setdefault(_KEPT, {})
    filters = {field.name for field in (*_COHORT, *_PATIENTS)} | {"snoozed"}
    for field in PAGES.get(page, ()):
        if field.name in values or field.name in filters:
            st.session_state[field.name] = kept[field.name] = values.get(field.name, field.empty)


def clear(page: str, names: Iterable[str]) -> None:
    """Choose the empty value of these fields of a page; in a callback."""
    for name in names:
        st.session_state[name] = _ALL[name].empty


def query_of(page: str) -> Query:
    """The query of a link to ``page`` with all choices of this session that the page knows."""
    kept, shown = st.session_state.get(_KEPT, {}), st.session_state.get(_SHOWN, {})
    found: Query = {}
    for field in PAGES.get(page, ()):
        value = kept.get(field.name, field.empty)
        if value not in (field.empty, None, "", shown.get(field.name)):
            found[field.name] = [str(one) for one in value] if isinstance(value, list) else _text(value)
    return {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in found.items()}


def forget_unkept(page: str) -> None:
    """Drop state that belongs only to the last visit of other pages, such as an opened list."""
    kept = st.session_state.setdefault(_KEPT, {})
    own = {field.name for field in PAGES.get(page, ())}
    for field in _ALL.values():
        if not field.is_kept and field.name not in own:
            kept.pop(field.name, None)


def choice(name: str, options: Iterable[str], *, words: str) -> None:
    """Before a widget whose options depend on the data: report an unavailable value and choose the first one."""
    known = list(options)
    asked = st.session_state.get(name)
    shown = known[0]
    st.session_state.setdefault(_SHOWN, {})[name] = shown
    if asked not in known:
        if asked and asked != _ALL[name].empty:
            st.warning(literal(f"There is no {words} '{asked}' here; '{shown}' is shown."), icon=":material/link_off:")
        st.session_state[name] = shown
        write(st.session_state[_PAGE])


def fill(name: str, default: list[str]) -> None:
    """Before a list widget: if nothing is chosen, choose ``default``; the address does not name it."""
    st.session_state.setdefault(_SHOWN, {})[name] = default
    if not st.session_state.get(name):
        st.session_state[name] = list(default)
        write(st.session_state[_PAGE])


def draw_unknown() -> None:
    """Report unknown values of the address."""
    for words in st.session_state.pop(_UNKNOWN, ()):
        st.warning(literal(words), icon=":material/link_off:")


def _follow_address(page: str) -> None:
    """The address decides: every field of the page takes its value from it."""
    kept = st.session_state.setdefault(_KEPT, {})
    forget_unkept(page)
    unknown: list[str] = []
    for field in (own := PAGES.get(page, ())):
        value = _read(field, st.query_params.get_all(field.name), unknown)
        st.session_state[field.name] = kept[field.name] = value
    _drop_half_changes(own, kept, unknown)
    names = {field.name for field in own}
    foreign = [name for name in st.query_params if name not in names]
    unknown += [
        f"The address contains an unknown filter '{name}'; it was ignored." for name in foreign if name not in _ALL
    ]
    st.session_state[_UNKNOWN] = unknown
    if unknown or foreign:
        st.query_params.from_dict(query_of(page))


def _drop_half_changes(own: Iterable[Field], kept: dict[str, Value], unknown: list[str]) -> None:
    """A change without its moment, or a moment alone, filters nothing: say so and drop it."""
    names = {field.name for field in own}
    for prefix in ("", SECOND):
        first, second = f"{prefix}changed", f"{prefix}since"
        given = [name for name in (first, second) if name in names and kept[name]]
        if len(given) == 1:
            unknown.append(f"'{first}' and '{second}' in the address work only together; '{given[0]}' was ignored.")
            st.session_state[given[0]] = kept[given[0]] = ""


def _read(field: Field, texts: list[str], unknown: list[str]) -> Value:
    found: list[Any] = []
    for text in texts:
        try:
            found.append(field.read(text))
        except ValueError:
            unknown.append(f"{wording.sentence(field.words)} '{text}' in the address is unknown; it was ignored.")
    if field.is_list:
        return list(dict.fromkeys(found))
    return found[-1] if found else field.empty


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def parse(query: str) -> Query:
    """A query string as the query of a link; whole ages without their decimal point."""
    found = parse_qs(query)
    for age in found.keys() & {"age_from", "age_to"}:
        found[age] = [value.removesuffix(".0") for value in found[age]]
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _given_query() -> Query:
    given = {name: st.query_params.get_all(name) for name in st.query_params}
    return {name: values[0] if len(values) == 1 else values for name, values in given.items()}
