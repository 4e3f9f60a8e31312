"""Every stored value of a series and its levels, with unit and meaning: any added column shows up here."""

from __future__ import annotations

from typing import Any

import streamlit as st

from osteo_core.columns import TABLES, Column
from osteo_core.columns.column import INTERNAL
from osteo_core.terms import Level
from pages.ui import services


def show_stored(view: services.PatientView) -> None:
    """A switch that shows two tables generated from the list of columns."""
    if not st.toggle("Show every stored value", key=f"stored-{view.series_key}"):
        return
    series, levels = services.stored(view.series_key)
    st.dataframe(
        [
            {"Column": column.name, "Value": _text(series.get(column.name)), **_said(column)}
            for column in (*TABLES["series"].columns, *TABLES["results"].columns)
            if INTERNAL not in column.use and series.get(column.name) is not None
        ],
        hide_index=True,
        placeholder="",
        alt="Every stored value of the series",
    )
    if levels:
        st.dataframe(
            [
                {
                    "Column": column.name,
                    **{Level(row["level"]).name: _text(row.get(column.name)) for row in levels},
                    **_said(column),
                }
                for column in TABLES["measurements"].columns
                if INTERNAL not in column.use and column.name not in ("level", "series_key")
            ],
            hide_index=True,
            placeholder="",
            alt="Every stored value of the levels",
        )


def _said(column: Column) -> dict[str, str]:
    return {"Unit or values": column.unit, "Meaning": column.meaning}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    return "; ".join(map(_text, value)) if isinstance(value, list) else str(value)
