"""The import of QCT values on screen: file, columns, preview with every refused row, then the button."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import streamlit as st

from osteo_core.errors import UsageError
from osteo_core.tables.content import MOST_BYTES
from osteo_core.tables.qct import MEANINGS
from osteo_core.terms import Level, Mineral
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import author, current_user
from pages.ui.agreement import figures
from pages.ui.shared import wording
from pages.ui.shared.faults import draw_fault
from pages.ui.shared.literal import literal
from pages.ui.shared.notes import author_name, show_author

_Key = TypeVar("_Key")
_NONE = "(no column)"
_SHOWN = 200


def show_import() -> None:
    """The whole import; nothing is stored before the button at the end."""
    if not may(current_user(), Action.IMPORT_QCT):
        return
    show_author()
    # Any file may be given: one that is not a table is refused in words, where Streamlit would name a MIME type.
    file = st.file_uploader("A CSV or Excel table with a row of headings", max_upload_size=MOST_BYTES // 2**20)
    if file is None:
        st.caption(
            "Any columns will do: you choose what each one means. The patient number is turned into the same keyed "
            "hash as the CT's on import and is not stored. Or use the command:"
        )
        st.code(f"python -m osteo_core reference /path/to/qct.csv{services.store_argument()}", language="bash")
        return
    try:
        table, guessed = services.qct_table(file.getvalue())
        preview = _mapped(table, guessed)
    except UsageError as refused:
        draw_fault(refused)
        return
    _show_preview(preview)


def _mapped(table: services.QctTable, guessed: dict[str, str]) -> services.QctPreview:
    choices = [_NONE, *table.columns]
    chosen = {}
    for column, (meaning, words) in zip(st.columns(len(MEANINGS)), MEANINGS.items(), strict=True):
        found = column.selectbox(
            literal(words), choices, index=choices.index(guessed.get(meaning, _NONE)), key=f"qct-column-{meaning}"
        )
        if found != _NONE:
            chosen[meaning] = found
    left, right = st.columns(2)
    mineral = None
    if "Mineral" not in chosen:
        mineral = left.segmented_control("Mineral of all values", list(Mineral), key="qct-mineral")
    source = ""
    if "Source" not in chosen:
        source = right.text_input("Source of all values", key="qct-source", placeholder="phantom, software, report")
    return services.preview_qct(table, chosen, mineral=mineral, source=source)


def _show_preview(preview: services.QctPreview) -> None:
    taken, refused = preview.mapped.values, preview.mapped.refused
    st.markdown(
        f"**{wording.counted(len(taken), 'value')}** of {wording.counted(preview.patients, 'patient')} can be "
        f"imported; {preview.known:,} of them have a CT here, {preview.measured:,} a measured one. "
        f"**{wording.counted(len(refused), 'row')}** refused."
    )
    values = preview.mapped.distribution
    if values is not None:
        levels = ", ".join(f"{level} {n:,}" for level, n in values.levels.items())
        st.markdown(
            f"**Check the values before you import them**: vBMD from {values.low:.0f} to {values.high:.0f} "
            f"{wording.UNIT}, median {values.median:.0f}, "
            f"middle half {values.quartile_1:.0f} to {values.quartile_3:.0f}. "
            f"Values by level: {literal(levels)}."
        )
        st.plotly_chart(figures.imported_figure(values, services.limits()), config={"displayModeBar": False})
    replaced = preview.replaced
    if replaced.count:
        st.warning(
            f"{wording.counted(replaced.count, 'value')} would replace one that is here already; {replaced.changed:,} "
            f"of them differ, by {replaced.mean_change_mg_cm3:+z.1f} {wording.UNIT} on average. The earlier ones stay "
            "in the store and count again if this import is withdrawn.",
            icon=":material/difference:",
        )
    if preview.mapped.unused:
        st.text("Columns not used: " + ", ".join(preview.mapped.unused) + ".")
    left, right = st.columns(2, gap="large")
    left.dataframe(
        [
            {
                "Patient": wording.short_key(value.patient_key),
                "Level": value.level.name if value.level else "mean",
                "vBMD": value.vbmd_mg_cm3,
                "Mineral": value.mineral.value,
                "Source": value.source,
            }
            for value in taken[:_SHOWN]
        ],
        hide_index=True,
        placeholder="",
        alt="Values that can be imported",
    )
    if refused:
        right.dataframe(
            [{"Line": row.line, "Why it was refused": wording.sentence(row.why)} for row in refused[:_SHOWN]],
            hide_index=True,
            placeholder="",
            alt="Refused rows",
        )
    else:
        right.caption("No row was refused.")
    if taken and st.button(f"Import {wording.counted(len(taken), 'value')}", type="primary", key="qct-import"):
        try:
            services.import_qct(preview, author=author())
        except UsageError as refused_import:
            draw_fault(refused_import)
            return
        st.session_state["qct-done"] = f"{wording.counted(len(taken), 'QCT value')} imported."
        st.rerun()


def show_imports() -> None:
    """Every import with author, time and count, and a way to withdraw it."""
    found = services.qct_imports()
    if not found:
        return
    st.subheader("Imports")
    st.dataframe(
        [
            {
                "Imported": wording.moment(one.imported_at),
                "By": one.author or "command line",
                "Values": one.values,
                "Patients": one.patients,
                "Mineral": one.minerals,
                "Source": one.sources,
                "Range": f"{one.lowest_mg_cm3:.0f} to {one.highest_mg_cm3:.0f}, median {one.median_mg_cm3:.0f}",
                "Counts": f"withdrawn by {one.withdrawn_by}, {wording.moment(one.withdrawn_at)}"
                if one.withdrawn_at
                else "yes",
            }
            for one in found
        ],
        hide_index=True,
        placeholder="",
        alt="Imports of QCT values",
        column_config={"Range": st.column_config.TextColumn(f"Range, {wording.UNIT}")},
    )
    names = _names(found)
    _show_compared(names)
    valid = [one.imported_at for one in found if not one.withdrawn_at]
    if not valid or not may(current_user(), Action.IMPORT_QCT):
        return
    with st.popover("Withdraw an import", width="content"):
        chosen = st.selectbox("Import", valid, format_func=names.__getitem__, key="qct-withdraw")
        st.caption(f"Recorded with the name under 'Noted by': {literal(author_name() or 'none yet')}.")
        reason = st.text_input("Why", key="qct-withdraw-reason", placeholder="recorded")
        # Each has its own button: if the list changed meanwhile, a click withdraws only the one it was for.
        if st.button("Withdraw", key=f"qct-withdraw-{chosen.isoformat()}"):
            try:
                services.withdraw_qct(chosen, author=author(), reason=reason)
            except UsageError as refused:
                draw_fault(refused)
                return
            st.session_state["qct-done"] = "The import was withdrawn; its values no longer count."
            st.rerun()


def _names(found: Sequence[services.QctImport]) -> dict[datetime, str]:
    """Label of each import by its moment, to the second if two of one minute have the same number of values."""

    def named(say: Callable[[datetime], str]) -> dict[datetime, str]:
        return {one.imported_at: f"{say(one.imported_at)}, {wording.counted(one.values, 'value')}" for one in found}

    return names_apart(named(wording.moment), named(to_the_second), named(datetime.isoformat))


def to_the_second(at: datetime) -> str:
    """'24 Nov 2026, 02:13:05': what ``wording.moment`` says, with its seconds."""
    return f"{wording.moment(at)}:{at:%S}"


def names_apart(*ways: Mapping[_Key, str]) -> dict[_Key, str]:
    """For each key, the first of these labels that no other key shares; the last ones are always unique.

    Streamlit identifies the chosen option by its label: if two share one, the wrong option may be taken.
    """
    counts = [Counter(way.values()) for way in ways]
    return {
        key: next((way[key] for way, count in zip(ways, counts, strict=True) if count[way[key]] == 1), words)
        for key, words in ways[-1].items()
    }


def _show_compared(names: Mapping[datetime, str]) -> None:
    """Compares two imports: how many values changed, which, and by how much."""
    if len(names) < 2:
        return
    with st.expander("Compare two imports"):
        left, right = st.columns(2)
        moments = list(names)
        one = left.selectbox("First import", moments, index=1, format_func=names.__getitem__, key="qct-first")
        other = right.selectbox("Second import", moments, index=0, format_func=names.__getitem__, key="qct-second")
        if one == other:
            st.caption("Choose two different imports.")
            return
        compared = services.compare_qct(one, other)
        st.markdown(
            f"**{wording.counted(compared.both, 'value')}** in both, **{compared.changed:,}** of them changed; "
            f"{compared.first_only:,} only in the first, {compared.second_only:,} only in the second."
        )
        if compared.agreement is not None:
            agreement = compared.agreement
            st.markdown(
                f"First minus second: bias {wording.difference(agreement.bias, digits=1)} {wording.UNIT}, limits of "
                f"agreement {wording.difference(agreement.lower_limit, digits=1)} and "
                f"{wording.difference(agreement.upper_limit, digits=1)} {wording.UNIT}, n {agreement.n:,}."
            )
        else:
            st.caption(f"No bias: {literal(compared.why)}.")
        if compared.changes:
            st.dataframe(
                [
                    {
                        "Patient": wording.short_key(row.patient_key),
                        "Level": Level(row.level).name if row.level else "mean",
                        "Mineral": row.mineral,
                        "First": row.first_mg_cm3,
                        "Second": row.second_mg_cm3,
                        "First minus second": row.first_mg_cm3 - row.second_mg_cm3
                        if row.first_mg_cm3 is not None and row.second_mg_cm3 is not None
                        else None,
                    }
                    for row in compared.changes[:_SHOWN]
                ],
                hide_index=True,
                placeholder="",
                alt="Values that differ between the two imports",
                column_config={
                    name: st.column_config.NumberColumn(f"{name}, {wording.UNIT}", format="%.1f")
                    for name in ("First", "Second", "First minus second")
                },
            )
            if len(compared.changes) > _SHOWN:
                st.caption(f"The first {_SHOWN:,} of {len(compared.changes):,} values that differ.")
