"""The one place where pages meet db and models: questions in, plain records out.

Queries go to the keeper of the store that the settings name; nothing here imports torch, and what needs
seconds or much memory runs in a process of its own.
"""

from __future__ import annotations

from osteo_core.programme.cohort import CohortFilter
from pages.ui.services.answers import (
    CohortNumbers,
    Flow,
    FlowStep,
    Images,
    LevelRow,
    ModelRow,
    PatientView,
    Reason,
    Scene,
)
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
    standardised,
    vbmd_bins,
)
from pages.ui.services.drift import ScannerDrift, phantom_checks, scanners
from pages.ui.services.exclusions import excluded_series, exclusion_flow, reason_help, reason_words
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
    demo_complaint,
    demo_is_running,
    keeper_fault,
    lifespan,
    limits,
    media_dir,
    progress,
    resume_command,
    settings,
    store_argument,
    version,
)
from pages.ui.services.patients import images, patient, scene
from pages.ui.services.qct import Preview as QctPreview
from pages.ui.services.qct import Table as QctTable
from pages.ui.services.qct import import_qct, preview_qct, qct_table
from pages.ui.services.reference import calibration_rows, limit_rows, model_rows, setting_rows
from pages.ui.services.replication import RescanLine, Study, StudyLine, study
from pages.ui.services.views import remove_view, save_view, saved_views

__all__ = [
    "ALL_VENDORS",
    "BIN_MG_CM3",
    "CohortFilter",
    "CohortNumbers",
    "Flow",
    "FlowStep",
    "Images",
    "LevelRow",
    "ModelRow",
    "PatientView",
    "QctPreview",
    "QctTable",
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
    "calibration_rows",
    "cohort_csv",
    "cohort_numbers",
    "cohort_parquet",
    "demo_complaint",
    "demo_is_running",
    "dictionary_csv",
    "equity",
    "excluded_series",
    "exclusion_flow",
    "filter_options",
    "flag_queue",
    "history",
    "images",
    "import_qct",
    "keeper_fault",
    "lifespan",
    "limit_rows",
    "limits",
    "media_dir",
    "model_rows",
    "note",
    "note_cause",
    "patient",
    "phantom_checks",
    "prevalence",
    "preview_qct",
    "programme_indicators",
    "progress",
    "qct_table",
    "reason_help",
    "reason_words",
    "remove_view",
    "resume_command",
    "row_of",
    "runs",
    "save_view",
    "saved_views",
    "scanners",
    "scene",
    "setting_rows",
    "settings",
    "standardised",
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
