"""Drift: does a scanner still measure as before? Patients' residuals, fat and muscle over time, and phantom lines."""

from __future__ import annotations

import streamlit as st

from osteo_core.limits.drift import DRIFT_FALSE_ALARMS, DRIFT_STEP, DRIFT_WARM_UP
from osteo_core.programme.drift import Alarm, Quantity
from pages.ui import services
from pages.ui.drift import figures as drift_figures
from pages.ui.shared import address, filters, frame, wording
from pages.ui.shared.literal import literal
from pages.ui.shared.take_figure import show_figure


def _last(one: services.ScannerDrift, quantity: Quantity) -> str:
    if quantity not in one.charts:
        return "no chart"
    alarms = one.charts[quantity].alarms
    return _alarm(alarms[-1], quantity) if alarms else "in control"


def _alarm(alarm: Alarm, quantity: Quantity) -> str:
    change = f"{alarm.change:+.1f} {drift_figures.UNITS[quantity]}"
    return f"{'▲' if alarm.is_up else '▼'} {change} on {wording.day(alarm.day)}"


def choose_scanner(found: list[services.ScannerDrift]) -> services.ScannerDrift:
    """The scanners with their last alarms; the chosen one is in the address."""
    st.dataframe(
        [
            {
                "Scanner": one.name,
                "Vendor": one.vendor,
                "Series": one.series,
                "Compared": one.compared,
                "Alarms": one.alarms,
                **{quantity.value: _last(one, quantity) for quantity in Quantity},
            }
            for one in found
        ],
        hide_index=True,
        placeholder="",
        alt="Scanners",
        column_config={
            "Series": st.column_config.NumberColumn(format="localized", help="With a vBMD and a study date"),
            "Compared": st.column_config.NumberColumn(
                format="localized",
                help="Of these, in a sex and five-year age group with 5 or more series; more than "
                f"{DRIFT_WARM_UP.value:g} make a chart",
            ),
        },
    )
    names = {one.scanner: one.name for one in found}
    address.choice("device", names, words="scanner")
    asked = st.selectbox("Show", list(names), key="device", format_func=lambda key: names.get(key, key), width=360)
    return next((one for one in found if one.scanner == asked), found[0])


def show_scanner(one: services.ScannerDrift) -> None:
    """One chart of one scanner; the choice is in the address."""
    name = st.segmented_control(
        "Follow",
        [q.value for q in Quantity],
        required=True,
        key="quantity",
        label_visibility="collapsed",
    )
    quantity = Quantity(name or Quantity.VBMD.value)
    if quantity not in one.charts:
        st.info(literal(one.why[quantity]), icon=":material/hourglass_empty:")
        return
    chart = one.charts[quantity]
    figure = drift_figures.drift_figure(chart, quantity)
    show_figure(figure, name=f"drift_{quantity.name.lower()}_{one.scanner[:6]}", key=f"drift-{quantity.name}")
    for alarm in chart.alarms:
        st.markdown(
            f":material/warning: {literal(f'{alarm.rule}: {_alarm(alarm, quantity)}')}; a new baseline begins after it."
        )
    if not chart.alarms:
        st.caption("No limit was crossed.")


def show_phantom() -> None:
    """The phantom's lines in order of time, if the site has a table of them."""
    st.subheader("Phantom")
    found = services.phantom_checks()
    if not found:
        st.caption(
            "This site has no table of phantom scans or lines (settings `phantom_table`, `calibration_table`): "
            "drift is judged from patients alone."
        )
        return
    st.dataframe(
        [
            {
                "Scanner": one.scanner,
                "kVp": one.kvp,
                "Kernel": one.kernel or "any",
                "Line": one.name,
                "From": wording.day(one.valid_from),
                "Slope": one.slope_mg_cm3_per_hu,
                "Intercept": one.intercept_mg_cm3,
                "Change": wording.MISSING if one.change is None else f"{100 * one.change:+.1f} %",
                "Judged": "beyond the limit" if one.is_beyond else "" if one.change is None else "within the limit",
            }
            for one in found
        ],
        hide_index=True,
        placeholder="",
        alt="Phantom scans",
        column_config={
            "Slope": st.column_config.NumberColumn(f"Slope, {wording.UNIT} per HU", format="%.3f"),
            "Intercept": st.column_config.NumberColumn(f"Intercept, {wording.UNIT}", format="%.1f"),
            "Change": st.column_config.TextColumn("Change", help="At 100 mg/cm³, against the previous line"),
        },
    )


if not services.has_series():
    st.title("Drift")
    frame.draw_no_series()
else:
    chosen = filters.heading("Drift", "drift")
    found = services.scanners(chosen, seen_by=services.sight_of_figures())
    if not found:
        frame.draw_empty("No patient in this filter has a vBMD and a study date.", icon=":material/search_off:")
    else:
        show_scanner(choose_scanner(found))
        st.caption(
            "vBMD minus the mean of the cohort's own sex and five-year age group; fat and muscle minus the mean of "
            "the same tube voltage and contrast phase. Each day is compared with all earlier days of the same scanner "
            f"(from {DRIFT_WARM_UP.value:g} series on). Limits are set to detect a step of "
            f"{100 * DRIFT_STEP.value:g} % with at most {DRIFT_FALSE_ALARMS.value:g} false alarms per scanner and "
            "year over all three charts."
        )
    show_phantom()
