"""What belongs to the running app itself: settings, the store's keeper, the demo cohort, start and end."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from osteo_core.errors import OsteoError
from osteo_core.settings import Settings, read_settings
from pages.ui.figures import Limits
from pages.ui.services.keeper import Keeper, close_keeper, keeper_of
from pages.ui.services.work import DEMO_FOLDER, Demo, Progress, demo_is_wanted, read_progress

_log = logging.getLogger("osteo.app")
_demos: dict[Path, Demo] = {}
_demos_lock = threading.Lock()


def settings() -> Settings:
    """The settings of this site, as file and environment say now."""
    return read_settings()


def limits() -> Limits:
    """Where this site's categories begin."""
    chosen = settings()
    return Limits(osteoporosis_below=chosen.osteoporosis_below_mg_cm3, normal_above=chosen.normal_above_mg_cm3)


def media_dir() -> Path:
    """Where masks and pictures of the store lie."""
    return settings().store / "media"


def store_argument() -> str:
    """' --store DIR' for a command to copy, '' for the default store."""
    store = settings().store
    return "" if store == Settings().store else f" --store {store}"


def keeper() -> Keeper:
    """The keeper of the store; at the first call of an empty store the demo cohort is started beside it."""
    store = settings().store
    held = keeper_of(store)
    _start_demo(store, held)
    return held


def query(name: str, **params: Any) -> pa.Table:
    """One named query as an Arrow table."""
    return keeper().query(name, **params)


def version() -> int:
    """Grows whenever new results were taken into the store."""
    return keeper().version


def keeper_fault() -> str:
    """Why the store's keeper stopped, or ''."""
    fault = keeper().fault
    return "" if fault is None else f"{type(fault).__name__}."


def _start_demo(store: Path, held: Keeper) -> None:
    place = store.resolve()
    with _demos_lock:
        if place in _demos or not demo_is_wanted() or not held.is_owner:
            return
        if not held.is_empty() and not _demo_was_cut_off(place):
            return
        _demos[place] = Demo(place)


def _demo_was_cut_off(store: Path) -> bool:
    """Whether an earlier demo stopped before its end; the command carries on where it stopped."""
    last = read_progress(store)
    return last is not None and last.was_cut_off and (store / DEMO_FOLDER).is_dir()


def resume_command() -> str:
    """The command that carries on with a run that was cut off."""
    store = settings().store
    return f"python -m osteo_core {'demo' if _demo_was_cut_off(store) else 'analyze'}{store_argument()}"


def demo_is_running() -> bool:
    """Whether this app started the demo cohort and it is still at work."""
    demo = _demos.get(settings().store.resolve())
    return demo is not None and demo.is_running


def demo_complaint() -> str:
    """Why the demo cohort ended badly, or ''."""
    demo = _demos.get(settings().store.resolve())
    return "" if demo is None else demo.complaint


def progress() -> Progress | None:
    """How far the latest run of a command is, or None when nothing ever ran."""
    return read_progress(settings().store)


@asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[None]:
    """Open the store when the server starts, let it go when it ends."""
    store = settings().store
    try:
        keeper()
    except OsteoError as error:  # every page says the same and what to do; the server stays up to show it
        _log.error("the store could not be opened: %s", error)
    try:
        yield
    finally:
        demo = _demos.pop(store.resolve(), None)
        if demo:
            demo.stop()
        close_keeper(store)
