"""Assignee, snooze date and patient contacts of a series: notes that accompany the follow-up state.

Like the follow-up, they are insert-only events; the latest of each kind applies. The letter is the site's text
with fields in braces.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from osteo_core.errors import UsageError, needs_author
from osteo_core.events import new_event
from osteo_core.programme.follow_up import State
from osteo_core.records import Event

PLAN_KIND = "follow-up plan"
_MOST_LETTERS = 100


class Contact(StrEnum):
    """How the patient or the referring physician was contacted."""

    PHONE = "by phone"
    PHONE_MISSED = "by phone, not reached"
    LETTER = "by letter"
    EMAIL = "by e-mail"
    IN_PERSON = "in person"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Exactly one of: an assignee ('' for nobody), a snooze date, the end of snoozing, or a contact made.

    ``is_woken``: snoozing ends at once.
    """

    author: str
    at: datetime
    assignee: str | None = None
    snooze_until: date | None = None
    is_woken: bool = False
    contact: Contact | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        given = (self.assignee is not None, self.snooze_until is not None, self.is_woken, self.contact is not None)
        if sum(given) != 1:
            raise UsageError(
                "a plan needs exactly one of an assignee, a day to wait for, the end of waiting, a contact"
            )
        if not self.author.strip():
            raise needs_author("a note")
        if len(self.assignee or "") > _MOST_LETTERS:
            raise UsageError(f"an assignee's name may have {_MOST_LETTERS} letters at most")
        if self.snooze_until is not None and self.snooze_until <= self.at.astimezone().date():
            raise UsageError(f"waiting must end after today, found {self.snooze_until}")


def plan_event(plan: Plan, *, event_id: str, series_key: str) -> Event:
    """The insert-only event of a plan for one series."""
    payload: dict[str, str] = {}
    if plan.assignee is not None:
        payload["assignee"] = plan.assignee.strip()
    if plan.snooze_until is not None or plan.is_woken:
        payload["snooze_until"] = plan.snooze_until.isoformat() if plan.snooze_until else ""
    if plan.contact is not None:
        payload["contact"] = plan.contact.value
    return new_event(
        PLAN_KIND,
        event_id=event_id,
        series_key=series_key,
        author=plan.author,
        at=plan.at,
        reason=plan.reason,
        payload=payload,
    )


#: The purpose of the next contact, by follow-up state; sites use their own wording in letters.
NEXT_CONTACT: Mapping[State, str] = {
    State.TO_REVIEW: "Nothing yet: the flag has not been reviewed.",
    State.REPEAT: "A further scan is asked for: arrange it.",
    State.CONFIRMED: "Low bone density was confirmed on a CT: offer assessment and DXA.",
    State.REPORTED: "The finding was reported: ask whether DXA and assessment are arranged.",
    State.REFERRED: "The patient was referred: ask for the date of the appointment.",
    State.DXA_BOOKED: "DXA is booked: ask whether it took place.",
    State.DXA_DONE: "DXA was done: ask for the result and the decision.",
    State.TREAT: "Treatment was advised: ask whether it was started.",
    State.OBSERVE: "Observation was agreed: ask about new fractures and falls.",
    State.STARTED: "Treatment was started: ask about tolerance at four months.",
    State.CONTACT_16: "Contact at 12 months: ask whether the treatment goes on.",
    State.CONTACT_52: "The contacts of the programme are complete: close the follow-up.",
}

LETTER_FIELDS = ("patient", "age", "sex", "study_date", "vbmd", "category", "reason", "due_date", "today", "author")
#: One line for each paragraph: the browser that prints it breaks the lines.
DEFAULT_LETTER = """Date: {today}

Dear colleague,

a CT of your patient {patient} ({age} years, {sex}) of {study_date}, made for another reason, was looked at for bone \
density in a research programme.

Trabecular bone density: {vbmd}
Category by the limits of quantitative CT: {category}
Reason for this letter: {reason}

This measurement is for research use only and is not a diagnosis. We suggest an assessment of the fracture risk and \
DXA or QCT, by {due_date}.

With kind regards
{author}
"""


def letter(template: str, values: Mapping[str, str]) -> str:
    """The site's letter with its fields filled in. Raises UsageError for an unknown field or an invalid format."""
    try:
        fields = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise UsageError(
            f"the letter template cannot be read ({error}); write literal braces as {{{{ and }}}}"
        ) from None
    unknown = sorted(fields - set(LETTER_FIELDS))
    if unknown:
        raise UsageError(f"the letter template has unknown fields {unknown}; known are {list(LETTER_FIELDS)}")
    try:
        return template.format(**{name: values.get(name, "") for name in LETTER_FIELDS})
    except (ValueError, LookupError, AttributeError) as error:
        raise UsageError(
            f"the letter template has a field format that does not suit text ({error}); write only {{patient}}"
        ) from None
