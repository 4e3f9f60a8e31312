"""State of the running app: settings, the store's holder, the runs it starts, start and end."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from commands.cluster import pause
from commands.cluster.progress import Progress, read_progress
from db import moments
from db.moments import in_order
from db.parts import MEDIA
from osteo_core.errors import OsteoError, UsageError
from osteo_core.settings import Settings, read_settings, with_store_lines
from pages.ui.access.roles import Action
from pages.ui.access.users import needs
from pages.ui.services.background_run import ANALYZE, DEMO, DEMO_FOLDER, Run, demo_is_wanted
from pages.ui.services.pictures import close_pictures
from pages.ui.services.store_holder import StoreHolder, close_holder, holder_of
from pages.ui.shared.figures import Limits

_log = logging.getLogger("osteo.app")
_runs: dict[Path, Run] = {}
_runs_lock = threading.RLock()  # asking for the holder may start the demo


def settings() -> Settings:
    """The current settings of this site from file and environment, with the calibration lines made in its store."""
    return with_store_lines(read_settings())


def limits() -> Limits:
    """The limits of this site's categories."""
    chosen = settings()
    return Limits(osteoporosis_below=chosen.osteoporosis_below_mg_cm3, normal_above=chosen.normal_above_mg_cm3)


def media_dir() -> Path:
    """Folder of masks and pictures of the store."""
    return settings().store / MEDIA


def store_argument() -> str:
    """' --store DIR' for a command to copy, '' for the default store."""
    store = settings().store
    return "" if store == Settings().store else f" --store {store}"


def store_holder() -> StoreHolder:
    """The holder of the store; at the first call with an empty store the demo cohort is started in the background."""
    store = settings().store
    held = holder_of(store)
    _start_demo(store, held)
    return held


def query(name: str, **params: Any) -> pa.Table:
    """One named query as an Arrow table."""
    return store_holder().query(name, **params)


def moment() -> datetime:
    """Now, for entries in the store: never earlier than existing ones (db/moments.py)."""
    return in_order(settings().store)


def clock_fault() -> str:
    """One sentence if this machine's clock is behind the newest entry of the store, otherwise ''."""
    fault = moments.clock_fault(settings().store)
    return f"{fault}." if fault else ""


def version() -> int:
    """A number that grows whenever new results are taken into the store."""
    return store_holder().version


def store_fault() -> str:
    """Why new results cannot be taken in at present, as one sentence, or ''."""
    fault = store_holder().fault
    if fault is None:
        return ""
    reason = fault.strerror or type(fault).__name__ if isinstance(fault, OSError) else type(fault).__name__
    return f"{fault}." if isinstance(fault, OsteoError) else f"the store cannot be written to ({reason})."


def _start_demo(store: Path, held: StoreHolder) -> None:
    place = store.resolve()
    with _runs_lock:
        if place in _runs or not demo_is_wanted() or not held.is_owner:
            return
        if not held.is_empty() and not _demo_was_cut_off(place):
            return
        _runs[place] = Run(place, DEMO)


def _demo_was_cut_off(store: Path) -> bool:
    """Whether an earlier demo was interrupted; the command resumes where it stopped."""
    last = read_progress(store)
    return last is not None and last.was_cut_off and (store / DEMO_FOLDER).is_dir()


def _next_command(store: Path) -> str:
    return DEMO if _demo_was_cut_off(store) else ANALYZE


def resume_command() -> str:
    """The command that resumes an interrupted run."""
    return f"python -m osteo_core {_next_command(settings().store)}{store_argument()}"


def may_start() -> bool:
    """Whether this app may start a run: no other run uses the store, and the app owns it."""
    last = progress()
    return store_holder().is_owner and not running_command() and not (last is not None and last.is_running)


@needs(Action.RUN)
def start_run() -> None:
    """Analyze waiting series, or resume an interrupted demo, in a background process.

    Raises UsageError if a run is already active.
    """
    start_command(_next_command(settings().store.resolve()))


def start_command(name: str, *arguments: str) -> None:
    """Start a command on the store in a background process. Raises UsageError if one is already running."""
    place = settings().store.resolve()
    with _runs_lock:
        if not may_start():
            raise UsageError("an analysis of this store is already running; wait until it has ended")
        _runs[place] = Run(place, name, *arguments)


def last_run() -> Run | None:
    """The last command started by this app on this store, or None."""
    return _runs.get(settings().store.resolve())


@needs(Action.RUN)
def pause_run() -> None:
    """Pause the run after the series in progress, whoever started it."""
    pause.request(settings().store)


@needs(Action.RUN)
def resume_run() -> None:
    """Resume the paused run."""
    pause.lift(settings().store)


def pause_is_asked() -> bool:
    """Whether a pause was requested and not yet ended."""
    return pause.is_asked(settings().store)


def running_command() -> str:
    """The command started by this app that is still running, or ''."""
    run = last_run()
    return run.command_name if run is not None and run.is_running else ""


def run_complaint() -> str:
    """The error message of the last command started by this app, or ''."""
    run = last_run()
    return "" if run is None else run.complaint


def progress() -> Progress | None:
    """Progress of the latest run of a command, or None if nothing ever ran."""
    return read_progress(settings().store)


@asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[None]:
    """Open the store when the server starts, release it when it ends."""
    store = settings().store
    try:
        store_holder()
    except (OsteoError, OSError) as error:  # every page reports it with what to do; the server stays up to show it
        _log.error("the store could not be opened: %s", error)
    try:
        yield
    finally:
        run = _runs.pop(store.resolve(), None)
        if run:
            run.stop()
        close_pictures()
        close_holder(store)
