"""Replication: the study of Fang 2021 repeated with simulated patients, beside the published figures."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui import services
from pages.ui.replication import figures as replication_figures
from pages.ui.shared import wording
from pages.ui.shared.literal import literal, literal_cells, literal_code
from pages.ui.shared.take_figure import show_figure

_CALIBRATIONS = ("phantomless", "precalibrated")
_COMMAND = "python -m benchmarks.fang2021 --workers 2"
_CLASSES = ("osteoporosis", "low bone mass", "normal")
#: Figure, its column, digits, and the words of its target with the target's name.
_FIGURES = (
    ("Pearson r", "r", 3, "≥ {target_r:g}"),
    ("ICC(2,1)", "icc", 3, ""),
    ("Concordance (Lin)", "ccc", 3, ""),
    (f"RMSE, {wording.UNIT}", "rmse", 1, ""),
    (f"Bias, {wording.UNIT}", "bias", 1, "within ±{target_bias:g}"),
    (f"Lower limit, {wording.UNIT}", "loa_low", 1, "≥ -{target_loa:g}"),
    (f"Upper limit, {wording.UNIT}", "loa_high", 1, "≤ {target_loa:g}"),
    ("AUC, osteoporosis", "auc_osteoporosis", 3, "≥ {target_auc:g}"),
    ("AUC, low bone mass or less", "auc_low_bmd", 3, ""),
    ("Quadratic kappa", "kappa_quadratic", 3, "≥ {target_kappa:.2f}"),
    ("95 % interval holds the truth", "coverage", 3, "0.93 to 0.97"),
    ("95 % interval holds QCT", "coverage_qct", 3, ""),
)


def show_published(found: services.Study) -> None:
    """The published figures, and the same figures here."""
    st.subheader("Beside the published figures")
    phantomless, precalibrated = (found.of(name) for name in _CALIBRATIONS)
    st.table(
        literal_cells(
            [
                {
                    "Set": f"{plain.number}",
                    "Here": plain.vendor,
                    "Patients": f"{plain.n}",
                    "Without a value": f"{plain.failed}",
                    "Silent failures": f"{plain.silent}",
                    "Lowest mean Dice of L1-L4": wording.estimate(plain.figures.get("dice_floor"), digits=3),
                    "Fang 2021, Dice": f"{plain.published_dice_floor:.3f}",
                    "r, phantomless": wording.estimate(plain.figures.get("r"), digits=3),
                    "r, precalibrated": wording.estimate(own.figures.get("r"), digits=3),
                    "Fang 2021, r": f"above {plain.published_r_above:g}",
                }
                for plain, own in zip(phantomless, precalibrated, strict=True)
            ]
        ),
        border="horizontal",
        hide_index=True,
        alt="Beside the published figures",
    )
    st.caption(
        "Published: Fang Y et al., Eur Radiol 2021;31:1831-1842 (463, 200 and 200 patients of three vendors; which "
        "vendor is which set, limits of agreement and areas under the curve are not in its abstract). Theirs are "
        f"patients, these ({literal(', '.join(str(line.n) for line in phantomless))}) are simulated: the columns are "
        "shown side by side and do not compare two methods."
    )


def _to_reach(column: str, target: str, line: services.StudyLine) -> str:
    """A line without a phantom covers all scanners: its interval need not reach 95 % coverage on a single one."""
    is_asked = column != "coverage" or line.calibration != "phantomless"
    return target.format(**line.targets) if is_asked else ""


def show_figures(lines: Sequence[services.StudyLine]) -> None:
    """Every figure of one calibration with its target."""
    st.table(
        literal_cells(
            [
                {
                    "Figure": name,
                    "To reach": _to_reach(column, target, lines[0]) or wording.MISSING,
                    **{
                        f"Set {line.number}, {line.vendor}": wording.estimate(line.figures.get(column), digits=digits)
                        for line in lines
                    },
                }
                for name, column, digits, target in _FIGURES
            ]
        ),
        border="horizontal",
        hide_index=True,
        alt="Figures of one calibration",
    )
    st.markdown("**Categories**")
    st.table(
        literal_cells(
            [
                {"Set": f"{line.number}, {line.vendor}", "QCT": name}
                | {f"CT {c}": f"{n}" for c, n in zip(_CLASSES, row, strict=True)}
                for line in lines
                for name, row in zip(_CLASSES, line.confusion, strict=True)
            ]
        ),
        border="horizontal",
        hide_index=True,
        alt="Categories by CT and by QCT",
    )
    counts = "; ".join(
        f"set {line.number}: {line.compared} of {line.n} compared with QCT, "
        f"{sum(map(sum, line.confusion))} with a category"
        for line in lines
    )
    st.caption(f"Patients in {literal(counts)} (categories apply from age 50).")


def show_rescans(rescans: Sequence[services.RescanLine]) -> None:
    """The same patients scanned twice."""
    st.subheader("Scanned twice")
    st.table(
        literal_cells(
            [
                {
                    "Set": f"{line.number}, {line.vendor}",
                    "Second scan": "repositioned" if line.kind == "repositioned" else "another soft kernel",
                    "Calibration": line.calibration,
                    "Patients": f"{line.n}",
                    "Without a value": f"{line.failed}",
                    "RMS-CV": wording.number(None if line.rms_cv is None else 100 * line.rms_cv, 2, "%"),
                    "To reach": f"≤ {100 * line.target_cv:g} %",
                    "Least significant change": wording.number(line.lsc_mg_cm3, 1, wording.UNIT),
                }
                for line in rescans
            ]
        ),
        border="horizontal",
        hide_index=True,
        alt="Scanned twice",
    )
    st.caption("RMS-CV after Glüer 1995; least significant change: 1.96 √2 times the SD within a patient.")


def show_origin(found: services.Study) -> None:
    """How to reproduce the tables."""
    st.subheader("Where this comes from")
    st.code(found.made_by["command"], language="bash")
    st.caption(
        f"Code: commit {literal_code(found.made_by['commit'])}. "
        f"Outlines: model {literal_code(found.made_by['outlines_hash'])}. "
        f"Regression beside the calibration: {literal_code(found.made_by['regression_hash'])}. "
        "Read from benchmarks/fang2021/results.csv and rescan.csv."
    )


st.title("Replication of Fang 2021")
st.warning(
    "**SIMULATED.** Every patient of this study is invented: anatomy, scanner, QCT. It shows that the pipeline from "
    "DICOM to category works on scanners that it has not seen; it does not show how the method performs in patients.",
    icon=":material/science:",
)
found = services.study()
if found is None:
    st.info(
        "The study has not been run yet: there is no benchmarks/fang2021/results.csv. It takes about an hour on two "
        "processors and resumes where it stopped.",
        icon=":material/hourglass_empty:",
    )
    st.code(_COMMAND, language="bash")
else:
    show_published(found)
    st.subheader("Bias and limits of agreement with simulated QCT")
    forest = replication_figures.forest_figure([found.of(name) for name in _CALIBRATIONS])
    show_figure(forest, name="replication_bias_and_limits", key="forest")
    st.caption(
        "Diamond: bias with its 95 % interval; ends of the line: 95 % limits of agreement. The bias should lie in the "
        "darker band, the ends in the lighter band."
    )
    st.subheader("All figures (95 % interval)")
    for tab, name in zip(st.tabs(list(_CALIBRATIONS)), _CALIBRATIONS, strict=True):
        with tab:
            show_figures(found.of(name))
    if found.rescans:
        show_rescans(found.rescans)
    show_origin(found)
