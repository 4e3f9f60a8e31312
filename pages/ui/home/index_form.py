"""Indexing from the home page: a folder on the server or a .zip from this computer, and what the run found."""

from __future__ import annotations

import streamlit as st

from osteo_core.programme.cohort import Change
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.uploads import forget
from pages.ui.access.users import current_user
from pages.ui.shared import wording
from pages.ui.shared.faults import in_words
from pages.ui.shared.literal import literal, literal_code


def show_index() -> None:
    """Index a folder on the server: a path with completion, or the commands that do the same."""
    store = services.store_argument()
    if not services.index_roots():
        st.caption("Indexing from the dashboard is switched off here. On the server:")
        st.code(f"python -m osteo_core index /path/to/ct{store}", language="bash", wrap_lines=True)
        return
    typed = st.text_input(
        "Folder of CT on the server",
        key="index-path",
        placeholder="/data/ct",
        help="DICOM folders, or NIfTI files. Headers are read first; identifiers are turned into keyed hashes on "
        "import.",
    )
    offered = [one for one in services.matching_folders(typed) if one != typed.rstrip("/")]
    if offered:
        st.pills(
            "Folders that match",
            offered,
            key="index-offered",
            on_change=_take_offered,
            format_func=literal,
            label_visibility="collapsed",
        )
    st.button(
        "Read headers",
        key="index-start",
        type="primary",
        icon=":material/folder_open:",
        on_click=_start_index,
        disabled=not services.may_start(),
        help="Indexes the folder in the background. The series found are listed here, and analyzed when you start "
        "the analysis.",
    )

    _show_upload()


def _show_upload() -> None:
    """A .zip from this machine, kept on the server and indexed there."""
    # A new key empties the field once its file was taken.
    key = f"index-upload-{st.session_state.get('index-uploads', 0)}"
    uploaded = st.file_uploader(
        "Or upload a .zip of CT from this computer",
        type=["zip"],
        key=key,
        max_upload_size=services.upload_limit_mb(),
        help="DICOM folders, or NIfTI files with their JSON files. The archive is kept on the server.",
    )
    st.button(
        "Keep and read headers",
        key="index-upload-start",
        icon=":material/upload_file:",
        on_click=_start_upload,
        args=(key,),
        disabled=uploaded is None or not services.may_start(),
        help="Nothing is kept until you press this, or if the archive cannot be read.",
    )


@in_words()
def _start_upload(key: str) -> None:
    uploaded = st.session_state.get(key)
    if uploaded is None:
        return
    services.start_upload(uploaded)
    forget(uploaded)
    st.session_state["index-uploads"] = st.session_state.get("index-uploads", 0) + 1


@in_words()
def _take_offered() -> None:
    chosen = st.session_state.get("index-offered")
    if chosen:
        st.session_state["index-path"] = f"{chosen.rstrip('/')}/"
        st.session_state["index-offered"] = None


@in_words()
def _start_index() -> None:
    services.start_index(st.session_state.get("index-path", ""))


def show_index_result() -> None:
    """Findings of the index run started here: series read, and how many were left out, by reason."""
    run = services.index_run()
    if run is None or not may(current_user(), Action.INDEX):
        return
    query = {"changed": Change.READ.value, "since": run.started_at.isoformat()}
    state = "Reading" if run.is_running else "Read"
    counted = wording.counted(run.read, "series", "series")
    words = f"{state} {literal_code(run.folder)}: **{counted}**, {run.left_out:,} left out"
    if run.reasons:
        words += ": " + ", ".join(f"{reason.count:,} {literal(reason.words.lower())}" for reason in run.reasons)
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f":material/folder_open: {words}.")
        if run.left_out:
            st.page_link(
                "pages/exclusions.py",
                label="See what was left out",
                query_params={**query, "box": "left out: find"},
                width="content",
            )
