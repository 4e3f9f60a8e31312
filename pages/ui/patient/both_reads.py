"""First and second read of one series side by side, with their numbers, and the one from which an adjudicator
continues.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from osteo_core.review.reads import Read, Reading, Role, Verdict
from osteo_core.terms import Level
from pages.ui import services
from pages.ui.shared import wording
from pages.ui.shared.faults import in_words
from pages.ui.shared.literal import literal

#: In the session: the reader whose read an adjudicator was last shown, by series.
_CHOSEN = "read_to_go_on_from"
_ROLES = (Role.FIRST, Role.SECOND)
_STYLE = """
<style>
  .both { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; font-size: 0.86rem; }
  .both th, .both td { text-align: left; vertical-align: top; padding: 0.15rem 0.9rem 0.15rem 0; }
  .both tr { border-bottom: 1px solid rgba(128, 128, 128, 0.3); }
  .both .differs td { font-weight: 700; }
</style>
"""


def chosen_read(series_key: str) -> str:
    """The role of the read that an adjudicator chose for this series, '' for none."""
    return str(st.session_state.get(_CHOSEN, {}).get(series_key, ""))


def read_shown(reading: Reading, series_key: str, role: Role | None) -> Read | None:
    """The read shown to a user who may see it: the counting one; for an adjudicator the one they chose."""
    chosen: dict[str, Role] = st.session_state.get(_CHOSEN, {})
    if role is Role.ADJUDICATOR and reading.by(Role.ADJUDICATOR) is None and series_key in chosen:
        return reading.by(chosen[series_key])
    return reading.counts


def show_both(reading: Reading, series_key: str, role: Role | None) -> None:
    """A button that opens both reads; nothing if there is only one read.

    ``role``: the role in which the reader may sign; an adjudicator chooses which of the two to continue from.
    """
    first, second = (reading.by(one) for one in _ROLES)
    if first is None or second is None:
        return
    with st.popover("Both reads", icon=":material/compare:", width="content"):
        if reading.differences:
            st.markdown(f"**The readers differ:** {literal('; '.join(reading.differences))}.")
        st.html(_STYLE + _table(first, second))
        st.caption(
            f"vBMD in {wording.UNIT} with its 95 % interval. Dice: outlines of the second reader against those of the "
            "first. Bold: differences."
        )
        if role is Role.ADJUDICATOR:
            _show_choice(series_key, shown=read_shown(reading, series_key, role))


def _show_choice(series_key: str, *, shown: Read | None) -> None:
    """Outlines, numbers and decisions of one of the two on the screen, to accept or correct them."""
    for column, role in zip(st.columns(2), _ROLES, strict=True):
        column.button(
            f"Go on from the {role.value}",
            key=f"go-on-{role.name}",
            disabled=shown is not None and shown.role is role,
            on_click=_choose,
            args=(series_key, role),
        )


@in_words()
def _choose(series_key: str, role: Role) -> None:
    st.session_state.setdefault(_CHOSEN, {})[series_key] = role


def _table(first: Read, second: Read) -> str:
    both = (first, second)
    heads = "".join(f"<th scope='col'>{html.escape(_who(read))}</th>" for read in both)
    rows = [
        _row("Verdict", [read.verdict.value for read in both]),
        _row("Category", [read.summary.category.value if read.summary.category else "none" for read in both]),
        _row("Mean vBMD", [wording.interval(*read.summary.mean_mg_cm3 or (None,) * 3) for read in both]),
        _row("Levels that count", [wording.levels(read.summary.levels_used) or "none" for read in both]),
        *(_level_row(first, second, level) for level in sorted(set(first.summary.levels) | set(second.summary.levels))),
        _row("Contrast phase", [_phase(read) for read in both]),
        _row("Outlines", ["the program's" if read.version == read.model_hash else "corrected" for read in both]),
        _row("In words", [read.words or wording.MISSING for read in both]),
    ]
    head = f"<thead><tr><th></th>{heads}<th scope='col'>Dice</th></tr></thead>"
    return f"<table class='both'>{head}<tbody>{''.join(rows)}</tbody></table>"


def _who(read: Read) -> str:
    return f"{read.role.value}: {services.name_of(read.reader)}, {wording.moment(read.at)}"


def _level_row(first: Read, second: Read, level: Level) -> str:
    dice = second.dice.get(level)
    return _row(level.name, [_of_level(read, level) for read in (first, second)], "" if dice is None else f"{dice:.3f}")


def _of_level(read: Read, level: Level) -> str:
    """'71 (64 to 78), fracture grade 1, osteoporotic; does not count: metal'."""
    own = read.summary.levels.get(level)
    if read.verdict is Verdict.REJECT:
        return "no value (rejected)"
    if own is None:
        return "not outlined"
    parts = [wording.interval(*own.vbmd_mg_cm3) if own.vbmd_mg_cm3 else "no vBMD"]
    parts += [f"fracture {wording.grade(own.grade)}" if own.grade else "no fracture"] if own.grade is not None else []
    parts += [read.decisions.causes[level].value] if level in read.decisions.causes else []
    left_out = f"; does not count: {own.left_out.rstrip('.')}" if own.left_out else ""
    return ", ".join(parts) + left_out


def _phase(read: Read) -> str:
    words = read.decisions.phase.value if read.decisions.phase else "as the program saw it"
    return f"{words}; levels counted from a wrong landmark" if read.decisions.is_count_wrong else words


def _row(name: str, cells: Sequence[str], dice: str = "") -> str:
    differs = " class='differs'" if cells[0] != cells[1] else ""
    body = "".join(f"<td>{html.escape(cell)}</td>" for cell in (*cells, dice))
    return f"<tr{differs}><th scope='row'>{html.escape(name)}</th>{body}</tr>"
