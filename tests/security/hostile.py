"""A store with hostile texts: everything that headers, tables and people can write, as Markdown, HTML and links."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from osteo_core.outcomes import Caution, CautionCode
from osteo_core.programme.follow_up import Note, State, event_of
from osteo_core.records import Event, SeriesResult
from osteo_core.terms import Step
from tests.browser.cohort import BrowserCohort, build_browser_cohort

#: A host that must never be contacted.
BAIT = "http://bait.invalid/p.png"
HOSTILE = (
    f"![]({BAIT})",
    f"<img src={BAIT}>",
    "[a](javascript:document.title=1)",
    ":red[b] :material/home: :smile: :streamlit:",
    "$x^2$ **b** _i_ ~~s~~ `c`",
    "# h <script>document.title=1</script>",
    "https://bait.invalid/a www.bait.invalid a@bait.invalid",
    f"<a href='{BAIT}'>c</a> &amp; -> <=",
    "=HYPERLINK(1) @SUM(A1)",
)
#: All of the above in one text.
ALL = " ".join(HOSTILE)


def text_of(number: int) -> str:
    """The next text of HOSTILE each time."""
    return HOSTILE[number % len(HOSTILE)]


def build_hostile_store(folder: Path) -> BrowserCohort:
    """A filled store for the browser, with every text from files or people replaced by one of HOSTILE."""
    return build_browser_cohort(folder, change=_hostile, events=_events)


def _hostile(number: int, result: SeriesResult) -> SeriesResult:
    series = replace(
        result.series,
        manufacturer=ALL,
        manufacturer_model_name=text_of(number),
        device_key=f"{number % 5:016x}",
        site_key=f"{number % 3:016x}",
        software_versions=ALL,
        convolution_kernel=ALL,
        patient_position=ALL,
        body_part_examined=ALL,
        contrast_bolus_agent=ALL,
        image_type=(ALL,),
        preference_reason=ALL,
        stack_label=ALL,
    )
    changed = replace(result, series=series, exclusions=tuple(replace(one, found=ALL) for one in result.exclusions))
    if result.assessment is None or result.segmentation is None:
        return changed
    line = result.assessment.calibration
    return replace(
        changed,
        cautions=(*result.cautions, Caution(code=CautionCode.SIMULATED, step=Step.FIND, found=ALL)),
        segmentation=replace(result.segmentation, engine=ALL),
        assessment=replace(
            result.assessment,
            flag_reason=ALL if result.assessment.is_flagged else "",
            review_reasons=(ALL,),
            calibration=replace(line, name=f"line {ALL}", source=ALL) if line else None,
        ),
    )


def _events(results: list[SeriesResult]) -> list[Event]:
    """Notes by a person with such a name, and saved views with such names."""
    at = datetime(2026, 11, 25, 12, tzinfo=UTC)
    flagged = [r for r in results if r.assessment and r.assessment.is_flagged]
    notes = [
        event_of(
            Note(author=ALL, at=at + timedelta(minutes=n), state=State.CONFIRMED, reason=ALL),
            event_id=f"hostile-{n}",
            series_key=result.series.series_key,
            before=State.TO_REVIEW,
            versions=(result.model_hash, result.settings_hash),
        )
        for n, result in enumerate(flagged)
    ]
    views = [
        Event(
            event_id=f"hostile-view-{n}",
            kind="saved view",
            series_key="",
            author=ALL,
            at=at,
            payload_json=json.dumps({"name": text, "query": "sex=F"}),
        )
        for n, text in enumerate(HOSTILE)
    ]
    return [*notes, *views]
