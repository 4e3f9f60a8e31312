"""Table: the filtered cohort with chosen columns in any order, and the same table as a file."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from osteo_core.columns.cohort import EXPORT
from pages.ui import services
from pages.ui.access.roles import Action
from pages.ui.access.users import later, seen_by
from pages.ui.shared import address, filters, frame, wording
from pages.ui.shared.faults import in_words
from pages.ui.shared.literal import literal
from pages.ui.shared.take_figure import file_stem

_COLUMNS = {column.name: column for column in EXPORT}
_USUAL = [
    "patient",
    "patient_sex",
    "patient_age_years",
    "vendor",
    "status",
    "category",
    "mean_vbmd_mg_cm3",
    "mean_vbmd_low_mg_cm3",
    "mean_vbmd_high_mg_cm3",
    "is_flagged",
    "follow_state",
    "is_simulated",
]
#: Rows on screen; a file holds all of them.
_SHOWN = 1000
#: More rows than this scroll within the table.
_HIGH = 15
_SECRET = "table-secret"


@in_words()
def _sort_by_heading() -> None:
    """A click on a heading sorts by its column, a second click reverses the order."""
    chosen = st.session_state["cohort-table"]["selection"]["columns"]
    if chosen and chosen[0] != st.session_state["by_column"]:
        st.session_state["by_column"], st.session_state["downwards"] = chosen[0], False
    else:
        st.session_state["downwards"] = not st.session_state["downwards"]


def show_choice() -> None:
    """Columns and order; both are in the address."""
    address.fill("column", _USUAL)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        count = len(st.session_state["column"])
        with st.popover(f"Columns ({count} of {len(_COLUMNS)})", icon=":material/view_column:", width="content"):
            st.multiselect("Columns", list(_COLUMNS), key="column", help="In the order chosen")
        st.selectbox("Sort by", list(_COLUMNS), key="by_column", width=320)
        st.toggle("Descending", key="downwards")
        st.toggle(
            "With the store's own keys, exact ages and study dates",
            key="with_keys",
            help="Without it, each filter and choice of columns gets new pseudonyms for patients, scanners and "
            "sites, ages are whole years up to 90, and dates are cut to the year.",
        )


def show_rows(rows: pa.Table) -> None:
    """The table on screen."""
    st.dataframe(
        rows,
        hide_index=True,
        height="content" if len(rows) < _HIGH else 560,
        placeholder="",
        alt="Table of the cohort",
        key="cohort-table",
        on_select=_sort_by_heading,
        selection_mode="single-column",
        column_config={
            field.name: _config(field.name, is_number=pa.types.is_floating(field.type)) for field in rows.schema
        },
    )


def _config(name: str, *, is_number: bool) -> ColumnConfig:
    column = _COLUMNS[name]
    words = f"{wording.sentence(column.meaning)} ({column.unit})"
    if is_number:
        return st.column_config.NumberColumn(name, help=words, format="%d" if column.unit == "years" else "%.1f")
    return st.column_config.Column(name, help=words)


def show_files(read: Callable[[services.Selection], pa.Table], shown: services.Selection, stem: str) -> None:
    """All rows of this table as a file, made on request."""
    whole = services.selection_of_file(shown)
    with st.container(horizontal=True):
        for words, kind, mime, to_bytes, icon in (
            ("CSV", "csv", "text/csv", services.as_csv, ":material/table:"),
            ("Parquet", "parquet", "application/vnd.apache.parquet", services.as_parquet, ":material/database:"),
        ):
            st.download_button(
                literal(words),
                later(Action.EXPORT, partial(_file, to_bytes, read, whole)),
                file_name=f"{stem}.{kind}",
                mime=mime,
                icon=icon,
                on_click="ignore",
                key=f"table-{kind}",
            )
        st.download_button(
            "Data dictionary",
            partial(services.dictionary_csv, whole.columns),
            file_name="cohort_table_dictionary.csv",
            mime="text/csv",
            icon=":material/menu_book:",
            on_click="ignore",
        )


def _file(
    to_bytes: Callable[[pa.Table], bytes],
    read: Callable[[services.Selection], pa.Table],
    whole: services.Selection,
) -> bytes:
    return to_bytes(read(whole))


if not services.has_series():
    st.title("Table")
    frame.draw_no_series()
else:
    chosen = filters.heading("Table", "table", with_patients=True)
    total = services.cohort_numbers(chosen, seen_by=seen_by()).series
    if not total:
        frame.draw_empty("No patient matches this filter, so there are no rows.", icon=":material/search_off:")
    else:
        show_choice()
        shown = services.Selection(
            columns=tuple(st.session_state["column"]),
            order=st.session_state["by_column"],
            then="series",
            is_descending=st.session_state["downwards"],
            limit=_SHOWN,
        )
        read = partial(
            services.cohort_table,
            chosen,
            seen_by=seen_by(),
            with_keys=st.session_state["with_keys"],
            secret=st.session_state.setdefault(_SECRET, secrets.token_hex(16)),
        )
        rows = read(shown)
        show_rows(rows)
        if total > len(rows):
            st.caption(
                f"The first {len(rows):,} of {wording.counted(total, 'row')} in this order; exported files hold all "
                "of them."
            )
        else:
            st.caption(f"{wording.counted(total, 'row')}, one per series. Click a heading to sort by that column.")
        show_files(read, shown, file_stem("cohort_table", chosen, datetime.now(UTC)))
