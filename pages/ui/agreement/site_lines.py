"""A calibration line from the QCT pairs of one scanner: its quality, what it would change, and putting it into use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

import plotly.graph_objects as go
import streamlit as st

from osteo_core.errors import OsteoError, UsageError
from osteo_core.programme.site_line import PairsLine, ScannerLine, any_model_words
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import author, current_user
from pages.ui.agreement.qct_import import names_apart, to_the_second
from pages.ui.shared import figures, wording
from pages.ui.shared.colours import BLUE, VERMILION
from pages.ui.shared.faults import draw_fault, in_words
from pages.ui.shared.literal import literal
from pages.ui.shared.notes import author_name

_DONE = "site-line-done"


def show_site_lines() -> None:
    """The whole section: the scanners with pairs, one selected line, and the lines in use."""
    st.subheader("Calibration line from these pairs")
    if done := st.session_state.pop(_DONE, ""):
        st.success(literal(done), icon=":material/check:")
    found = services.lines_from_pairs()
    if not found:
        st.caption("No unenhanced CT with a known tube voltage has a QCT value of the same patient yet.")
    else:
        st.caption(
            "HU of the unenhanced CT against QCT of the same patient, for each scanner model, tube voltage and kernel "
            "group. Both have measurement error, so the line is a Deming regression. 'Left out': each patient is "
            "predicted from the line of the others."
        )
        _show_choice(found)
    _show_used()


def _show_choice(found: list[ScannerLine]) -> None:
    st.dataframe([_row(one) for one in found], hide_index=True, placeholder="", alt="Scanners with QCT pairs")
    usable = {f"{one.scanner.words}, {one.scanner.mineral}": one for one in found if one.line is not None}
    if not usable:
        return
    name = st.selectbox("Scanner", list(usable), key="site-line-scanner")
    one = usable[name]
    if one.line is None:
        return
    left, right = st.columns(2, gap="large")
    left.plotly_chart(_figure(one, one.line), key="site-line-figure", config={"displayModeBar": False})
    with right:
        _show_use(one, one.line)


def _row(one: ScannerLine) -> dict[str, object]:
    line = one.line
    row: dict[str, object] = {"Scanner": one.scanner.words, "Mineral": one.scanner.mineral, "Patients": len(one.pairs)}
    if line is None:
        return {**row, "Line": f"none: {one.reason}"}
    return {
        **row,
        "Line": _line_words(line.slope_mg_cm3_per_hu.value, line.intercept_mg_cm3.value),
        "Left out": f"bias {line.left_out_bias_mg_cm3:+z.1f}, SD {line.left_out_sd_mg_cm3:.1f} {wording.UNIT}",
        "Range of QCT": f"{line.lowest_mg_cm3:.0f} to {line.highest_mg_cm3:.0f} {wording.UNIT}",
        "Far off": len(line.outliers),
    }


def _line_words(slope: float, intercept: float) -> str:
    """'0.587 × HU + 4.0'."""
    sign = "-" if round(intercept, 1) < 0 else "+"
    return f"{slope:.3f} × HU {sign} {abs(intercept):.1f}"


def _day(written: str) -> str:
    return wording.day(date.fromisoformat(written)) if written else "any day"


def _name_words() -> str:
    return author_name() or "none yet; the field is above, at the import of QCT values"


@in_words()
def _recalibrate() -> None:
    services.start_run()
    st.toast("The analysis has started; Home shows its progress.", icon=":material/check:")


def _figure(one: ScannerLine, line: PairsLine) -> go.Figure:
    """The pairs and their line; an outlying patient has a different marker."""
    far = set(line.outliers)
    figure = go.Figure()
    for is_far, words in ((False, "patient"), (True, "patient far off the line")):
        own = [pair for pair in one.pairs if (pair.patient_key in far) is is_far]
        if own:
            figure.add_scatter(
                x=[pair.hu for pair in own],
                y=[pair.qct_mg_cm3 for pair in own],
                mode="markers",
                name=words,
                marker={"color": BLUE, "symbol": "x" if is_far else "circle", "size": 7},
                hovertemplate=f"%{{x:.0f}} HU, QCT %{{y:.1f}} {wording.UNIT}<extra></extra>",
            )
    ends = [min(pair.hu for pair in one.pairs), max(pair.hu for pair in one.pairs)]
    figure.add_scatter(
        x=ends,
        y=[line.vbmd_mg_cm3(hu) for hu in ends],
        mode="lines",
        name="line",
        line={"color": VERMILION},
        hoverinfo="skip",
    )
    return figures.layout(figure, height=320, x="Trabecular region, HU", y=f"QCT, {wording.UNIT}")


def _show_use(one: ScannerLine, line: PairsLine) -> None:
    try:
        seen = services.preview_line(one.scanner, line)
    except OsteoError as refused:
        draw_fault(refused)
        return
    series = wording.counted(seen.series, "series", "series")
    st.markdown(f"**What it would change.** {seen.tried:,} of {series} of this scanner were tried.")
    if seen.moved:
        st.dataframe(
            [{"Category now": now, "Category then": then, "Series": n} for now, then, n in seen.moved],
            hide_index=True,
            placeholder="",
            alt="Categories that would change",
        )
    elif seen.tried:
        st.caption("No category would change.")
    else:
        st.caption("Not known which categories would change: no measurement here can be calibrated again.")
    st.caption(
        "The method 'site' is tried after an in-scan phantom or a phantom scan (setting calibration_order). The line "
        "covers scans from the oldest of these CT until a year from today; a value outside the range of its pairs is "
        "marked. Only series without measurements of this version are segmented again; earlier results stay in the "
        "store."
    )
    if not may(current_user(), Action.CALIBRATE):
        return
    st.caption(f"Recorded with the name under 'Noted by': {literal(_name_words())}.")
    reason = st.text_input("Why", key="site-line-reason", placeholder="recorded")
    if st.button("Use this line", type="primary", key="site-line-use"):
        _do(lambda: services.use_line(one.scanner, line, author=author(), reason=reason), "The line is in use")


def _show_used() -> None:
    used = services.used_lines()
    if not used:
        return
    st.markdown("**Lines put into use**")
    st.dataframe(
        [
            {
                "Made": wording.moment(one.at),
                "By": one.author,
                "Scanner": _scanner(one),
                "Line": _line_words(float(one.row["slope_mg_cm3_per_hu"]), float(one.row["intercept_mg_cm3"])),
                "Mineral": one.row["mineral"],
                "Patients": one.n,
                "Left out": f"bias {one.bias_mg_cm3:+z.1f}, SD {one.sd_mg_cm3:.1f} {wording.UNIT}",
                "Covers scans": f"{_day(one.row['valid_from'])} to {_day(one.row['valid_to'])}",
                "Why": one.reason,
                "In use": f"withdrawn by {one.withdrawn_by}, {wording.moment(one.withdrawn_at)}"
                if one.withdrawn_at
                else ("yes" if one.is_in_force else "no, a later one of the same scanner is"),
            }
            for one in used
        ],
        hide_index=True,
        placeholder="",
        alt="Lines put into use",
    )
    if words := any_model_words(one.row for one in used if one.is_in_force):
        st.warning(literal(f"{wording.sentence(words)}."), icon=":material/warning:")
    if may(current_user(), Action.RUN):  # Home offers a start only while series wait for their first analysis
        st.button(
            "Recalibrate now",
            key="site-line-run",
            on_click=_recalibrate,
            disabled=not services.may_start(),
            help="Starts an analysis, which first recalibrates what was measured under other lines. Not needed after a "
            "change that said that it has begun.",
        )
    names = _names(used)
    valid = [one.line_id for one in used if not one.withdrawn_at]
    if not valid or not may(current_user(), Action.CALIBRATE):
        return
    with st.popover("Withdraw a line", width="content"):
        chosen = st.selectbox("Line", valid, format_func=names.__getitem__, key="site-line-withdraw")
        st.caption(literal(_what_follows(next(one for one in used if one.line_id == chosen), names)))
        st.caption(f"Recorded with the name under 'Noted by': {literal(_name_words())}.")
        reason = st.text_input("Why", key="site-line-withdraw-reason", placeholder="recorded")
        # Each has its own button: if the list changed meanwhile, a click withdraws only the one it was for.
        if st.button("Withdraw", key=f"site-line-withdraw-{chosen}"):
            _do(
                lambda: services.withdraw_line(chosen, author=author(), reason=reason),
                "The line was withdrawn",
            )


def _what_follows(one: services.UsedLine, names: dict[str, str]) -> str:
    """Which line applies to the scanner once this one is withdrawn."""
    if not one.is_in_force:
        return "A later line of the same scanner is in use: withdrawing this one changes no value."
    if one.then:
        return f"The previous line is then in use again: {names[one.then]}. To use neither, withdraw that one too."
    return "No line from pairs is then in use for this scanner: the next method in calibration_order calibrates it."


def _scanner(one: services.UsedLine) -> str:
    """'GE Revolution 120 kVp standard'; unspecified parts are left out."""
    kvp = f"{one.row['kvp']} kVp" if one.row["kvp"] else ""
    words = (one.row["vendor"], one.row["manufacturer_model_name"], kvp, one.row["kernel_group"])
    return " ".join(word for word in words if word)


def _names(used: Sequence[services.UsedLine]) -> dict[str, str]:
    """Label of each line by its id: several are made at one moment, such as one model with two tube voltages."""

    def named(say: Callable[[datetime], str]) -> dict[str, str]:
        return {one.line_id: f"{say(one.at)}, {_scanner(one)}, {one.row['mineral']}" for one in used}

    exact = {line_id: f"{words}, {line_id}" for line_id, words in named(to_the_second).items()}
    return names_apart(named(wording.moment), named(to_the_second), exact)


def _do(action: Callable[[], bool], done: str) -> None:
    try:
        has_begun = action()
    except UsageError as refused:
        draw_fault(refused)
        return
    st.session_state[_DONE] = (
        f"{done}; measured series are being recalibrated."
        if has_begun
        else f"{done}; the next analysis recalibrates measured series. Start it below once the running one has ended."
    )
    st.rerun()
