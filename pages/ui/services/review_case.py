"""One series on the reader's screen: its files, and the case for measuring again, kept in memory."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections import OrderedDict
from pathlib import Path

from db.records import caution_of, segmented_level_of, series_of
from osteo_core.errors import UsageError
from osteo_core.imaging.nifti import read_nifti_labels
from osteo_core.imaging.resample import resample_labels
from osteo_core.records import LabelArray, Segmentation, Volume
from osteo_core.review import pictures
from osteo_core.review.decisions import Decisions
from osteo_core.review.pictures import CONTEXT, CT, LINES, MASK, MESH, ROI, TISSUE
from osteo_core.review.remeasure import ReviewCase, remeasure
from osteo_core.review.summary import Summary, summary_of
from osteo_core.terms import Anchor, ContrastPhase
from pages.ui.services import review_files
from pages.ui.services.patients import model_view, patient
from pages.ui.services.records import PatientView
from pages.ui.services.running_app import media_dir, query, settings

#: Number of series held in memory by the server, some 100 MB each.
_HELD = 3
_VERSION = re.compile(r"[0-9a-f]{12}")
_cases: OrderedDict[str, ReviewCase] = OrderedDict()
_lock = threading.Lock()


def pictures_dir() -> Path:
    """Folder of the files of the reader's screen."""
    return settings().store / pictures.FOLDER


def screen_files(view: PatientView, version: str) -> dict[str, Path | None]:
    """The files of the screen by what they are: CT; mask, regions, surfaces and lines of that version; the model's
    mask; regions of the calibration tissues.

    A missing CT is made first; the rest may follow some seconds later. Files that can no longer be made because the
    source is gone are left out. Raises UsageError with the message for the reader.
    """
    folder, outlined, stem = pictures_dir(), _model_mask(view), review_files.stem_of(view)
    ct = review_files.ensure(folder, view, mask=outlined, kind=CT)
    try:
        review_files.begin_rest(folder, view, mask=outlined)
        is_source_gone = False
    except UsageError:
        is_source_gone = True
    own = stem if version == view.model_hash else f"{view.series_key}_{version}"
    if outlined is not None and own != stem:
        _write_version(view, version, folder / (own + MASK))
        review_files.begin_derived(folder, own, of=stem)
    review_files.touch(folder, stem)
    review_files.touch(folder, own)
    pictures.bound(folder, limit_mb=settings().media_limit_mb, keep=view.series_key)
    if outlined is None:
        return {"ct": ct}
    found = {
        "mask": folder / (own + MASK),
        "model": folder / (stem + MASK),
        "roi": folder / (own + ROI),
        "mesh": folder / (own + MESH),
        "lines": folder / (own + LINES),
        "tissue": folder / (stem + TISSUE),
    }
    from_source = found if own == stem else ("model", "tissue")
    gone = {name for name in from_source if is_source_gone and not found[name].is_file()}
    return {"ct": ct, **{name: path for name, path in found.items() if name not in gone}}


def ct_of(series_key: str) -> tuple[Path, str] | None:
    """The CT of a reader's screen and the hash of its model, if the CT was already made."""
    view = patient(series_key)
    if view is None:
        return None
    shown = model_view(view)
    path = pictures_dir() / (review_files.stem_of(shown) + CT)
    return (path, shown.model_hash) if path.is_file() else None


def prepare(series_key: str | None) -> None:
    """Make the files of the next series in the background; a series that cannot be shown will say so itself."""
    view = patient(series_key) if series_key else None
    if view is not None:
        with contextlib.suppress(UsageError):
            review_files.begin_rest(pictures_dir(), view, mask=_model_mask(view))


def prior_files(series_key: str, *, is_read: bool) -> dict[str, Path | None]:
    """CT and mask of an earlier study; missing files are made in the background and follow within seconds.

    The mask is the one behind its values: with ``is_read`` the reader's, else the program's. Raises UsageError with the
    message for the reader if the source is gone.
    """
    view = patient(series_key)
    if view is None:
        raise UsageError("the earlier study is no longer in this store")
    view = view if is_read else model_view(view)
    folder, outlined, stem = pictures_dir(), _model_mask(view), review_files.stem_of(view)
    review_files.begin_rest(folder, view, mask=outlined)
    review_files.touch(folder, stem)
    return {"ct": folder / (stem + CT), "mask": folder / (stem + MASK) if outlined else None}


