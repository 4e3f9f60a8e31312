"""A simulated user of the dashboard: opens pages in a random order, filters, notes, looks patients up, exports."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from benchmarks.load.session import Answer, Tab

#: The pages by their path in the address, in the order of the menu; '' is Home.
PAGES = (
    "",
    "worklist",
    "patient",
    "look_up",
    "follow_up",
    "prevalence",
    "agreement",
    "drift",
    "equity",
    "exclusions",
    "table",
    "export",
    "replication",
    "about",
)
_FILTERS = ("", "sex=F", "sex=M&age_from=60", "vendor=GE", "vendor=Siemens&sex=F", "age_from=65&age_to=80")
_GROUPS = ("Sex", "Age band", "Vendor", "Scanner", "Site", "Period")
_COLUMNS = ("patient_age_years", "mean_vbmd_mg_cm3", "vendor", "category")
_AUTHOR = "Noted by"
#: The answers of a review on the patient's page.
_REVIEWS = ("Confirmed", "Not confirmed", "Repeat scan")


@dataclass(frozen=True, kw_only=True)
class Note:
    """A note that the dashboard confirmed to its author."""

    author: str
    series_key: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One action: the page or act, the answer, and the app's CPU time in the meantime, whoever caused it."""

    name: str
    answer: Answer
    cpu_s: float


@dataclass(kw_only=True)
class Person:
    """A person in one tab, whose choices follow from ``seed`` and ``number``; ``cpu_s`` returns the app's CPU time."""

    number: int
    seed: int
    tab: Tab
    cpu_s: Callable[[], float]
    seen: list[Seen] = field(default_factory=list)
    noted: list[Note] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = random.Random(1000 * self.seed + self.number)
        self._series: list[str] = []

    @property
    def author(self) -> str:
        """The author name of this person's notes."""
        return f"load-{self.number}"

    async def look_round(self) -> None:
        """Open every page once, in the order of the menu, the patient from the worklist; then note one review."""
        for page in PAGES:
            await (self._open_patient() if page == "patient" else self._open(page))
            if page == "worklist":
                self._remember_list()
        await self.note_in_list()

    async def work(self, *, until: float, think_s: tuple[float, float]) -> None:
        """Do one thing after another, with time to think, until this time of the loop's clock."""
        clock = asyncio.get_running_loop().time
        while clock() < until:
            act = self._rng.choices([act for act, _ in _ACTS], [weight for _, weight in _ACTS])[0]
            await act(self)
            await asyncio.sleep(max(0.0, min(self._rng.uniform(*think_s), until - clock())))

    async def _open(self, page: str, query: str | None = None) -> Answer:
        asked = self.tab.query_of_link(page) if query is None else query
        return await self._do(page or "home", self.tab.open(page, asked))

    async def _do(self, name: str, doing: Awaitable[Answer]) -> Answer:
        before = self.cpu_s()
        answer = await doing
        self.seen.append(Seen(name=name, answer=answer, cpu_s=self.cpu_s() - before))
        return answer

    async def _open_worklist(self) -> None:
        chosen = self._rng.choice(_FILTERS)
        page = self._rng.randint(1, 4)
        await self._open("worklist", "&".join(filter(None, (chosen, f"page={page}" if page > 1 else ""))))
        self._remember_list()

    def _remember_list(self) -> None:
        found = self.tab.component("patient_list")
        self._series = [row["key"] for row in found[1]["rows"]] if found else []

    async def _open_patient(self) -> None:
        if not self._series:
            await self._open_worklist()
        key = self._rng.choice(self._series) if self._series else ""
        await self._open("patient", f"series={key}")

    async def note_in_list(self) -> None:
        """Note a review of a patient in the worklist, as its author."""
        await self._open_worklist()
        await self._say_who()
        found = self.tab.component("patient_list")
        if found is None:
            return
        component, data = found
        open_rows = [row for row in data["rows"] if row["next"]]
        if not open_rows:
            return
        row = self._rng.choice(open_rows)
        asked = {
            "kind": "note",
            "keys": [[row["key"], row["state"]]],
            "state": self._rng.choice([state for state in row["next"] if state not in ("closed", "no action")]),
            "number": data["answered"] + 1,
            "list_id": data["list_id"],
        }
        await self._do("worklist: note", self.tab.send(component, "request", asked))
        after = self.tab.component("patient_list")
        message = (after[1]["message"] if after else None) or {"text": "no answer", "is_refused": True}
        self._keep(row["key"], asked["state"], message["text"], is_refused=bool(message.get("is_refused")))

    async def note_on_page(self) -> None:
        """Review a patient on the patient's own page."""
        await self._open_patient()
        await self._say_who()
        key = self.tab.query.removeprefix("series=")
        buttons = [one for one in self.tab.elements("button") if one.label in _REVIEWS and not one.disabled]
        if not buttons:
            return
        pressed = self._rng.choice(buttons)
        await self._do("patient: note", self.tab.press(pressed.id))
        said = " ".join(one.body for one in self.tab.elements("toast"))
        self._keep(key, pressed.label.lower(), said, is_refused=not said.startswith("Noted"))

    def _keep(self, series_key: str, state: str, words: str, *, is_refused: bool) -> None:
        if is_refused:
            self.refused.append(words)
        else:
            self.noted.append(Note(author=self.author, series_key=series_key, state=state))

    async def _say_who(self) -> None:
        fields = [one for one in self.tab.elements("text_input") if one.label == _AUTHOR]
        if fields and fields[0].value != self.author and fields[0].default != self.author:
            await self._do("type a name", self.tab.type(fields[0].id, self.author))

    async def _look_up(self) -> None:
        await self._open("look_up")
        fields = list(self.tab.elements("text_area"))
        if fields:
            await self._do("look_up: search", self.tab.type(fields[0].id, f"{self._rng.randint(1, 99999)}"))

    async def _open_prevalence(self) -> None:
        await self._open("prevalence", f"by={self._rng.choice(_GROUPS)}&{self._rng.choice(_FILTERS)}".rstrip("&"))

    async def _open_table(self) -> None:
        await self._open("table", f"by_column={self._rng.choice(_COLUMNS)}&{self._rng.choice(_FILTERS)}".rstrip("&"))

    async def _export(self) -> None:
        await self._open("export", self._rng.choice(_FILTERS[1:]))
        files = [one for one in self.tab.elements("download_button") if one.label == "CSV" and one.deferred_file_id]
        if files:
            await self._do("export: CSV", self.tab.download(files[0].deferred_file_id))


def _page(name: str) -> Callable[[Person], Awaitable[object]]:
    return lambda person: person._open(name)


#: Actions and their relative frequency: readers work through lists, leads look at the cohort.
_ACTS: tuple[tuple[Callable[[Person], Awaitable[object]], float], ...] = (
    (Person._open_worklist, 4),
    (Person.note_in_list, 4),
    (Person._open_patient, 4),
    (Person.note_on_page, 3),
    (Person._look_up, 1),
    (Person._open_prevalence, 2),
    (Person._open_table, 1),
    (Person._export, 0.5),
    *((_page(name), 1) for name in PAGES if name not in ("worklist", "patient", "look_up", "prevalence", "table")),
)
