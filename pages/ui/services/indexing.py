"""Indexes a folder from the dashboard: permitted folders, path completion, and the findings of an index run."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from osteo_core.archive_formats import ArchiveError
from osteo_core.archives import members
from osteo_core.errors import OsteoError, UsageError
from osteo_core.programme.cohort import Change, CohortFilter
from pages.ui.access.roles import Action
from pages.ui.access.uploads import MIB
from pages.ui.access.users import needs
from pages.ui.services.exclusions import exclusion_flow
from pages.ui.services.records import Reason
from pages.ui.services.running_app import last_run, may_start, settings, start_command

INDEX = "index"
#: Folder of uploaded archives in the store, unless the setting upload_folder names another.
INCOMING = "incoming"
#: Leftover of an interrupted upload; removed once older than any write takes.
_HALF, _HALF_OLD_S = ".writing.zip", 3600.0
_CHUNK_BYTES = 2**20
#: Space left free on the disk beside an upload, for files made from it.
_SPARE_BYTES = 2**30
#: Errors of a typed path: a forbidden folder, too long a name, ``~`` of an unknown user, a NUL.
_NO_PATH = (OSError, RuntimeError, ValueError)
#: Maximum number of folders offered for the typed text.
MOST_OFFERED = 50


@dataclass(frozen=True, kw_only=True)
class IndexRun:
    """The last index run started by this app, and its findings so far: series, and those left out by reason."""

    folder: str
    started_at: datetime
    is_running: bool
    read: int
    left_out: int
    reasons: tuple[Reason, ...]


def index_roots() -> tuple[Path, ...]:
    """The folders below which the dashboard may read CT; none if the site switched this off."""
    given = settings().index_folders
    return tuple(Path(one.strip()).resolve() for one in given.split(",") if one.strip())


@needs(Action.INDEX)
def matching_folders(typed: str) -> list[str]:
    """Permitted folders that begin with the typed text, MOST_OFFERED at most; the roots if nothing is typed."""
    roots = index_roots()
    if not typed.strip():
        return [str(root) for root in roots]
    try:
        path = Path(typed).expanduser()
        parent, start = (path, "") if typed.endswith(os.sep) else (path.parent, path.name)
        if not _may_read(parent):
            return [str(root) for root in roots if str(root).startswith(typed)]
        with os.scandir(parent) as entries:
            names = [e.name for e in entries if e.name.lower().startswith(start.lower()) and e.is_dir()]
    except _NO_PATH:
        return []
    shown = [name for name in names if start.startswith(".") or not name.startswith(".")]
    return [str(parent / name) for name in sorted(shown)[:MOST_OFFERED]]


@needs(Action.INDEX)
def start_index(typed: str) -> None:
    """Read the headers of a folder or file in a background process.

    Raises UsageError if that is switched off, the path may not be read or is missing, or another job runs.
    """
    if not index_roots():
        raise UsageError("indexing from the dashboard is switched off here (setting index_folders)")
    if not typed.strip():
        raise UsageError("no folder is named: type the path of a folder of CT on the server")
    try:
        path = Path(typed).expanduser().resolve()
        if not _may_read(path):
            roots = ", ".join(str(root) for root in index_roots())
            raise UsageError(f"the dashboard may read folders below {roots} only; {path} is not one of them")
        is_there = path.exists()
    except _NO_PATH as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"the path cannot be followed on the server ({reason}); check it, or change its permissions"
        ) from None
    if not is_there:
        raise UsageError(f"there is nothing at {path} on the server; check the path, or mount the folder there")
    if not os.access(path, os.R_OK):
        raise UsageError(f"{path} cannot be read by the account that runs the dashboard; change its permissions")
    start_command(INDEX, str(path))


def upload_limit_mb() -> int:
    """The largest archive accepted, in MB."""
    return settings().upload_limit_mb


@needs(Action.INDEX)
def start_upload(content: BinaryIO) -> None:
    """Keep an uploaded .zip and read the headers in it in a background process.

    It is named by its content, so that the same upload is kept once. Raises UsageError if that is switched off, another
    job runs, the upload is too large or is not a readable archive; nothing is kept then.
    """
    if not index_roots():
        raise UsageError("indexing from the dashboard is switched off here (setting index_folders)")
    if not may_start():
        raise UsageError("another job is running on this store; upload again once it has ended")
    size, limit = content.seek(0, os.SEEK_END), upload_limit_mb() * MIB
    if size > limit:
        raise UsageError(
            f"an upload may have {limit / MIB:,.0f} MB at most, found {size / MIB:,.0f} MB; put it on the server "
            "and name its path, or raise the setting upload_limit_mb"
        )
    folder = Path(settings().upload_folder or settings().store / INCOMING).resolve()
    half = folder / f".{uuid.uuid4().hex}{_HALF}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_old_halves(folder)
        if shutil.disk_usage(folder).free < size + _SPARE_BYTES:
            raise UsageError("the disk of the upload folder has too little room for this upload; free some space")
        path = folder / f"{_write(content, half)}.zip"
        if not members(half):
            raise UsageError("the archive holds no file")
        is_new = not path.exists()
        half.replace(path)
    except ArchiveError as error:
        raise UsageError(f"the upload is {error}; expected a .zip of CT; create it again") from None
    except OSError as error:
        raise UsageError(f"the upload cannot be kept ({error.strerror}); fix the upload folder") from None
    finally:
        half.unlink(missing_ok=True)
    try:
        start_command(INDEX, str(path))
    except (OsteoError, OSError):
        if is_new:
            path.unlink(missing_ok=True)
        raise


def _write(content: BinaryIO, path: Path) -> str:
    """Write the upload and flush it to disk; returns the name derived from its content."""
    seen = hashlib.sha256()
    content.seek(0)
    with path.open("xb") as target:
        while piece := content.read(_CHUNK_BYTES):
            seen.update(piece)
            target.write(piece)
        target.flush()
        os.fsync(target.fileno())
    return seen.hexdigest()[:16]


def _remove_old_halves(folder: Path) -> None:
    for half in folder.glob(f".*{_HALF}"):
        if half.stat().st_mtime < time.time() - _HALF_OLD_S:
            half.unlink(missing_ok=True)


def index_run() -> IndexRun | None:
    """The last index run started by this app, or None."""
    run = last_run()
    if run is None or run.command_name != INDEX:
        return None
    flow = exclusion_flow(CohortFilter(changed=Change.READ, since=run.started_at), reader=None)
    reasons = tuple(reason for step in flow.steps for reason in step.reasons)
    return IndexRun(
        folder=run.arguments[0],
        started_at=run.started_at,
        is_running=run.is_running,
        read=flow.found,
        left_out=flow.left_out,
        reasons=reasons,
    )


def _may_read(path: Path) -> bool:
    real = path.resolve()
    return any(real == root or root in real.parents for root in index_roots())