def _model_mask(view: PatientView) -> Path | None:
    """Path of the engine's mask of this series; the store knows its name."""
    found = media_dir() / (view.mask_file or f"{view.series_key}_{view.model_hash}_mask.nii.gz")
    return found if found.is_file() else None


def _write_version(view: PatientView, version: str, path: Path) -> None:
    """Write the outlines of that version as shown on the screen, if they are missing."""
    if not path.is_file():
        grid = case_of(view).volume.geometry
        review_files.write_version(path, labels_of(view, version), grid)


def case_of(view: PatientView) -> ReviewCase:
    """The series for measuring again; the last three stay in memory. Raises UsageError if it cannot be read."""
    stem = review_files.stem_of(view)
    key = f"{settings().store}/{stem}/{view.result_id}"
    with _lock:
        if key in _cases:
            _cases.move_to_end(key)
            return _cases[key]
        case = _read_case(view, stem)
        _cases[key] = case
        while len(_cases) > _HELD:
            _cases.popitem(last=False)
        return case


def _read_case(view: PatientView, stem: str) -> ReviewCase:
    folder = pictures_dir()
    review_files.ensure(folder, view, mask=_model_mask(view), kind=CONTEXT)
    shown, context = review_files.read_shown(folder, stem), pictures.read_context(folder / (stem + CONTEXT))
    if not context.is_correctable:
        raise UsageError("this CT is too large to be corrected on the screen, or nothing was outlined on it")
    header = query("series_header", series_key=view.series_key).to_pylist()[0]
    of_result = {"series_key": view.series_key, "result_id": view.result_id}
    outlined = query("result_segmentation", **of_result).to_pylist()
    return ReviewCase(
        series=series_of(header),
        volume=Volume(voxels_hu=shown.voxels_hu, geometry=shown.geometry),
        model=Segmentation(
            labels=shown.labels,
            geometry=shown.geometry,
            levels=tuple(map(segmented_level_of, outlined)),
            anchor=Anchor(view.anchor) if view.anchor else Anchor.NONE,
            engine=view.engine,
            model_hash=view.model_hash,
        ),
        source_geometry=context.source,
        tissues=context.tissues,
        phase=ContrastPhase(view.contrast_phase),
        has_rods=view.has_rods,
        cautions=tuple(map(caution_of, query("result_cautions", **of_result).to_pylist())),
        regressed={row.level: row.regressed_mg_cm3 for row in view.levels if row.regressed_mg_cm3 is not None},
    )


def labels_of(view: PatientView, version: str) -> LabelArray:
    """The outlines of that version on the shown grid. Raises UsageError if the version is unknown."""
    case = case_of(view)
    if version == view.model_hash:
        return case.model.labels
    path = reader_mask(view.series_key, version)
    if not _VERSION.fullmatch(version) or not path.is_file():
        raise UsageError("these outlines are no longer in the store; reload the page")
    labels, grid = read_nifti_labels(path)
    shown = case.volume.geometry
    return labels if grid.is_close(shown) else resample_labels(labels, grid, shown)


def reader_mask(series_key: str, version: str) -> Path:
    """Path of a reader's outlines: beside the model's, on the displayed grid."""
    return media_dir() / f"{series_key}_{version}_reader.nii.gz"


def measured(view: PatientView, version: str, decisions: Decisions | None = None) -> Summary:
    """The values from the outlines of that version and these decisions."""
    case, decided = case_of(view), decisions or Decisions()
    key = json.dumps([version, settings().hash, decided.to_dict()], sort_keys=True)
    if key not in case.summaries:
        case.summaries[key] = summary_of(remeasure(case, labels_of(view, version), decided, settings=settings()))
    return case.summaries[key]
