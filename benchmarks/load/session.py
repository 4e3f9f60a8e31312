"""One browser tab from the app's point of view: a WebSocket that speaks Streamlit's protocol, without a browser.

It requests pages and sends widget values, as Streamlit's front end does, keeps the drawn elements, and waits until the
script has ended. It renders nothing, so that twenty of them cost little compared with the app.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

#: Seconds after which a missing answer is a fault.
_PATIENCE_S = 300.0
_ENDED = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
#: Streamlit's name of the widget that carries the events of a component.
_EVENTS = "$$STREAMLIT_INTERNAL_KEY_{}__events"


@dataclass(kw_only=True)
class Answer:
    """The answer: seconds until the script had ended, bytes received, and every fault shown."""

    seconds: float = 0.0
    received: int = 0
    faults: list[str] = field(default_factory=list)


class Tab:
    """A tab on ``address``. Enter it to connect; ``query`` is the query string after the page."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._socket: ClientConnection | None = None
        self._session_id = ""
        self._drawn: dict[tuple[int, ...], tuple[Element, str]] = {}
        self._hashes: dict[str, str] = {}
        self._page = ""
        self.query = ""

    async def __aenter__(self) -> Self:
        self._socket = await connect(
            self._address.replace("http", "ws", 1) + "/_stcore/stream",
            origin=Origin(self._address),
            subprotocols=[Subprotocol("streamlit")],
            max_size=None,
            open_timeout=_PATIENCE_S,
            ping_interval=None,  # a busy server answers late; a run that never ends is caught by _PATIENCE_S
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            await self._socket.close()

    def elements(self, kind: str) -> Iterator[Any]:
        """The drawn elements of one kind, by Streamlit's name (``button``, ``text_input``), from top to bottom."""
        for element, _ in self._drawn.values():
            if element.WhichOneof("type") == kind:
                yield getattr(element, kind)

    def component(self, name: str) -> tuple[str, dict[str, Any]] | None:
        """Identifier and data of a component of ours, or None if the page has none."""
        for one in self.elements("bidi_component"):
            if one.component_name.endswith(name):
                return one.id, json.loads(one.json or one.mixed.json)
        return None

    def query_of_link(self, page: str) -> str:
        """The query string of the menu's link to ``page``, so that a filter is carried along as for real users."""
        target = self._hashes.get(page)
        links = (one for one in self.elements("page_link") if one.page_script_hash == target)
        return next((one.query_string for one in links), "")

    async def open(self, page: str, query: str = "") -> Answer:
        """Open a page by its path in the address, '' for Home."""
        self._page, self.query = page, query
        return await self._run([], fragment="")

    async def press(self, widget: str) -> Answer:
        """Press a button by its identifier."""
        return await self._run([WidgetState(id=widget, trigger_value=True)], fragment=self._fragment_of(widget))

    async def type(self, widget: str, words: str) -> Answer:
        """Type into a field and leave it."""
        return await self._run([WidgetState(id=widget, string_value=words)], fragment=self._fragment_of(widget))

    async def send(self, component: str, event: str, value: dict[str, Any]) -> Answer:
        """Send an event of a component of ours."""
        events = json.dumps([{"event": event, "value": value}])
        state = WidgetState(id=_EVENTS.format(component), json_trigger_value=events)
        return await self._run([state], fragment=self._fragment_of(component))

    async def download(self, file_id: str) -> Answer:
        """Have the file of a download button created, and fetch it."""
        begun, answer = time.monotonic(), Answer()
        asked = BackMsg()
        operation = asked.backend_operation_request
        operation.request_id, operation.session_id = f"{file_id}-{begun}", self._session_id
        operation.deferred_file.file_id = file_id
        await self._write(asked)
        while True:
            message = await self._read(answer)
            if message is None:
                return answer
            said = message.backend_operation_response
            if message.WhichOneof("type") == "backend_operation_response" and said.request_id == operation.request_id:
                break
        if said.error_msg:
            answer.faults.append(said.error_msg)
        else:
            async with httpx.AsyncClient(timeout=_PATIENCE_S) as client:
                got = await client.get(self._address + said.deferred_file.url)
            answer.received += len(got.content)
            if got.status_code != httpx.codes.OK:
                answer.faults.append(f"{got.status_code} for {said.deferred_file.url}")
        answer.seconds = time.monotonic() - begun
        return answer

    def _fragment_of(self, widget: str) -> str:
        for element, fragment in self._drawn.values():
            if getattr(getattr(element, element.WhichOneof("type") or "", None), "id", "") == widget:
                return fragment
        return ""

    async def _run(self, states: list[WidgetState], *, fragment: str) -> Answer:
        """Request a script run and wait until it has ended."""
        asked = BackMsg()
        wanted = asked.rerun_script
        wanted.query_string, wanted.fragment_id = self.query, fragment
        wanted.page_script_hash = self._hashes.get(self._page, "")
        if not wanted.page_script_hash:
            wanted.page_name = self._page
        wanted.widget_states.widgets.extend(states)
        wanted.context_info.url = f"{self._address}/{self._page}"
        begun, answer = time.monotonic(), Answer()
        await self._write(asked)
        while not await self._has_ended(answer):
            pass
        answer.seconds = time.monotonic() - begun
        answer.faults += self._shown_faults()
        return answer

    async def _has_ended(self, answer: Answer) -> bool:
        """Process one message; returns whether it was the last one of the run."""
        message = await self._read(answer)
        if message is None:
            return True
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._session_id = message.new_session.initialize.session_id
            if not message.metadata.run.fragment_ids:
                self._drawn.clear()
        elif kind == "navigation":
            pages = message.navigation.app_pages
            self._hashes = {"" if one.is_default else one.url_pathname: one.page_script_hash for one in pages}
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._drawn[tuple(message.metadata.delta_path)] = (message.delta.new_element, message.delta.fragment_id)
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "page_not_found":
            answer.faults.append(f"page not found: {message.page_not_found.page_name}")
        elif kind == "session_event" and message.session_event.HasField("script_compilation_exception"):
            answer.faults.append(message.session_event.script_compilation_exception.message)
        return kind == "script_finished" and message.script_finished in _ENDED

    async def _read(self, answer: Answer) -> ForwardMsg | None:
        """One message; None, with a fault, if none arrives."""
        assert self._socket is not None
        try:
            data = await asyncio.wait_for(self._socket.recv(decode=False), _PATIENCE_S)
        except TimeoutError:
            answer.faults.append(f"no answer within {_PATIENCE_S:.0f} s")
            return None
        answer.received += len(data)
        message = ForwardMsg()
        message.ParseFromString(data)
        return message

    async def _write(self, message: BackMsg) -> None:
        assert self._socket is not None
        await self._socket.send(message.SerializeToString())

    def _shown_faults(self) -> list[str]:
        shown = [f"{one.type}: {one.message}" for one in self.elements("exception")]
        return shown + [one.body for one in self.elements("alert") if one.format == Alert.ERROR]
