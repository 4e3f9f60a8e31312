"""Twenty people on one app: they come one after another, work at once beside an analysis, and leave.

What is counted: the time of every page, memory, handles and threads of the app after each person came, every fault that
was shown or logged, and whether what was noted is in the store once.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.load.browser import browse
from benchmarks.load.people import Note, Person, Seen
from benchmarks.load.session import Tab
from db.connect import open_store
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.settings import Settings
from tests.browser.server import Server, start_server

ROOT = Path(__file__).resolve().parents[2]
_MIB = 2**20
#: What the app may take to end once it was asked to, and the analysis.
_END_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """``people`` work for ``seconds`` beside an analysis, with a pause of ``think_s`` (from, to) after each thing.

    ``with_browser``: one more, in a real Chromium.
    """

    people: int
    seconds: float
    think_s: tuple[float, float] = (3.0, 12.0)
    seed: int = 1
    with_browser: bool = False


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """The app's process after ``people`` came: resident memory in MiB, open handles, threads, processor time in s."""

    people: int
    memory_mib: float
    handles: int
    threads: int
    cpu_s: float


@dataclass(kw_only=True)
class Found:
    """What a run showed. ``alone``: what people did while they came one by one, ``together``: beside each other."""

    gauges: list[Gauge] = field(default_factory=list)
    after_work: Gauge | None = None
    after_leaving: Gauge | None = None
    alone: list[Seen] = field(default_factory=list)
    together: list[Seen] = field(default_factory=list)
    noted: list[Note] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    analysis: list[dict[str, float]] = field(default_factory=list)
    end_s: float = 0.0
    load: tuple[float, ...] = ()

    @property
    def faults(self) -> list[str]:
        """Every fault that a person was shown, with its page."""
        return [f"{one.name}: {fault}" for one in (*self.alone, *self.together) for fault in one.answer.faults]


def run(store: Path, plan: Plan) -> Found:
    """Do it all over ``store``, which is changed by it."""
    found = Found()
    with tempfile.TemporaryDirectory(prefix="load") as folder:
        key = store / "load.key"
        Pseudonyms.from_key_file(key)  # a simulated store has data, but no key yet
        server = start_server(store, OSTEO_KEY_FILE=str(key))
        try:
            asyncio.run(_attend(server, Settings(store=store, key_file=key), Path(folder), plan, found))
        finally:
            found.end_s = _end(server.process)
        found.logged = _complaints(server)
        found.load = os.getloadavg()
        found.lost = _lost(store, found)
    return found


async def _attend(server: Server, settings: Settings, folder: Path, plan: Plan, found: Found) -> None:
    async with AsyncExitStack() as tabs:
        people: list[Person] = []
        for number in range(plan.people):
            tab = await tabs.enter_async_context(Tab(server.address))
            people.append(Person(number=number, seed=plan.seed, tab=tab, cpu_s=lambda: _cpu_s(server)))
            await people[-1].look_round()
            found.gauges.append(_gauge(server, number + 1))
        found.alone = _taken(people)
        with _analysis(settings, folder, found):
            until = asyncio.get_running_loop().time() + plan.seconds
            browsing = asyncio.create_task(asyncio.to_thread(_browse, server, plan, until))
            await asyncio.gather(*(one.work(until=until, think_s=plan.think_s) for one in people))
            drawn = await browsing
        found.after_work = _gauge(server, plan.people)
        found.together = [*_taken(people), *drawn]
        found.noted = [note for one in people for note in one.noted]
        found.refused = [words for one in people for words in one.refused]
    found.after_leaving = _gauge(server, 0)


def _browse(server: Server, plan: Plan, until: float) -> list[Seen]:
    if not plan.with_browser:
        return []
    return browse(server.address, until=until, think_s=plan.think_s, seed=plan.seed)


def _taken(people: Sequence[Person]) -> list[Seen]:
    """What they did since this was asked last."""
    seen = [one for person in people for one in person.seen]
    for person in people:
        person.seen.clear()
    return seen


def _cpu_s(server: Server) -> float:
    times = psutil.Process(server.process.pid).cpu_times()
    return float(times.user + times.system)


def _gauge(server: Server, people: int) -> Gauge:
    app = psutil.Process(server.process.pid)
    return Gauge(
        people=people,
        memory_mib=app.memory_info().rss / _MIB,
        handles=app.num_fds(),
        threads=app.num_threads(),
        cpu_s=_cpu_s(server),
    )


@contextmanager
def _analysis(settings: Settings, folder: Path, found: Found) -> Iterator[None]:
    """Beside the block; its workers lower their priority themselves."""
    said = folder / "analysis.jsonl"
    where = [str(settings.store), str(settings.key_file), str(folder / "ct")]
    command = [sys.executable, "-m", "benchmarks.load.analysis", *where]
    with said.open("wb") as out, (folder / "analysis.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=log)
    try:
        yield
        if process.poll() is not None:
            found.lost.append(f"the analysis ended: {(folder / 'analysis.log').read_text()[-2000:]}")
    finally:
        _end(process)
        found.analysis = [json.loads(line) for line in said.read_text().splitlines()]


def _end(process: subprocess.Popen[bytes]) -> float:
    """Ask a process to end, and wait; gives the seconds it took. One that does not end is killed."""
    begun = time.monotonic()
    process.terminate()
    try:
        process.wait(timeout=_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return time.monotonic() - begun


def _complaints(server: Server) -> list[str]:
    """Lines of the app's log with which a traceback ends, or that say that something failed."""
    server.log.seek(0)
    lines = server.log.read().decode(errors="replace").splitlines()
    return [line for line in lines if "Error" in line or "failed" in line]


def _lost(store: Path, found: Found) -> list[str]:
    """Notes that were confirmed and are not in the store once, and results of the analysis that are not there."""
    with open_store(store) as held:
        held.take_in()
        events = held.table("events").to_pylist()
    stored = Counter(
        Note(author=row["author"], series_key=row["series_key"], state=json.loads(row["payload_json"])["state"])
        for row in events
        if row["kind"] == "follow-up" and row["author"].startswith("load-")
    )
    noted = Counter(found.noted)
    lost, more = noted - stored, stored - noted
    return [
        *found.lost,
        *(f"{note}: confirmed, and {n} times not in the store" for note, n in lost.items()),
        *(f"{note}: {n} times more in the store than confirmed" for note, n in more.items()),
    ]
