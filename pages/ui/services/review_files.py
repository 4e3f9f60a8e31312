"""Files of a reader's screen: found in the store's folder ``pictures``, or made by a background process.

The setting ``media_limit_mb`` limits the folder: the least recently opened series are removed first. Masks are results,
are in ``media`` and are never removed.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from osteo_core.archives import count_changed, is_there
from osteo_core.errors import UsageError
from osteo_core.imaging.nifti import read_nifti_header, read_nifti_labels
from osteo_core.outcomes import Exclusion
from osteo_core.records import Geometry, LabelArray
from osteo_core.review import pictures
from osteo_core.review.pictures import CONTEXT, CT, DERIVED, KINDS, MASK
from osteo_core.review.shown import Shown
from pages.ui.services.records import PatientView

_log = logging.getLogger("osteo.app")
_ROOT = Path(__file__).resolve().parents[3]
_LIMIT_S = 180.0
_POLL_S = 0.03
#: A process that runs longer hangs, as on a share that does not answer: it is ended, and the next opening starts anew.
_HANGS_S = 900.0
_started: dict[str, float] = {}
_making: dict[str, subprocess.Popen[bytes]] = {}
_lock = threading.Lock()


def stem_of(view: PatientView) -> str:
    """The name that all files of a patient's series begin with."""
    return pictures.stem_of(view.series_key, view.model_hash)


def ensure(folder: Path, view: PatientView, *, mask: Path | None, kind: str) -> Path:
    """The file of that kind, made if missing.

    Raises UsageError with the message for the reader if it cannot be made.
    """
    stem = stem_of(view)
    path = folder / (stem + kind)
    if not path.is_file():
        _begin(folder, view, mask=mask)
        wait_for(path, stem)
    return path


def begin_rest(folder: Path, view: PatientView, *, mask: Path | None) -> None:
    """Make all files in the background if one of them is missing."""
    if not all((folder / (stem_of(view) + kind)).is_file() for kind in KINDS):
        _begin(folder, view, mask=mask)


def begin_derived(folder: Path, stem: str, *, of: str) -> None:
    """Make regions, surfaces and lines of a reader's outlines in the background, on the CT of the stem ``of``."""
    if not all((folder / (stem + kind)).is_file() for kind in DERIVED):
        _start(stem, {"folder": str(folder), "stem": stem, "of": of})


def is_being_made(name: str) -> bool:
    """Whether a process is making the file of that name, or others of its stem."""
    process = _making.get(name.rpartition("_")[0])
    return process is not None and process.poll() is None


def touch(folder: Path, stem: str) -> None:
    """Note that the files of a series were opened now."""
    for kind in KINDS:
        file = folder / (stem + kind)
        if file.is_file():
            file.touch()


def _begin(folder: Path, view: PatientView, *, mask: Path | None) -> None:
    gone = sum(not is_there(file) for file in view.files)
    if not view.files or gone:
        found = (
            f"{gone} of {len(view.files)} source files are not where they were" if view.files else "no file is known"
        )
        raise UsageError(f"the CT cannot be shown: {found}; mount the folder again, or index it where it lies now")
    if n_changed := count_changed(view.files, view.file_stamps):
        raise UsageError(
            f"the CT cannot be shown: {n_changed} of {len(view.files)} source files changed since they were indexed, "
            "and may be another patient's; index the folder again"
        )
    asked = {
        "files": [str(file) for file in view.files],
        "stamps": view.file_stamps,
        "stack": view.stack_label,
        "mask": str(mask or ""),
        "folder": str(folder),
        "stem": stem_of(view),
    }
    _start(stem_of(view), asked)


def _start(stem: str, asked: Mapping[str, Any]) -> None:
    """Start a process that makes the files of that stem, unless one is running."""
    with _lock:
        for ended in [name for name, process in _making.items() if process.poll() is not None]:
            del _making[ended], _started[ended]  # its pipe closes with the last request that waits for it
        if stem in _making and time.monotonic() - _started[stem] < _HANGS_S:
            return
        if stem in _making:
            _making[stem].kill()
        process = subprocess.Popen(
            [sys.executable, "-m", "osteo_core.review.pictures"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        _making[stem], _started[stem] = process, time.monotonic()
    if process.stdin is not None:
        process.stdin.write(json.dumps(asked).encode())
        process.stdin.close()


def wait_for(path: Path, stem: str) -> Path:
    """Wait for the file. Raises UsageError if its process has ended without it, or takes too long."""
    process = _making.get(stem)
    until = time.monotonic() + _LIMIT_S
    while not path.is_file():
        ended = process is None or process.poll() is not None
        if ended and not path.is_file():
            raise UsageError(_complaint(process))
        if time.monotonic() > until:
            raise UsageError("the CT could not be prepared in three minutes; the machine is too busy, try again later")
        time.sleep(_POLL_S)
    return path


def _complaint(process: subprocess.Popen[bytes] | None) -> str:
    said = b"" if process is None or process.stdout is None else process.stdout.read()
    words = said.decode(errors="replace").strip()
    if words:
        return f"the CT cannot be shown: {words}"
    _log.error("pictures could not be made: the process ended with %s", process.returncode if process else "nothing")
    return "the CT could not be prepared for the screen; `python -m osteo_core check` looks at store and environment"


def read_shown(folder: Path, stem: str) -> Shown:
    """CT and the model's outlines as displayed. Raises UsageError if a file is damaged."""
    header = read_nifti_header(folder / (stem + CT))
    if isinstance(header, Exclusion):
        raise UsageError(f"the CT on the screen cannot be read again: {header.sentence}")
    voxels = np.asanyarray(nibabel.load(folder / (stem + CT)).dataobj.get_unscaled())  # type: ignore[attr-defined]
    labels, _ = read_nifti_labels(folder / (stem + MASK))
    context = pictures.read_context(folder / (stem + CONTEXT))
    return Shown(voxels_hu=voxels, labels=labels, geometry=header.geometry, is_whole_resolution=context.is_correctable)


def write_version(path: Path, labels: LabelArray, geometry: Geometry) -> None:
    """Write the outlines of a reader as shown on the screen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures.write_image(path, labels, geometry)
