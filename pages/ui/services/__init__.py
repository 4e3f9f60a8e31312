"""The one place where pages meet db and models: questions in, plain records out.

Queries go to the keeper of the store that the settings name; nothing here imports torch, and what needs
seconds or much memory runs in a process of its own.
"""

from __future__ import annotations

from osteo_core.programme.cohort import CohortFilter
from pages.ui.services.answers import (
    Box,
    BoxKind,
    CohortNumbers,
    Flow,
    FlowEnd,
    FlowStep,
    Images,
    LevelRow,
    ModelRow,
    PatientView,
    Reason,
    Scene,
)
from pages.ui.services.changes import Changes, changes
from pages.ui.services.chromium import INSTALL as BROWSER_NEEDED
from pages.ui.services.chromium import find_browser, print_pdf
from pages.ui.services.cohort import (
    ALL_VENDORS,
    BIN_MG_CM3,
    agreement,
    agreement_pairs,
    cohort_numbers,
    equity,
    filter_options,
    prevalence,
    runs,
    site_words,
    standardised,
    vbmd_bins,
)
from pages.ui.services.drift import ScannerDrift, phantom_checks, scanners
from pages.ui.services.exclusions import MOST_LISTED, box_series, exclusion_flow, reason_help, reason_words
from pages.ui.services.exports import cohort_csv, cohort_parquet, dictionary_csv, versions
from pages.ui.services.follow_up import (
    Queue,
    StateCount,
    flag_queue,
    history,
    note,
    note_cause,
    programme_indicators,
    row_of,
    state_of,
    states,
    worklist,
    worklist_count,
)
from pages.ui.services.house import (
    keeper_fault,
    lifespan,
    limits,
    may_start,
    media_dir,
    pause_is_asked,
    pause_run,
    progress,
    resume_command,
    resume_run,
    run_complaint,
    running_command,
    settings,
    start_run,
    store_argument,
    version,
)
from pages.ui.services.patients import images, patient, scene
from pages.ui.services.pictures import picture
from pages.ui.services.qct import Preview as QctPreview
from pages.ui.services.qct import Table as QctTable
from pages.ui.services.qct import import_qct, preview_qct, qct_table
from pages.ui.services.reference import calibration_rows, limit_rows, model_rows, setting_rows
from pages.ui.services.replication import RescanLine, Study, StudyLine, study
from pages.ui.services.views import remove_view, save_view, saved_views
from pages.ui.services.work import Progress

__all__ = [
    "ALL_VENDORS",
    "BIN_MG_CM3",
    "BROWSER_NEEDED",
    "MOST_LISTED",
    "Box",
    "BoxKind",
    "Changes",
    "CohortFilter",
    "CohortNumbers",
    "Flow",
    "FlowEnd",
    "FlowStep",
    "Images",
    "LevelRow",
    "ModelRow",
    "PatientView",
    "QctPreview",
    "QctTable",
    "Progress",
    "Queue",
    "Reason",
    "RescanLine",
    "ScannerDrift",
    "Scene",
    "StateCount",
    "Study",
    "StudyLine",
    "agreement",
    "agreement_pairs",
    "box_series",
    "calibration_rows",
    "changes",
    "cohort_csv",
    "cohort_numbers",
    "cohort_parquet",
    "dictionary_csv",
    "equity",
    "exclusion_flow",
    "filter_options",
    "find_browser",
    "flag_queue",
    "history",
    "images",
    "import_qct",
    "keeper_fault",
    "lifespan",
    "limit_rows",
    "limits",
    "may_start",
    "media_dir",
    "model_rows",
    "note",
    "note_cause",
    "patient",
    "pause_is_asked",
    "pause_run",
    "phantom_checks",
    "picture",
    "prevalence",
    "preview_qct",
    "print_pdf",
    "programme_indicators",
    "progress",
    "qct_table",
    "reason_help",
    "reason_words",
    "remove_view",
    "resume_command",
    "resume_run",
    "row_of",
    "run_complaint",
    "running_command",
    "runs",
    "save_view",
    "saved_views",
    "scanners",
    "scene",
    "setting_rows",
    "settings",
    "site_words",
    "standardised",
    "start_run",
    "state_of",
    "states",
    "store_argument",
    "study",
    "vbmd_bins",
    "version",
    "versions",
    "worklist",
    "worklist_count",
]
