"""The only link between pages and db or models: questions in, plain records out.

Queries go to the holder of the store named in the settings; nothing here imports torch, and slow or memory-intensive
work runs in a separate process.
"""

from __future__ import annotations

from commands.cluster.progress import Progress
from db.query import Selection
from osteo_core.programme.cohort import CohortFilter
from osteo_core.tables.content import Table as QctTable
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
    has_series,
    hidden_from_this_reader,
    hidden_series,
    prevalence,
    runs,
    sight_of_figures,
    site_words,
    standardised,
    value_counts,
    vbmd_bins,
)
from pages.ui.services.comparing import (
    Agreements,
    Both,
    Line,
    Side,
    compare_agreement,
    compare_shares,
    compare_versions,
    version_options,
    version_values,
)
from pages.ui.services.corrections import MOST_ON_PAGE, corrected_where, corrections_count, corrections_zip
from pages.ui.services.drift import ScannerDrift, phantom_checks, scanners
from pages.ui.services.exclusions import MOST_LISTED, box_series, exclusion_flow, reason_help, reason_words
from pages.ui.services.exports import (
    as_csv,
    as_parquet,
    cohort_csv,
    cohort_parquet,
    cohort_table,
    dictionary_csv,
    selection_of_file,
    versions,
)
from pages.ui.services.follow_up import StateCount, flag_queue, programme_indicators, states
from pages.ui.services.identity import Found, FoundSeries, find_patients, may_see_identity, reveal
from pages.ui.services.indexing import (
    index_roots,
    index_run,
    matching_folders,
    start_index,
    start_upload,
    upload_limit_mb,
)
from pages.ui.services.notes import (
    FollowedSeries,
    HistoryEntry,
    MadeNote,
    followed_of,
    history,
    note,
    note_cause,
    plan,
    undo,
)
from pages.ui.services.patients import model_summary, model_view, patient, stored
from pages.ui.services.people import lifespan, name_of, note_sign_in, note_sign_out
from pages.ui.services.pictures import PictureKind, picture
from pages.ui.services.priors import Prior, precision_fault, priors
from pages.ui.services.qct_import import Preview as QctPreview
from pages.ui.services.qct_import import (
    QctImport,
    compare_qct,
    import_qct,
    preview_qct,
    qct_imports,
    qct_table,
    withdraw_qct,
)
from pages.ui.services.read_report import ReadReport, read_report, why_no_report
from pages.ui.services.records import (
    Box,
    BoxKind,
    CohortNumbers,
    Flow,
    FlowStep,
    LevelRow,
    PatientView,
)
from pages.ui.services.reference import calibration_rows, limit_rows, model_rows, setting_rows
from pages.ui.services.replication import RescanLine, Study, StudyLine, study
from pages.ui.services.review import note_opened, open_ticket, reader_pairs, reading
from pages.ui.services.review_case import ct_of, prepare, prior_files, screen_files
from pages.ui.services.running_app import (
    clock_fault,
    limits,
    may_start,
    moment,
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
    store_fault,
    version,
)
from pages.ui.services.saved_views import remove_view, save_view, saved_views
from pages.ui.services.site_lines import UsedLine, lines_from_pairs, preview_line, use_line, used_lines, withdraw_line
from pages.ui.services.worklist import Sort, WorkItem, work_items, worklist_count, worklist_order
