"""Agreement of first and second readers, below the agreement with QCT."""

from __future__ import annotations

import statistics

import streamlit as st

from osteo_core.records import Estimate
from osteo_core.review.agreement import reader_agreement
from pages.ui import services
from pages.ui.shared import wording


def show_readers() -> None:
    """Kappa, ICC, Bland-Altman and Dice of two readers; a sentence where nothing was read twice."""
    st.subheader("Two readers")
    pairs = services.reader_pairs()
    if not pairs:
        st.caption("No series was signed by two readers yet. A second reader opens a signed series and reads it blind.")
        return
    found = reader_agreement(pairs)
    rows = [{"Figure": name, "Value (95 %)": _words(value, digits=2)} for name, value in found.figures.items()]
    if found.vbmd is not None:
        rows += [
            {"Figure": f"{name} of the mean vBMD, {wording.UNIT}", "Value (95 %)": _words(value, digits=1)}
            for name, value in (
                ("Bias", found.vbmd.bias),
                ("Lower limit", found.vbmd.lower_limit),
                ("Upper limit", found.vbmd.upper_limit),
            )
        ]
    if found.dice:
        middle, least = statistics.median(found.dice), min(found.dice)
        words = f"median {middle:.3f}, least {least:.3f}"
        rows.append({"Figure": "Dice of the outlines, by level", "Value (95 %)": words})
    st.dataframe(rows, hide_index=True)
    st.caption(
        f"{wording.counted(found.series, 'series', 'series')} signed by two readers, {found.blind:,} of the second "
        "reads blind. Differences are second minus first reader."
    )


def _words(value: Estimate | str, *, digits: int) -> str:
    return value if isinstance(value, str) else wording.estimate(value, digits=digits)
