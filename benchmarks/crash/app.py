"""``python -m benchmarks.crash.app [--count 20] [--people 3] [--series 2000] [--seed 1] [--json]``: the app is killed.

Simulated users add notes in the list and on the patients' pages, using Streamlit's protocol, until the app is killed at
a random time. It is restarted: it must open, show no fault, and hold each confirmed note exactly once. Unconfirmed
notes may or may not be there. Exit code 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from benchmarks.load.people import Note, Person
from benchmarks.load.session import Tab
from benchmarks.load.suite import complaints, stored_notes
from benchmarks.million_store import make_store
from db.check import check_store
from osteo_core.pseudonyms import Pseudonyms
from tests.browser.server import Server, start_server, stop_server

#: The latest time of a kill, counted from the first requested note.
_LATEST_S = 12.0
#: Pages that are opened after the app was restarted.
_PAGES = ("", "worklist", "follow_up")


@dataclass(frozen=True, kw_only=True)
class AppVerdict:
    """One kill: seconds of noting before it, number of notes confirmed by then, and the faults found."""

    after_s: float
    confirmed: int
    faults: tuple[str, ...]


def kill_app(store: Path, *, people: int, after_s: float, seed: int) -> AppVerdict:
    """Kill the app on ``store`` after this many seconds of noting, restart it, and check the store."""
    key = store / "crash.key"
    Pseudonyms.from_key_file(key)
    before = stored_notes(store)
    server = start_server(store, OSTEO_KEY_FILE=str(key))
    noted = asyncio.run(_note_until_killed(server, people=people, after_s=after_s, seed=seed))
    again = start_server(store, OSTEO_KEY_FILE=str(key))
    faults = asyncio.run(_shown_faults(again.address))
    stop_server(again)
    faults += [f"logged: {line}" for line in complaints(again)]
    faults += _differences(stored_notes(store) - before, Counter(noted), people)
    faults += [f"check: {one.name}: {one.message}" for one in check_store(store) if not one.ok]
    return AppVerdict(after_s=after_s, confirmed=len(noted), faults=tuple(faults))


async def _note_until_killed(server: Server, *, people: int, after_s: float, seed: int) -> list[Note]:
    """The notes that the app had confirmed when it was killed."""
    async with AsyncExitStack() as tabs:
        asked = []
        for number in range(people):
            tab = await tabs.enter_async_context(Tab(server.address))
            await tab.open("worklist")
            asked.append(Person(number=number, seed=seed, tab=tab, cpu_s=lambda: 0.0))
        noting = [asyncio.create_task(_note_on(one)) for one in asked]
        await asyncio.sleep(after_s)
        server.process.kill()
        server.process.wait()
        await asyncio.gather(*noting)
    return [note for one in asked for note in one.noted]


async def _note_on(person: Person) -> None:
    try:
        while True:
            await person.note_in_list()
            await person.note_on_page()
    except (ConnectionClosed, OSError):
        return


async def _shown_faults(address: str) -> list[str]:
    async with Tab(address) as tab:
        return [f"shown: {page}: {fault}" for page in _PAGES for fault in (await tab.open(page)).faults]


def _differences(stored: Counter[Note], noted: Counter[Note], people: int) -> list[str]:
    """Each person may have one stored note more than was confirmed, the one in progress."""
    lost = [f"confirmed, and {n} times not in the store: {note}" for note, n in (noted - stored).items()]
    more = Counter(note.author for note in (stored - noted).elements())
    return lost + [f"{author}: {n} notes more than confirmed" for author, n in more.items() if n > 1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill the app this many times, on one store, and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crash.app", description=__doc__)
    parser.add_argument("--count", type=int, default=20, metavar="N")
    parser.add_argument("--people", type=int, default=3, metavar="N")
    parser.add_argument("--series", type=int, default=2000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    rng, began, verdicts = random.Random(given.seed), time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="crash-app") as folder:
        make_store(Path(folder), series=given.series)
        for number in range(given.count):
            after_s, seed = rng.uniform(0.0, _LATEST_S), 1000 * given.seed + number
            verdicts.append(kill_app(Path(folder), people=given.people, after_s=after_s, seed=seed))
            sys.stderr.write(_line(verdicts[-1]) + "\n")
    if given.json:
        print(json.dumps([asdict(one) for one in verdicts], indent=1))
    else:
        confirmed, wrong = sum(one.confirmed for one in verdicts), sum(bool(one.faults) for one in verdicts)
        seconds = time.monotonic() - began
        print(f"{len(verdicts)} kills, {confirmed} notes confirmed before; found wrong: {wrong}; {seconds:.0f} s")
        print("\n".join(_line(one) for one in verdicts if one.faults))
    return int(any(one.faults for one in verdicts))


def _line(verdict: AppVerdict) -> str:
    found = "; ".join(verdict.faults) or "sound"
    return f"killed after {verdict.after_s:.2f} s of noting, {verdict.confirmed} notes confirmed: {found}"


if __name__ == "__main__":
    sys.exit(main())
