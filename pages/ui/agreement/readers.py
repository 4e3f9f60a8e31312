"""Agreement of first and second readers, and where they correct the program, below the agreement with QCT."""

from __future__ import annotations

import statistics

import streamlit as st

from osteo_core.records import Estimate
from osteo_core.review.agreement import reader_agreement
from osteo_core.review.decisions import LeftOut
from pages.ui import services
from pages.ui.shared import wording


def show_readers() -> None:
    """Kappa, ICC, Bland-Altman and Dice of two readers; a sentence if nothing was read twice."""
    st.subheader("Two readers")
    pairs = services.reader_pairs()
    if not pairs:
        st.caption(
            "No series has been signed by two readers yet. A second reader opens a signed series and reads it blind."
        )
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
    st.dataframe(rows, hide_index=True, placeholder="", alt="Two readers")
    st.caption(
        f"{wording.counted(found.series, 'series', 'series')} signed by two readers, {found.blind:,} of the second "
        "reads blind. Differences are second minus first reader."
    )


def show_corrections() -> None:
    """Where readers correct the program: by scanner and by reason, each count with its denominator."""
    st.subheader("Where readers correct the program")
    found = services.corrected_where()
    if not found:
        st.caption("Nobody has signed a series in this store yet.")
        return
    st.dataframe(
        [
            {
                "Scanner": one.scanner,
                "Signed": one.signed,
                "Outlines corrected": wording.share(one.corrected, one.signed),
                "Rejected": wording.share(one.rejected, one.signed),
                "Levels corrected": wording.share(one.levels_corrected, one.levels),
                "Dice": f"{statistics.median(one.dice):.3f}" if one.dice else wording.MISSING,
                **{
                    wording.sentence(reason.value): wording.share(one.left_out.get(reason, 0), one.levels)
                    for reason in LeftOut
                    if found[0].left_out.get(reason)
                },
            }
            for one in found
        ],
        hide_index=True,
        placeholder="",
        alt="Where readers correct the program",
        column_config={
            "Dice": st.column_config.TextColumn(
                "Dice, median", help="Of corrected levels, against the program's outline; 0 where either has none"
            )
        },
    )
    st.caption(
        "Reads that count. Shares of signed series, and of the levels that program or reader outlined in series that "
        "were not rejected. Columns at the right: levels left out, by the reader's reason. The scanner with the "
        "largest share of corrected levels comes first."
    )


def _words(value: Estimate | str, *, digits: int) -> str:
    return value if isinstance(value, str) else wording.estimate(value, digits=digits)
