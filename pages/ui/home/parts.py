"""Parts of the home page: today's figures with the lists they count, what changed, and the run with its buttons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from osteo_core.programme.cohort import Change
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import current_user, seen_by
from pages.ui.home.visit import last_visit
from pages.ui.shared import go, wording
from pages.ui.shared.faults import draw_fault, in_words
from pages.ui.shared.literal import literal, literal_code
from pages.ui.shared.sign_in import while_signed_in

#: How often the browser asks for the progress of a run.
_LOOK_EVERY_S = 2.0
STAGES = {
    "demo": "Demo cohort (simulating and analyzing)",
    "index": "Reading headers",
    "analyze": "Analyzing",
}


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One key figure, what it means, and the page that lists the counted series."""

    name: str
    value: str
    help: str
    script: str
    query: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ChangeLink:
    """How often something happened since the last visit, in words, and the page that lists exactly those series."""

    change: Change
    count: int
    words: str
    script: str
    query: Mapping[str, str]


def tiles_of(numbers: services.CohortNumbers) -> tuple[Tile, ...]:
    """Today's state in five figures."""
    processed = numbers.series - numbers.waiting
    return (
        Tile(
            name="Processed",
            value=f"{processed:,}",
            help=f"Series, of {numbers.series:,} found: {numbers.measured:,} measured, {numbers.excluded:,} excluded, "
            f"{numbers.failed:,} failed; {numbers.waiting:,} waiting for analysis",
            script="pages/exclusions.py",
            query={"box": "processed"},
        ),
        Tile(
            name="Flagged",
            value=f"{numbers.flagged:,}",
            help="Series below the osteoporosis limit, or with a fracture of grade 2 or more",
            script="pages/worklist.py",
            query={"flagged": "true"},
        ),
        Tile(
            name="To review",
            value=f"{numbers.to_review:,}",
            help="Flags that nobody has confirmed or rejected yet",
            script="pages/worklist.py",
            query={"state": "to review"},
        ),
        Tile(
            name="Overdue",
            value=f"{numbers.overdue:,}",
            help="Flagged series whose next step is late, counted from the flag",
            script="pages/worklist.py",
            query={"overdue": "true", "sort": "due date"},
        ),
        Tile(
            name="Failed",
            value=f"{numbers.failed:,}",
            help="Series that failed because of a software or hardware error; they stay in every denominator",
            script="pages/exclusions.py",
            query={"box": "left out: run"},
        ),
    )


def show_tiles(numbers: services.CohortNumbers) -> None:
    """The figures side by side, each with a link to its list."""
    tiles = tiles_of(numbers)
    for column, tile in zip(st.columns(len(tiles)), tiles, strict=True):
        with column.container(border=True, gap="small", height="stretch"):
            st.metric(literal(tile.name), literal(tile.value), help=literal(tile.help))
            go.link(tile.script, label="See them", icon=":material/arrow_forward:", query_params=dict(tile.query))


@st.fragment
@in_words(draw_fault)
@while_signed_in
def show_changes() -> None:
    """What changed since this browser was last here; one line, so that the layout does not shift when the browser
    answers.
    """
    place = st.container()
    since = last_visit()
    if since is None:
        place.caption(
            ":material/history: From your second visit on, this shows what changed since your last one.",
            help="The browser remembers when you were last here; a visit ends after half an hour without activity.",
        )
        return
    found = services.changes(since, seen_by=seen_by())
    parts = [one for one in _changes_of(found) if one.count]
    with place.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":material/history: Since your last visit ({wording.moment(since)}):", width="content")
        for one in parts:
            query = {"changed": one.change.value, "since": since.isoformat(), **one.query}
            go.link(one.script, label=literal(one.words), query_params=query, width="content")
        if not parts:
            st.markdown("nothing new.", width="content")


