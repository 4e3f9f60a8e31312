"""About: what this is and is not, every limit with its source, settings, model cards, calibration."""

from __future__ import annotations

import streamlit as st

from pages.ui import services
from pages.ui.shared import wording
from pages.ui.shared.literal import literal, literal_cells, literal_code


def show_limits() -> None:
    """Every clinical or quality limit: value, unit, source, and what happens beyond it."""
    st.table(literal_cells(services.limit_rows()), border="horizontal", hide_index=True, alt="Limits")
    st.caption(
        "'design' marks a value chosen by this project, without a published source. A site's own values are under "
        "Settings."
    )


def show_settings() -> None:
    """The settings of this site."""
    st.table(literal_cells(services.setting_rows()), border="horizontal", hide_index=True, alt="Settings")
    st.caption("Settings come from osteo.toml and OSTEO_* environment variables; they are read at start-up.")


def show_models() -> None:
    """Each model's card."""
    for model in services.model_rows():
        with st.expander(f"**{literal(model.name)}**: {literal(model.purpose)}", icon=":material/network_node:"):
            st.markdown(f"SHA-256 of the weights: {literal_code(model.sha256 or 'not released')}")
            st.markdown(model.card or "_No card yet._")


def show_calibrations() -> None:
    """The lines that turn HU into vBMD."""
    rows = services.calibration_rows()
    if not rows:
        st.caption("No calibration has been used in this store yet.")
        return
    st.table(literal_cells(rows), border="horizontal", hide_index=True, alt="Calibration lines in use")
    st.caption(
        "A phantom scan on your own scanner is better than a general line: settings `phantom_table` and "
        "`calibration_table`."
    )


TABS = {
    "Limits": show_limits,
    "Models": show_models,
    "Calibration": show_calibrations,
    "Settings": show_settings,
}

st.title("About and limits")
st.info(
    f"**{wording.RESEARCH_USE}** It looks for low trabecular bone density on CT acquired for another reason. "
    "A flag is a reason to look, not a finding; the absence of a flag rules nothing out. Confirm by DXA or QCT.",
    icon=":material/science:",
)
for tab, show in zip(st.tabs(list(TABS), on_change="rerun", key="about"), TABS.values(), strict=True):
    with tab:
        if tab.open:  # the cards alone are longer than the rest of the page
            show()
