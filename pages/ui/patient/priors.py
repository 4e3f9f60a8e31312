"""Earlier studies of the same person: what changed in words, by level as a table, and for the reader's screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from osteo_core.errors import UsageError
from osteo_core.review.priors import Change, Comparison
from osteo_core.terms import Level
from pages.ui import services
from pages.ui.shared import wording
from pages.ui.shared.literal import literal
from pages.ui.viewer.review_routes import picture_address


def change_words(prior: services.Prior) -> str:
    """'4 Jun 2025: mean vBMD lower by 15 mg/cm³ (92 to 77; LSC 12)'; within the LSC no change is stated."""
    found = prior.comparison
    day = wording.day(found.day)
    fractures = f"; new fracture of {wording.levels(found.new_fractures)}" if found.new_fractures else ""
    if found.mean is None:
        mean = prior.summary.mean_mg_cm3
        value = f"{mean[0]:.0f} {wording.UNIT}, " if mean else ""
        return f"{day}: {value}not compared, {found.reason}{fractures}"
    if not found.mean.is_beyond:
        return f"{day}: {found.mean.before:.0f} {wording.UNIT}, no detectable change ({_limit(found)}){fractures}"
    way = "higher" if found.mean.difference > 0 else "lower"
    return (
        f"since {day}: mean vBMD {way} by {abs(found.mean.difference):.0f} {wording.UNIT} "
        f"({found.mean.before:.0f} to {found.mean.after:.0f}; {_limit(found)}){fractures}"
    )


def _limit(found: Comparison) -> str:
    """'LSC 24: another scanner': the least significant change, the site's own or published, and why it is larger than
    usual.
    """
    lsc = "" if found.mean is None else f"{'site ' if found.is_own else ''}LSC {found.mean.lsc:.0f}"
    return f"{lsc}: {', '.join(found.unlike)}" if found.unlike else lsc


def screen_data(priors: Sequence[services.Prior], chosen: str = "") -> list[dict[str, Any]]:
    """Data on earlier studies for the reader's screen: the chosen one first, else the latest, with its pictures.

    Starts making missing pictures.
    """
    ordered = sorted(priors, key=lambda prior: prior.series_key != chosen)
    return [_of_screen(prior, with_pictures=number == 0) for number, prior in enumerate(ordered)]


def _of_screen(prior: services.Prior, *, with_pictures: bool) -> dict[str, Any]:
    found = prior.comparison
    data = {
        "series": prior.series_key,
        "day": wording.day(found.day),
        "words": change_words(prior),
        "scanner": prior.scanner,
        "mean": _plain(found.mean),
        "levels": {
            str(int(level)): {"vbmd": one.vbmd_mg_cm3, "grade": one.grade, "change": _plain(found.levels.get(level))}
            for level, one in prior.summary.levels.items()
        },
    }
    if not with_pictures:
        return data
    try:
        files = services.prior_files(prior.series_key, is_read=prior.is_read)
    except UsageError as refused:
        return {**data, "urls": {}, "why_not": str(refused)}
    return {**data, "urls": {name: picture_address(file) for name, file in files.items() if file is not None}}


def _plain(change: Change | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {"before": change.before, "after": change.after, "lsc": change.lsc, "is_beyond": change.is_beyond}


def show_priors(priors: Sequence[services.Prior]) -> None:
    """Earlier studies as a table: one per row, with values by level and each significant difference."""
    if not priors:
        return
    st.subheader("Earlier studies")
    levels = sorted({level for prior in priors for level in prior.comparison.levels or prior.summary.levels})
    st.dataframe(
        [
            {
                "Study": wording.day(prior.comparison.day),
                "Scanner": prior.scanner,
                "Mean": change_words(prior).split(": ", 1)[1],
                "LSC from": prior.comparison.precision,
                **{level.name: _cell(prior, level) for level in levels},
            }
            for prior in priors
        ],
        hide_index=True,
        placeholder="",
        alt="Earlier studies",
        column_config={
            "Mean": st.column_config.TextColumn(f"Mean vBMD, {wording.UNIT}", width=430),
            "LSC from": st.column_config.TextColumn("LSC from", width=330, help="Source of the precision error"),
        },
    )
    if fault := services.precision_fault():
        st.warning(f"{literal(wording.sentence(fault))}. The published precision is used.", icon=":material/error:")
    st.caption(
        f"By level: earlier vBMD, {wording.UNIT}, and the difference only where it is beyond the least significant "
        "change (LSC). The mean is over levels that count in both. LSC: 2.77 times the precision error (ISCD 2019), "
        "from this site's own study where it has one for these scanners (site LSC), otherwise as published: 4.7 % on "
        "one scanner under one protocol, else 5.9 % or the value from both intervals, whichever is larger; for one "
        "level at most √n times that of the mean of n."
    )
    for prior in priors:
        label = f"Open the study of {wording.day(prior.comparison.day)}"
        st.page_link("pages/patient.py", label=label, query_params={"series": prior.series_key})


def _cell(prior: services.Prior, level: Level) -> str:
    own = prior.summary.levels.get(level)
    if own is None or own.vbmd_mg_cm3 is None:
        return wording.MISSING
    change = prior.comparison.levels.get(level)
    words = f"{own.vbmd_mg_cm3[0]:.0f}"
    return f"{words} ({change.difference:+.0f})" if change and change.is_beyond else words
