"""Twenty people on one app: they arrive one after another, work at once while two other programs run, and leave.

The two are an analysis, and a reader whose signed reads go to a PACS. Recorded: the time of every page; memory,
handles, threads and temporary files of the app after each arrival and each minute of work, with the memory of
the two programs; every fault shown or logged; whether each note is in the store exactly once, and each signed
read in the PACS exactly once.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.load.beside import ROOT, Place, RunningPacs, end, pacs, program
from benchmarks.load.browser import browse
from benchmarks.load.people import Note, Person, Seen
from benchmarks.load.session import Tab
from benchmarks.load.signing import wrong
from db.connect import open_store
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.settings import Settings
from tests.browser.server import Server, start_server

_MIB = 2**20
_Processes = tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """``people`` work for ``seconds`` while the two programs run, pausing for ``think_s`` (from, to) after each action.

    ``with_browser``: one more, in a real Chromium. ``with_orthanc``: the PACS is Orthanc if it is installed.
    """

    people: int
    seconds: float
    think_s: tuple[float, float] = (3.0, 12.0)
    seed: int = 1
    with_browser: bool = False
    with_orthanc: bool = False


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """The app's process while ``people`` are there: resident memory in MiB, open handles, threads, CPU time in s.

    In addition the temporary files of all programs, and the resident memory of all processes of the analysis and of the
    reader's program.
    """

    people: int
    memory_mib: float
    handles: int
    threads: int
    cpu_s: float
    temporary_files: int
    temporary_mib: float
    analysis_mib: float
    signing_mib: float


@dataclass(kw_only=True)
class Found:
    """The results of a run. ``alone``: actions while people arrived one by one, ``together``: at the same time.

    ``gauges``: after each arrival; ``by_minute``: during the work.
    """

    gauges: list[Gauge] = field(default_factory=list)
    by_minute: list[Gauge] = field(default_factory=list)
    after_work: Gauge | None = None
    after_leaving: Gauge | None = None
    alone: list[Seen] = field(default_factory=list)
    together: list[Seen] = field(default_factory=list)
    noted: list[Note] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    analysis: list[dict[str, Any]] = field(default_factory=list)
    signing: list[dict[str, Any]] = field(default_factory=list)
    pacs: str = ""
    held: int = 0
    end_s: float = 0.0
    load: tuple[float, ...] = ()

    @property
    def faults(self) -> list[str]:
        """Every fault shown to a person, with its page."""
        return [f"{one.name}: {fault}" for one in (*self.alone, *self.together) for fault in one.answer.faults]


def run(store: Path, plan: Plan) -> Found:
    """Run everything on ``store``, which is modified."""
    found = Found()
    with (
        tempfile.TemporaryDirectory(prefix="load") as folder,
        pacs(Path(folder), with_orthanc=plan.with_orthanc) as taker,
    ):
        key = store / "load.key"
        Pseudonyms.from_key_file(key)  # a simulated store has data, but no key yet
        temporary = Path(folder, "tmp")
        temporary.mkdir()
        found.pacs = taker.title
        place = Place(
            settings=Settings(store=store, key_file=key),
            folder=Path(folder),
            environment={
                "TMPDIR": str(temporary),
                "OSTEO_KEY_FILE": str(key),
                "OSTEO_PACS_HOST": "127.0.0.1",
                "OSTEO_PACS_PORT": str(taker.port),
                "OSTEO_PACS_AE_TITLE": taker.title,
            },
        )
        server = start_server(store, OSTEO_KEY_FILE=str(key), TMPDIR=str(temporary))
        try:
            asyncio.run(_attend(server, place, temporary, plan, found))
        finally:
            found.end_s = end(server.process)
        found.logged = complaints(server)
        found.load = os.getloadavg()
        found.lost = [*_lost(store, found), *_measured_again(found), *_unsent(store, place, taker, found)]
    return found


async def _attend(server: Server, place: Place, temporary: Path, plan: Plan, found: Found) -> None:
    async with AsyncExitStack() as tabs:
        people: list[Person] = []
        for number in range(plan.people):
            tab = await tabs.enter_async_context(Tab(server.address))
            people.append(Person(number=number, seed=plan.seed, tab=tab, cpu_s=lambda: _cpu_s(server)))
            await people[-1].look_round()
            found.gauges.append(_gauge(server, number + 1, temporary))
        found.alone = _taken(people)
        with (
            program("analysis", place, found.analysis, found.lost) as analysis,
            program("signing", place, found.signing, found.lost) as signing,
        ):
            until = asyncio.get_running_loop().time() + plan.seconds
            watching = asyncio.create_task(_watch(server, temporary, (analysis, signing), plan, found))
            browsing = asyncio.create_task(asyncio.to_thread(_browse, server, plan, until))
            await asyncio.gather(*(one.work(until=until, think_s=plan.think_s) for one in people))
            drawn = await browsing
            watching.cancel()
        found.after_work = _gauge(server, plan.people, temporary)
        found.together = [*_taken(people), *drawn]
        found.noted = [note for one in people for note in one.noted]
        found.refused = [words for one in people for words in one.refused]
    found.after_leaving = _gauge(server, 0, temporary)


async def _watch(server: Server, temporary: Path, beside: _Processes, plan: Plan, found: Found) -> None:
    """Record a gauge each minute, until cancelled."""
    while True:
        await asyncio.sleep(60.0)
        found.by_minute.append(await asyncio.to_thread(_gauge, server, plan.people, temporary, beside))


def _browse(server: Server, plan: Plan, until: float) -> list[Seen]:
    if not plan.with_browser:
        return []
    return browse(server.address, until=until, think_s=plan.think_s, seed=plan.seed)


def _taken(people: Sequence[Person]) -> list[Seen]:
    """The actions since the last call."""
    seen = [one for person in people for one in person.seen]
    for person in people:
        person.seen.clear()
    return seen


def _cpu_s(server: Server) -> float:
    times = psutil.Process(server.process.pid).cpu_times()
    return float(times.user + times.system)


def _gauge(server: Server, people: int, temporary: Path, beside: _Processes | None = None) -> Gauge:
    app, sizes = psutil.Process(server.process.pid), list(_sizes(temporary))
    analysis_mib, signing_mib = (sum(_resident(one.pid)) / _MIB for one in beside) if beside else (0.0, 0.0)
    return Gauge(
        people=people,
        memory_mib=app.memory_info().rss / _MIB,
        handles=app.num_fds(),
        threads=app.num_threads(),
        cpu_s=_cpu_s(server),
        temporary_files=len(sizes),
        temporary_mib=sum(sizes) / _MIB,
        analysis_mib=analysis_mib,
        signing_mib=signing_mib,
    )


def _sizes(folder: Path) -> Iterator[int]:
    """Bytes of each file in a folder that changes in the meantime."""
    for at, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                yield Path(at, name).stat().st_size


def _resident(pid: int) -> Iterator[int]:
    """Resident bytes of a process and each of its descendants, if still running."""
    with suppress(psutil.NoSuchProcess):
        for one in (first := psutil.Process(pid), *first.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                yield one.memory_info().rss


def _measured_again(found: Found) -> list[str]:
    indexed, measured = (sum(one.get(step, 0) for one in found.analysis) for step in ("indexed", "measured"))
    return [f"{indexed} series were indexed, and {measured} measured"] if measured > indexed else []


def _unsent(store: Path, place: Place, taker: RunningPacs, found: Found) -> list[str]:
    """Send the last signed reads, and report what is not in the PACS, or not noted, exactly once."""
    command = [sys.executable, "-m", "osteo_core", "send", "--store", str(store)]
    environment = {**os.environ, **place.environment}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    held = taker.held()
    found.held = len(held)
    return [*([done.stdout + done.stderr] if done.returncode else []), *wrong(store, found.signing, held)]


def complaints(server: Server) -> list[str]:
    """Lines of the app's log that end a traceback or report a failure."""
    server.log.seek(0)
    lines = server.log.read().decode(errors="replace").splitlines()
    return [line for line in lines if "Error" in line or "failed" in line]


def stored_notes(store: Path) -> Counter[Note]:
    """The notes of these people in the store."""
    with open_store(store) as held:
        held.take_in()
        events = held.table("events").to_pylist()
    return Counter(
        Note(author=row["author"], series_key=row["series_key"], state=json.loads(row["payload_json"])["state"])
        for row in events
        if row["kind"] == "follow-up" and row["author"].startswith("load-")
    )


def _lost(store: Path, found: Found) -> list[str]:
    """Confirmed notes that are not in the store exactly once, and missing results of the analysis."""
    stored, noted = stored_notes(store), Counter(found.noted)
    lost, more = noted - stored, stored - noted
    return [
        *found.lost,
        *(f"{note}: confirmed, and {n} times not in the store" for note, n in lost.items()),
        *(f"{note}: {n} times more in the store than confirmed" for note, n in more.items()),
    ]
