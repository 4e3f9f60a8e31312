"""One person at the dashboard by protocol: a WebSocket session as the browser's, page after page, each timed to its end."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

#: What a person of a screening programme looks at; the first ones most. The patient's page wants a series.
PAGES = ("worklist", "patient", "", "prevalence", "follow_up", "drift", "equity", "agreement", "exclusions", "table")
FILTERS = (
    "",
    "sex=F&age_from=60.0&age_to=80.0",
    "vendor=GE",
    "vendor=SIEMENS&sex=M",
    "category=osteoporosis",
    "flagged=true",
)
_PATIENCE_S = 120.0


@dataclass(kw_only=True)
class Visit:
    """One page: its name, the time until the server had sent all of it, its bytes, and why it failed ('' if not)."""

    page: str
    seconds: float
    n_bytes: int
    fault: str = ""


@dataclass(kw_only=True)
class Person:
    """A session. ``series`` are keys to look at; ``think_s`` is the mean pause between two pages."""

    address: str
    series: Sequence[str]
    seed: int
    think_s: float
    visits: list[Visit] = field(default_factory=list)

    async def look(self, until: float) -> None:
        """Open page after page until that moment of the monotonic clock; what fails is a visit with its fault."""
        rng = random.Random(self.seed)
        while time.monotonic() < until:
            async with _Session(self.address) as session:
                fault = ""
                while time.monotonic() < until and not fault:
                    visit = await session.open(*self._next(rng))
                    self.visits.append(visit)
                    fault = visit.fault
                    await asyncio.sleep(rng.expovariate(1.0 / self.think_s))

    def _next(self, rng: random.Random) -> tuple[str, str]:
        """A page and its query."""
        page = rng.choices(PAGES, [3 if page in PAGES[:2] else 1 for page in PAGES])[0]
        return page, f"series={rng.choice(self.series)}" if page == "patient" else rng.choice(FILTERS)


class _Session:
    """The connection: one message asks for a page, many tell what it shows, one says that it is whole."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._hashes: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        self._socket = await websockets.connect(
            f"{self._address.replace('http', 'ws', 1)}/_stcore/stream",
            origin=self._address,
            subprotocols=["streamlit"],
            max_size=None,
            ping_interval=None,  # a page that takes long is a figure, not the end of the connection
            open_timeout=_PATIENCE_S,
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self._socket.close()

    async def open(self, page: str, query: str) -> Visit:
        """Ask for a page as a click in the menu does, and read until it is whole."""
        asked = BackMsg()
        asked.rerun_script.query_string = query
        asked.rerun_script.page_name = page
        asked.rerun_script.page_script_hash = self._hashes.get(page, "")
        began, n_bytes, fault = time.perf_counter(), 0, ""
        try:
            await self._socket.send(asked.SerializeToString())
            async with asyncio.timeout(_PATIENCE_S):
                while True:
                    content = await self._socket.recv()
                    n_bytes += len(content)
                    told = ForwardMsg.FromString(content)
                    fault = fault or _fault_in(told)
                    self._hashes |= {one.url_pathname: one.page_script_hash for one in told.navigation.app_pages}
                    if told.WhichOneof("type") == "script_finished" and not _was_overtaken(told):
                        break
        except websockets.ConnectionClosed:
            fault = "the connection was closed"
        except TimeoutError:
            fault = f"not whole after {_PATIENCE_S:.0f} s"
        return Visit(page=page or "home", seconds=time.perf_counter() - began, n_bytes=n_bytes, fault=fault)


def _was_overtaken(told: ForwardMsg) -> bool:
    return told.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN


def _fault_in(told: ForwardMsg) -> str:
    kind = told.WhichOneof("type")
    if kind == "page_not_found":
        return "page not found"
    element = told.delta.new_element
    if element.WhichOneof("type") == "exception":
        return f"exception: {element.exception.type}"
    return "the page failed" if "could not be shown" in element.alert.body else ""
