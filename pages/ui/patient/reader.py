"""The reader's screen of the patient's page: its input, and the effects of a reader's actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from osteo_core.errors import UsageError
from osteo_core.exchange.uids import SR
from osteo_core.limits.fracture import MODERATE_FRACTURE_LOSS, POSSIBLE_FRACTURE_LOSS, SEVERE_FRACTURE_LOSS
from osteo_core.programme.cause import Cause
from osteo_core.review.accepting import acceptable_reads
from osteo_core.review.decisions import LeftOut
from osteo_core.review.pictures import TISSUE_NUMBERS
from osteo_core.review.reads import Read, Reading, ReadingStatus, Verdict
from osteo_core.review.summary import Summary
from osteo_core.terms import ContrastPhase
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import author, current_user, seen_by
from pages.ui.patient.both_reads import chosen_read, show_both
from pages.ui.patient.parts import show_header
from pages.ui.patient.priors import screen_data
from pages.ui.patient.reader_view import ReaderView, past_view, reader_view_of
from pages.ui.patient.replay import replayed_moment, show_replay
from pages.ui.shared import frame, wording
from pages.ui.shared.colours import READER_COLOURS, TISSUE_COLOURS, rgb
from pages.ui.shared.literal import literal
from pages.ui.shared.notes import author_name
from pages.ui.shared.openings import note_opening
from pages.ui.viewer.reader import show_reader
from pages.ui.viewer.review_routes import picture_address, review_address
from pages.ui.worklist.order import kept_order

#: HU range displayed from black to white.
WINDOWS = (("Bone", -200.0, 900.0), ("Trabecular", -100.0, 400.0), ("Soft tissue", -160.0, 240.0))
#: Height losses at which fracture grades 1, 2 and 3 begin.
_LOSS_LIMITS = (POSSIBLE_FRACTURE_LOSS, MODERATE_FRACTURE_LOSS, SEVERE_FRACTURE_LOSS)
#: In the session: series of which this session asked to see what another reader signed.
SHOWN = "shown_read"
#: In the session: the earlier study that was chosen in the screen.
_CHOSEN = "chosen_prior"
#: In the session: the opening whose earlier studies were noted.
_PRIORS_OF = "priors_of"


def show_screen(
    current: services.PatientView, top: DeltaGenerator
) -> tuple[services.PatientView, tuple[services.Prior, ...]]:
    """Draw the screen, record the opening, and act on the reader's requests; ``top`` is the line above it.

    Returns what this reader may see of the series (for a blind reader the program's result) and the earlier studies.
    """
    view = services.model_view(current)
    reader = author()
    asked: set[str] = st.session_state.setdefault(SHOWN, set())
    reading = services.reading(view.series_key)
    shown = reader_view_of(view, reading, reader=reader, shows_read=view.series_key in asked)
    if not shown.is_blind:
        show_replay(view.series_key, reading, top)
        if moment := replayed_moment(view.series_key):
            shown = past_view(services.reading(view.series_key, until=moment), moment)
    seen = _without_readers(view) if shown.is_blind else current
    earlier = services.priors(view, shown.summary, seen_by=seen_by())
    _note_opening(view, shown, reader, earlier)
    if not may(current_user(), Action.SEE_IMAGES):
        show_header(view)
        st.info("Images are not shown to your role.", icon=":material/image_not_supported:")
        return seen, earlier
    if shown.is_blind:
        _offer_read(view, asked, top)
    elif shown.read is not None:
        with top:
            show_both(shown.reading, view.series_key, shown.role if shown.version == shown.read.version else None)
    try:
        files = services.screen_files(view, shown.version)
    except UsageError as refused:  # the values are shown without pictures
        show_header(view)
        st.info(literal(wording.sentence(str(refused))), icon=":material/image_not_supported:")
        return seen, earlier
    data = {**_data(view, shown, reader, files), "priors": screen_data(earlier, st.session_state.get(_CHOSEN, ""))}
    acted = show_reader(data)
    if acted:
        _follow(acted)
    services.prepare(queue_of(view.series_key)["next"])
    return seen, earlier


def _without_readers(view: services.PatientView) -> services.PatientView:
    """The program's result, without what other readers said of its levels."""
    return replace(view, levels=tuple(replace(row, reader_cause="", read_by="") for row in view.levels))


def _offer_read(view: services.PatientView, asked: set[str], top: DeltaGenerator) -> None:
    """Show the offer in the line above, so that the screen keeps its height."""
    words = "A reader signed this series. You see it blind, as a second reader does, with the model's outlines."
    if top.button(
        "Show what was signed", key="show-read", icon=":material/visibility_off:", type="tertiary", help=words
    ):
        asked.add(view.series_key)
        st.rerun()


def _note_opening(
    view: services.PatientView, shown: ReaderView, reader: str, earlier: Sequence[services.Prior]
) -> None:
    """Record one event per opening, not per rerun of the page; earlier studies are opened with it."""
    shows_read = shown.read is not None
    note_opening(view.series_key, reader=reader, shows_read=shows_read, version=shown.version)
    state = (view.series_key, reader, shows_read)
    if st.session_state.get(_PRIORS_OF) != state:
        for prior in earlier:
            services.note_opened(prior.series_key, reader=reader, shows_read=prior.is_read, version=prior.version)
        st.session_state[_PRIORS_OF] = state


def _follow(acted: Mapping[str, Any]) -> None:
    """Act on the reader's request: open the next patient, or redraw the page after saving or signing."""
    if st.session_state.get("acted") == acted.get("at"):
        return
    st.session_state["acted"] = acted.get("at")
    if acted.get("kind") == "go":
        frame.open_patient(str(acted.get("series")))
    elif acted.get("kind") == "prior":
        st.session_state[_CHOSEN] = str(acted.get("series"))
        st.rerun()
    else:
        st.rerun()


def queue_of(series_key: str) -> dict[str, Any]:
    """Position in the reader's current list: '3 of 12', the series before and after."""
    order = kept_order()
    if series_key not in order.keys:
        return {"words": "", "previous": None, "next": None}
    at = order.keys.index(series_key)
    order.selected = series_key
    return {
        "words": f"{at + 1:,} of {order.total:,}",
        "previous": order.keys[at - 1] if at else None,
        "next": order.keys[at + 1] if at + 1 < len(order.keys) else None,
    }


def _data(view: services.PatientView, shown: ReaderView, reader: str, files: Mapping[str, Any]) -> dict[str, Any]:
    limits, model = services.limits(), services.model_summary(view)
    token = services.open_ticket(view, reader=reader, base=shown.version)
    identity = (view.series_key, view.model_hash, reader, shown.is_blind, chosen_read(view.series_key), shown.past)
    return {
        "id": "-".join(map(str, identity)),
        "series": view.series_key,
        "version": shown.version,
        "model_version": view.model_hash,
        "acceptable": [
            {"version": read.version, "decisions": read.decisions.to_dict()}
            for read in acceptable_reads(shown.reading, shown.role)
        ],
        "keep": f"{view.series_key}-{shown.version}-{reader}-{shown.past or ''}",
        "urls": {
            **{name: picture_address(file) for name, file in files.items() if file is not None},
            **{what: review_address(token, what) for what in ("save", "measure", "sign")},
        },
        "levels": _levels(),
        "names": {int(level): level.name for level in READER_COLOURS},
        "focus": _focus(model),
        "windows": [{"name": name, "low_hu": low, "high_hu": high} for name, low, high in WINDOWS],
        "tissues": _tissues(view),
        "limits": {"low": limits.osteoporosis_below, "high": limits.normal_above},
        "loss_limits": [limit.value for limit in _LOSS_LIMITS],
        "summary": shown.summary.to_dict(),
        "model_summary": model.to_dict(),
        "decisions": shown.decisions.to_dict(),
        "queue": queue_of(view.series_key),
        "reader": author_name(),
        "role": shown.role.value if shown.role else "",
        "role_words": _role_words(shown, reader),
        "seen": shown.reading.seen_as(shown.role) if shown.role else {},
        "why_not_sign": _why_not(shown, reader),
        "can_correct": bool(files.get("mask")) and shown.role is not None,
        "why_not_correct": _why_not(shown, reader)
        or "Nothing was outlined on this series, so there is nothing to correct.",
        "reading_status": _status_words(shown),
        "read": _read_words(shown),
        "reasons": [one.value for one in LeftOut],
        "causes": [one.value for one in Cause],
        "phases": [one.value for one in ContrastPhase if one is not ContrastPhase.UNKNOWN],
        "phase": view.contrast_phase,
        **_head(view),
    }


def _levels() -> list[dict[str, Any]]:
    return [{"number": int(level), "name": level.name, "rgb": rgb(colour)} for level, colour in READER_COLOURS.items()]


def _tissues(view: services.PatientView) -> list[dict[str, Any]]:
    """Every calibration tissue that can be shown, measured or not, in the order of their numbers."""
    measured = {TISSUE_NUMBERS[one.name]: one for one in view.tissues if one.name in TISSUE_NUMBERS}
    return [
        {
            "number": number,
            "name": "compact bone" if name == "cortical" else measured[number].name if number in measured else name,
            "rgb": rgb(TISSUE_COLOURS[name]),
            "words": measured[number].spread if number in measured else "",
            "why_not": measured[number].why_not if number in measured else "not found",
        }
        for name, number in TISSUE_NUMBERS.items()
        if name in TISSUE_COLOURS
    ]


def _focus(model: Summary) -> str:
    """The level to open at: that of the worst fracture, else none."""
    graded = {level: one.grade for level, one in model.levels.items() if one.grade}
    return max(graded, key=lambda level: graded[level] or 0).name if graded else ""


def _head(view: services.PatientView) -> dict[str, Any]:
    age = f"{view.age_years:.0f} y" if view.age_years is not None else "age unknown,"
    study = f"study of {wording.day(view.study_date)}" if view.study_date else "study date unknown"
    why = [view.flag_reason, *(reason for reason in view.review_reasons if reason not in view.flag_reason)]
    why = [*why, *view.exclusions]
    return {
        "who": f"{wording.short_key(view.patient_key)} · {age} {wording.SEX[view.sex]}",
        "who_more": ", ".join(filter(None, (f"{view.vendor} {view.scanner}".strip(), study, view.scan))),
        "status": view.status,
        "why": wording.sentence(wording.clauses(*why)),
        "why_more": wording.sentence(wording.clauses(*why, *view.cautions)),
    }


def _role_words(shown: ReaderView, reader: str) -> str:
    if not reader:
        return "type your name at the top to sign"
    name = author_name()
    if not may(current_user(), Action.SIGN):
        return f"{name}: may view, but not correct or sign"
    if shown.past is not None:
        return f"{name}: an earlier state"
    return f"{name}, {shown.role.value}" if shown.role else f"{name}: nothing is left to sign"


#: Why there is nothing left to sign for somebody whose name is known.
_SETTLED = {
    ReadingStatus.AGREED: "Two readers have signed and agree; nothing is left to sign.",
    ReadingStatus.AT_ODDS: "The two reads differ and you signed one; an adjudicator, another person, decides.",
    ReadingStatus.ADJUDICATED: "An adjudicator has decided; nothing is left to sign.",
}


def _why_not(shown: ReaderView, reader: str) -> str:
    if shown.role is not None:
        return ""
    if shown.past is not None:
        return "This is an earlier state; go back to now to correct or sign."
    if not may(current_user(), Action.SIGN):
        return "Your role may view this series, but not correct or sign."
    if not reader:
        return "This series is signed; type your name at the top to read it as another reader."
    return _SETTLED[shown.reading.status]


def _status_words(shown: ReaderView) -> str:
    if shown.is_blind:
        return "signed by another reader, hidden from you"
    status, counts = shown.reading.status, shown.reading.counts
    if status is not ReadingStatus.AT_ODDS or counts is None:
        return status.value
    until = f"the {counts.role.value}'s read counts until an adjudicator decides"
    return f"{status.value}, {until}: {'; '.join(shown.reading.differences)}"


def _read_words(shown: ReaderView) -> str:
    """Who signed and when, and whether a PACS has it; '' for a blind reader."""
    read = shown.read
    if read is None:
        return ""
    words = f": {read.words}" if read.words else ""
    signed = f"{read.verdict.value} by {services.name_of(read.reader)}, {wording.moment(read.at)}"
    return f"{signed}{_sent_words(shown.reading, read)}{words}"


def _sent_words(reading: Reading, read: Read) -> str:
    """', sent to ORTHANC on 2 Mar 2026, 11:30', or that it waits if a PACS is configured and this read counts."""
    sent = reading.sent(read, SR)
    if sent is not None:
        return f", sent to {sent.to} on {wording.moment(sent.at)}"
    is_expected = bool(services.settings().pacs_host) and read == reading.counts and read.verdict is not Verdict.REJECT
    return ", not sent to the PACS yet" if is_expected else ""
