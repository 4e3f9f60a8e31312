"""Export: the filtered cohort as CSV and Parquet with its data dictionary, a report, and every figure as a picture."""

from __future__ import annotations

from functools import partial

import streamlit as st

from osteo_core.columns.cohort import EXPORT
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import current_user, later, seen_by
from pages.ui.export import report
from pages.ui.export.report_figures import about, picture_of, report_figures
from pages.ui.shared import address, filters, frame, wording
from pages.ui.shared.literal import literal


def show_files(chosen: services.CohortFilter, *, with_keys: bool) -> None:
    """The buttons; a file is made on request, outside the script run, so the user is determined here."""
    reader, sight = seen_by(), services.sight_of_figures()
    csv, parquet = (
        later(Action.EXPORT, partial(make, chosen, with_keys=with_keys, seen_by=reader))
        for make in (services.cohort_csv, services.cohort_parquet)
    )
    page, printed = (
        later(Action.EXPORT, partial(make, chosen, seen_by=sight)) for make in (report.report_html, report.report_pdf)
    )
    files = (
        ("CSV", csv, "cohort.csv", "text/csv", ":material/table:"),
        ("Parquet", parquet, "cohort.parquet", "application/vnd.apache.parquet", ":material/database:"),
        ("Data dictionary", services.dictionary_csv, "cohort_dictionary.csv", "text/csv", ":material/menu_book:"),
        ("Report (HTML)", page, "report.html", "text/html", ":material/description:"),
        ("Report (PDF)", printed, "report.pdf", "application/pdf", ":material/picture_as_pdf:"),
    )
    buttons = st.container(horizontal=True)
    for words, make, file_name, mime, icon in files:
        is_pdf = mime == "application/pdf"
        buttons.download_button(
            literal(words),
            make,
            file_name,
            mime,
            icon=icon,
            on_click="ignore",
            disabled=is_pdf and services.find_browser() is None,
            help="Takes a few seconds; the first one takes longer" if is_pdf else None,
        )


def show_pictures(chosen: services.CohortFilter) -> None:
    """One figure at a time, as it will look in print, with its two files."""
    st.subheader("Figures")
    sight = services.sight_of_figures()
    found = {one.title: one for one in report_figures(chosen, seen_by=sight)}
    if not found:
        st.caption("No patient in this filter has a vBMD: there is no figure.")
        return
    beside = about(chosen, seen_by=sight)
    line = st.container(horizontal=True, vertical_alignment="bottom")
    address.choice("figure", found, words="figure")
    one = found[line.selectbox("Figure", list(found), key="figure", width=320)]
    kinds: dict[services.PictureKind, str] = {"svg": "image/svg+xml", "png": "image/png"}
    for kind, mime in kinds.items():
        line.download_button(
            kind.upper(),
            partial(picture_of, one, beside, kind),
            file_name=f"{one.name}.{kind}",
            mime=mime,
            icon=":material/image:",
            on_click="ignore",
            disabled=services.find_browser() is None,
            key=f"picture-{kind}",
        )
    if services.find_browser() is None:
        st.info(services.BROWSER_NEEDED, icon=":material/info:")
    st.plotly_chart(one.figure, config={"displayModeBar": False}, key=f"preview-{one.name}")
    st.caption(literal(f"{one.words} {beside}"))


def show_corrections() -> None:
    """Readers' corrections as a training set of the whole store, for users who may see images; large sets by
    command.
    """
    if not may(current_user(), Action.SEE_IMAGES):
        return
    st.subheader("Readers' corrections")
    hidden = services.hidden_from_this_reader()
    count = services.corrections_count(hidden=hidden)
    if not count:
        st.caption("This store has no signed correction yet that you may see.")
        return
    is_large = count > services.MOST_ON_PAGE
    st.download_button(
        f"Training set of {wording.counted(count, 'series', 'series')} (ZIP)",
        later(Action.SEE_IMAGES, partial(services.corrections_zip, hidden=hidden)),
        file_name="corrections.zip",
        mime="application/zip",
        icon=":material/school:",
        on_click="ignore",
        disabled=is_large,
    )
    st.caption(
        "CT cropped to the vertebral bodies, the program's and the reader's masks on one grid, and a table of level, "
        "change and reason; renumbered, without dates, ages, keys or readers' comments. "
        + (f"More than {services.MOST_ON_PAGE} series: " if is_large else "Or use the command: ")
        + "`python -m osteo_core corrections --out DIR`."
    )


if not services.has_series():
    st.title("Export")
    frame.draw_no_series()
else:
    chosen = filters.heading("Export", "export", with_patients=True)
    numbers = services.cohort_numbers(chosen, seen_by=seen_by())
    if not numbers.series:
        frame.draw_empty("No patient matches this filter, so there is nothing to export.", icon=":material/search_off:")
    else:
        st.markdown(
            f"**{wording.counted(numbers.series, 'series', 'series')}** of "
            f"{wording.counted(numbers.patients, 'patient')}; excluded and failed series are included."
        )
        with_keys = st.toggle(
            "With the store's own keys, exact ages and study dates",
            key="with_keys",
            help="Without it, each export gets new pseudonyms for patients, scanners and sites, ages are whole years "
            "up to 90, and dates are cut to the year: two exports cannot be linked.",
        )
        show_files(chosen, with_keys=with_keys)
        if hidden := len(services.hidden_series(seen_by())):
            st.caption(
                f"{wording.counted(hidden, 'signed series', 'signed series')} of this store not yet read by you: "
                "files hold the program's result, so that you can read blind."
            )
        st.caption(
            "No name, number or path of a patient is in any of these. The report holds every figure with its n, "
            "exclusions, model and calibration versions, and says what is simulated; a picture carries the same words. "
            "None of it needs a network. Whole tables of the store: `python -m osteo_core export --out DIR`."
        )
        show_pictures(chosen)
        show_corrections()
        st.subheader("Columns")
        st.dataframe(
            [{"Column": one.name, "Unit or values": one.unit, "Meaning": one.meaning} for one in EXPORT],
            hide_index=True,
            placeholder="",
            alt="Columns of the export",
        )