def _changes_of(found: services.Changes) -> tuple[ChangeLink, ...]:
    """What happened, each with its list: patients on the worklist, all other series on Exclusions."""
    everything = {"box": "found"}

    def link(change: Change, count: int, words: str, *, is_patients: bool = True) -> ChangeLink:
        script = "pages/worklist.py" if is_patients else "pages/exclusions.py"
        return ChangeLink(
            change=change, count=count, words=words, script=script, query={} if is_patients else everything
        )

    return (
        link(Change.READ, found.indexed, f"{found.indexed:,} series read", is_patients=False),
        link(Change.ANALYZED, found.analyzed, f"{found.analyzed:,} analyzed", is_patients=False),
        link(Change.FLAGGED, found.flagged, wording.counted(found.flagged, "new flag")),
        link(Change.OVERDUE, found.overdue, f"{found.overdue:,} became overdue"),
        link(Change.FAILED, found.failed, f"{found.failed:,} failed", is_patients=False),
        link(Change.NOTED, found.noted, f"{found.noted:,} noted"),
    )


def show_run() -> None:
    """The run with its bar, rate, time left and buttons; while it runs, redrawn every two seconds."""
    drawn = _state()
    part = st.fragment(run_every=_LOOK_EVERY_S if drawn[0] else None)(_draw_run)
    part(drawn)


def _state() -> tuple[bool, int]:
    """Whether a run is active, and the version of the store."""
    last = services.progress()
    return bool(services.running_command()) or (last is not None and last.is_running), services.version()


@in_words(draw_fault)
@while_signed_in
def _draw_run(drawn: tuple[bool, int]) -> None:
    """``drawn``: the state for which the page was drawn; in another one the whole page is drawn again."""
    if _state() != drawn:
        st.rerun()
    progress = services.progress()
    complaint = services.run_complaint()
    if complaint:
        st.warning(f"The analysis stopped: {literal(complaint)} Start it again below.", icon=":material/error:")
    if progress and progress.is_running:
        _show_running(progress)
    elif services.running_command():
        words = {
            "demo": "**Demo cohort**: starting; the first patients appear within three minutes",
            "index": "**Reading headers**: starting",
        }.get(services.running_command(), "**Analyzing**: starting the workers")
        st.progress(0.0, text=words)
    elif progress and progress.was_cut_off:
        left = progress.total - progress.done
        line = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
        line.markdown(
            f":material/pause_circle: A run stopped with {wording.counted(left, 'step')} to go; it carries on where "
            f"it stopped: {literal_code(services.resume_command())}"
        )
        _start_button(line, "Carry on")
    else:
        _show_waiting()


def _show_running(progress: services.Progress) -> None:
    """The bar, and beside it the appropriate button."""
    bar, buttons = st.columns([6, 1], vertical_alignment="bottom")
    rate = f"{progress.rate_per_min:.1f} a minute" if progress.rate_per_min else "measuring the rate"
    counted = f"{progress.done:,} of {progress.total:,} steps" if progress.total else "starting"
    asked = services.pause_is_asked()
    left = f"{rate} · time left {wording.time_left(progress.eta_s)}"
    state = "paused; series already begun are finished" if asked else left
    stage = literal(STAGES.get(progress.stage, progress.stage))
    bar.progress(progress.fraction, text=f"**{stage}**: {counted} · {state}")
    if progress.stage not in ("analyze", "demo"):
        return
    if not may(current_user(), Action.RUN):
        return
    if asked:
        buttons.button(
            "Resume", key="run-resume", icon=":material/play_arrow:", on_click=in_words()(services.resume_run)
        )
    else:
        buttons.button(
            "Pause",
            key="run-pause",
            icon=":material/pause:",
            on_click=in_words()(services.pause_run),
            help="Workers finish the series they have started, then wait. Nothing is analyzed twice.",
        )


def _show_waiting() -> None:
    """Series indexed but not yet analyzed, with the button that starts the analysis."""
    count = services.cohort_numbers(seen_by=None).waiting
    if not count:
        return
    line = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    line.markdown(
        f":material/hourglass_empty: **{wording.counted(count, 'series', 'series')}** not yet analyzed. Start it "
        f"here, or with {literal_code(f'python -m osteo_core analyze{services.store_argument()}')}"
    )
    _start_button(line, "Start")


def _start_button(place: st.delta_generator.DeltaGenerator, label: str) -> None:
    if not may(current_user(), Action.RUN):
        return
    place.button(
        label,
        key="run-start",
        type="primary",
        icon=":material/play_arrow:",
        on_click=in_words()(services.start_run),
        disabled=not services.may_start(),
        help="Runs on this machine in the background, with this site's settings; it can be paused.",
    )
