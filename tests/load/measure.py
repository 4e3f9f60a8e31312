"""People on a store at once: by protocol, in Chromium, with a worker that delivers results beside them."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from commands.analysis_job import Job
from commands.analyze_one import analyze_one
from commands.cluster import runs
from commands.store_access import hand_over
from commands.write_results import to_store
from db.connect import open_snapshot
from osteo_core.dicom.find import find_series
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.settings import Settings
from tests.browser.server import Server, start_server, stop_server
from tests.load.person import PAGES, Person, Visit

_EVERY_S = 5.0
#: Pause of the worker between two small CT: a real one takes it half a minute.
_BETWEEN_S = 10.0


def measure(store: Path, *, people: int, minutes: float, browsers: int, think_s: float = 5.0) -> dict[str, Any]:
    """The figures of one run."""
    hand_over(store)
    with open_snapshot(store) as snapshot:
        keys = (
            snapshot.query("worklist_order", sort="urgency", descending=False, limit=500)
            .column("series_key")
            .to_pylist()
        )
    server = start_server(store)
    try:
        app = psutil.Process(server.process.pid)
        before = _sizes(app)
        with _analysis(store), _browsers(browsers, server, keys, minutes) as seen:
            samples, visits = asyncio.run(_people(server, app, keys, people, minutes, think_s))
        time.sleep(_EVERY_S)
        after = _sizes(app)
    finally:
        stop_server(server, patience_s=180.0)  # a large store is written to its end
    return {
        "people": people,
        "browsers": browsers,
        "minutes": minutes,
        "by_protocol": table_of(visits),
        "in_the_browser": table_of(seen),
        "faults": sorted({f"{one.page}: {one.fault}" for one in (*visits, *seen) if one.fault}),
        "app": {"before": before, "most": _most(samples), "after": after},
        "mb_a_person": round((_most(samples)["mb"] - before["mb"]) / max(people + browsers, 1), 1),
        "first_and_last_quarter_mb": _quarters(samples),
    }


async def _people(
    server: Server, app: psutil.Process, keys: Sequence[str], people: int, minutes: float, think_s: float
) -> tuple[list[dict[str, float]], list[Visit]]:
    until = time.monotonic() + 60.0 * minutes
    crowd = [Person(address=server.address, series=keys, seed=n, think_s=think_s) for n in range(people)]
    samples: list[dict[str, float]] = []

    async def watch() -> None:
        while time.monotonic() < until:
            samples.append(_sizes(app))
            await asyncio.sleep(min(_EVERY_S, 6.0 * minutes))

    await asyncio.gather(watch(), *(person.look(until) for person in crowd))
    return samples, [visit for person in crowd for visit in person.visits]


def _sizes(app: psutil.Process) -> dict[str, float]:
    with app.oneshot():
        return {"mb": round(app.memory_info().rss / 1e6), "handles": app.num_fds(), "threads": app.num_threads()}


def _most(samples: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: max(one[name] for one in samples) for name in samples[0]}


def _quarters(samples: Sequence[dict[str, float]]) -> list[float]:
    """Median memory of the first and of the last quarter: memory that leaks grows from one to the other."""
    n = max(len(samples) // 4, 1)
    return [round(float(np.median([one["mb"] for one in part]))) for part in (samples[:n], samples[-n:])]


def table_of(visits: Sequence[Visit]) -> dict[str, dict[str, float]]:
    """n, p50, p95 in s and faults of each page, and of all."""
    found = {}
    for page in (*sorted({one.page for one in visits}), "all"):
        own = [one for one in visits if page in (one.page, "all")]
        taken = [one.seconds for one in own]
        found[page] = {
            "n": len(own),
            "p50_s": round(float(np.median(taken)), 2) if own else 0.0,
            "p95_s": round(float(np.quantile(taken, 0.95)), 2) if own else 0.0,
            "faults": sum(bool(one.fault) for one in own),
        }
    return found


@contextmanager
def _analysis(store: Path) -> Iterator[None]:
    worker = multiprocessing.get_context("spawn").Process(target=_analyze, args=(store,), daemon=True)
    worker.start()
    try:
        yield
    finally:
        worker.terminate()
        worker.join(20)


def _analyze(store: Path) -> None:
    """A worker of a run over this store, one small CT after another, until it is ended."""
    from benchmarks.crash.scenarios import MODELS, write_ct

    os.nice(5)
    with tempfile.TemporaryDirectory() as folder:
        write_ct(Path(folder))
        series = find_series([Path(folder)], pseudonyms=Pseudonyms(bytes(32)), settings=Settings()).series
        number = 0
        while True:
            job = Job(
                run_id=f"load{number}", out_dir=store, settings=Settings(store=store), models=MODELS, deliver=to_store
            )
            with runs.joined(store, job.run_id):
                for one in series:
                    analyze_one(one, (), job)
            number += 1
            time.sleep(_BETWEEN_S)


@contextmanager
def _browsers(count: int, server: Server, keys: Sequence[str], minutes: float) -> Iterator[list[Visit]]:
    """People in Chromium beside those by protocol; their visits are there at the end."""
    visits: list[Visit] = []
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    ones = [
        context.Process(target=_browse, args=(answers, server.address, list(keys[:50]), minutes, seed), daemon=True)
        for seed in range(count)
    ]
    for one in ones:
        one.start()
    yield visits
    for one in ones:
        visits += answers.get(timeout=180)
        one.join(20)


def _browse(answers: Any, address: str, keys: Sequence[str], minutes: float, seed: int) -> None:
    import random

    from playwright.sync_api import sync_playwright

    from tests.browser.server import FLAGS

    rng, visits = random.Random(f"browser {seed}"), []
    until = time.monotonic() + 60.0 * minutes
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        while time.monotonic() < until:
            name = rng.choice(PAGES)
            query = f"?series={rng.choice(keys)}" if name == "patient" else ""
            began, fault = time.perf_counter(), ""
            try:
                page.goto(f"{address}/{name}{query}")
                page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=120_000)
                page.locator("[data-stale=true]").first.wait_for(state="detached", timeout=120_000)
            except Exception as error:  # whatever ends a visit is the figure that is looked for
                fault = type(error).__name__
            visits.append(Visit(page=name or "home", seconds=time.perf_counter() - began, n_bytes=0, fault=fault))
            time.sleep(rng.expovariate(0.2))
        chromium.close()
    answers.put(visits)
