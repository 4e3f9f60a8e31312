"""Indexing a folder from the dashboard: which folders may be read, completing a path, and what an index run found."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from osteo_core.errors import UsageError
from osteo_core.programme.cohort import Change, CohortFilter
from pages.ui.access.roles import Action
from pages.ui.access.users import needs
from pages.ui.services.exclusions import exclusion_flow
from pages.ui.services.records import Reason
from pages.ui.services.running_app import last_run, settings, start_command

INDEX = "index"
#: So many folders are offered for what is typed.
MOST_OFFERED = 50


@dataclass(frozen=True, kw_only=True)
class IndexRun:
    """The index run that this app started last, and what it has read so far: series, and those left out by reason."""

    folder: str
    started_at: datetime
    is_running: bool
    read: int
    left_out: int
    reasons: tuple[Reason, ...]


def index_roots() -> tuple[Path, ...]:
    """The folders below which the dashboard may read CT; none where the site switched this off."""
    given = settings().index_folders
    return tuple(Path(one.strip()).resolve() for one in given.split(",") if one.strip())


@needs(Action.INDEX)
def matching_folders(typed: str) -> list[str]:
    """Folders that may be read and begin with what is typed, MOST_OFFERED at most; the roots where nothing is typed."""
    roots = index_roots()
    if not typed.strip():
        return [str(root) for root in roots]
    path = Path(typed).expanduser()
    parent, start = (path, "") if typed.endswith(os.sep) else (path.parent, path.name)
    if not _may_read(parent):
        return [str(root) for root in roots if str(root).startswith(typed)]
    try:
        with os.scandir(parent) as entries:
            names = [e.name for e in entries if e.name.lower().startswith(start.lower()) and e.is_dir()]
    except OSError:
        return []
    shown = [name for name in names if start.startswith(".") or not name.startswith(".")]
    return [str(parent / name) for name in sorted(shown)[:MOST_OFFERED]]


@needs(Action.INDEX)
def start_index(typed: str) -> None:
    """Read the headers under a folder, or of a file, in a process beside the app.

    Raises UsageError where that is switched off, the place may not be read or is not there, or something else runs.
    """
    if not index_roots():
        raise UsageError("indexing from the dashboard is switched off here (setting index_folders)")
    if not typed.strip():
        raise UsageError("no folder is named: type the path of a folder of CT on the server")
    path = Path(typed).expanduser().resolve()
    if not _may_read(path):
        roots = ", ".join(str(root) for root in index_roots())
        raise UsageError(f"the dashboard may read folders below {roots} only; {path} is not one of them")
    if not path.exists():
        raise UsageError(f"there is nothing at {path} on the server; check the path, or mount the folder there")
    if not os.access(path, os.R_OK):
        raise UsageError(f"{path} cannot be read by the account that runs the dashboard; change its rights")
    start_command(INDEX, str(path))


def index_run() -> IndexRun | None:
    """The index run that this app started last, or None."""
    run = last_run()
    if run is None or run.command_name != INDEX:
        return None
    flow = exclusion_flow(CohortFilter(changed=Change.READ, since=run.started_at))
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
