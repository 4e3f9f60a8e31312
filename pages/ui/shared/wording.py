"""Shared wording of the screens: one wording for one thing, and numbers with their units."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from osteo_core.programme.comparison import IN_MG_CM3
from osteo_core.programme.follow_up import working_days
from osteo_core.records import Estimate
from osteo_core.terms import NO_PERSON as NO_PERSON
from osteo_core.terms import RESEARCH_USE as RESEARCH_USE
from osteo_core.terms import SIMULATED as SIMULATED
from osteo_core.terms import Level, Sex

UNIT = "mg/cm³"
MISSING = "–"
#: Shown instead of a follow-up state that would reveal another reader's read.
HIDDEN_STATE = "hidden while you read blind"

#: After a note that waits for the process that owns the store.
APPEARS_LATER = " It appears once the store has imported it."
SEX = {Sex.FEMALE: "woman", Sex.MALE: "man", Sex.OTHER: "sex other", Sex.UNKNOWN: "sex unknown"}
#: Words for the stored letter of the patient's sex.
SEX_GROUPS = {"F": "women (F)", "M": "men (M)", "O": "other (O)"}


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """'71', '71.4 HU', or a dash for a missing value."""
    if value is None or value != value:
        return MISSING
    return f"{value:z,.{digits}f}{' ' + unit if unit else ''}"  # 'z': no -0


def interval(value: float | None, low: float | None, high: float | None, *, digits: int = 0, unit: str = "") -> str:
    """'71 (64 to 78) mg/cm³': a value never goes without its interval."""
    if value is None or value != value:
        return MISSING
    shown = f"{number(value, digits)} ({number(low, digits)} to {number(high, digits)})"
    return f"{shown} {unit}" if unit else shown


def estimate(given: Estimate | None, *, digits: int = 0, unit: str = "") -> str:
    """An Estimate as ``interval`` writes it."""
    return MISSING if given is None else interval(given.value, given.low, given.high, digits=digits, unit=unit)


def grade(given: int | None) -> str:
    """'none', 'grade 2', or a dash without a grade."""
    return MISSING if given is None else "none" if given == 0 else f"grade {given}"


def percent(given: Estimate | None) -> str:
    """'29.0 % (25.5 to 36.6)' from an Estimate between 0 and 1."""
    if given is None or given.value != given.value:
        return MISSING
    return f"{100 * given.value:.1f} % ({100 * given.low:.1f} to {100 * given.high:.1f})"


def points(given: Estimate | None) -> str:
    """'+3.2 points (-0.4 to +6.8)' from a difference of shares between -1 and 1."""
    if given is None or given.value != given.value:
        return MISSING
    return f"{100 * given.value:+z.1f} points ({100 * given.low:+z.1f} to {100 * given.high:+z.1f})"


def difference(given: Estimate | None, *, digits: int) -> str:
    """'+3.2 (-0.4 to +6.8)': a difference with its interval, signs written out."""
    if given is None or given.value != given.value:
        return MISSING
    return f"{given.value:+z.{digits}f} ({given.low:+z.{digits}f} to {given.high:+z.{digits}f})"


def figure(name: str) -> str:
    """'Bias, mg/cm³', 'Pearson r': a figure of agreement with its unit if it has one."""
    return f"{name}, {UNIT}" if name in IN_MG_CM3 else name


def figure_digits(name: str) -> int:
    """Decimal places of a figure of agreement."""
    return 1 if name in IN_MG_CM3 else 3


def levels(given: Sequence[Level]) -> str:
    """'L1-L4' for neighbours without a gap, else 'L1, L2, L4'; '' for none."""
    if len(given) > 2 and int(given[-1]) - int(given[0]) == len(given) - 1:
        return f"{given[0].name}-{given[-1].name}"
    return ", ".join(level.name for level in given)


def share(part: int, whole: int) -> str:
    """'12 of 80 (15 %)'."""
    return f"{part:,} of {whole:,} ({100 * part / whole:.0f} %)" if whole else f"{part:,}"


def counted(count: int, one: str, many: str = "") -> str:
    """'1 patient', '2 patients'."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def time_left(seconds: float | None) -> str:
    """'about 40 s', '12 min', '3 h 05 min', or 'not yet known'."""
    if seconds is None:
        return "not yet known"
    if seconds < 90:
        return f"about {max(5, round(seconds / 5) * 5)} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {minutes // 60} h {minutes % 60:02d} min"


def moment(at: datetime | None) -> str:
    """'24 Nov 2026, 02:13' in this machine's time, or a dash."""
    if at is None:
        return MISSING
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    local = aware.astimezone()
    return f"{local.day} {local:%b %Y, %H:%M}"


def day(on: date | None) -> str:
    """'24 Nov 2026', or a dash."""
    return MISSING if on is None else f"{on.day} {on:%b %Y}"


def short_key(key: str) -> str:
    """The first eight characters of a keyed hash, enough to tell patients apart on a screen."""
    return key[:8]


def sentence(text: str) -> str:
    """The text with a capital first letter, its other letters as they are."""
    return text[:1].upper() + text[1:]


def clauses(*sentences: str) -> str:
    """The sentences as one, joined by semicolons: a capital remains at the start of a name ('L3', 'HU', 'Z-score')."""
    parts = [text.rstrip(".") for text in sentences if text]
    is_word = [len(part) > 1 and (part[1].islower() or part[1] == " ") for part in parts]
    return "; ".join(part[0].lower() + part[1:] if w else part for part, w in zip(parts, is_word, strict=True))


def site(key: str) -> str:
    """'site 3f2a91' for an institution's keyed hash."""
    return f"site {key[:6]}"


def due(at: datetime | None, now: datetime) -> str:
    """'12 Mar 2026, in 3 working days', '5 Mar 2026, 2 working days overdue', or a dash if nothing is due."""
    if at is None:
        return MISSING
    on, today = at.astimezone().date(), now.astimezone().date()
    days = working_days(today, on)
    counts = counted(abs(days), "working day") if days else ""
    if at < now:
        return f"{day(on)}, " + (f"{counts} overdue" if days else "overdue since today" if on == today else "overdue")
    return f"{day(on)}, " + (f"in {counts}" if days else "due today" if on == today else "due at the weekend")


def p_value(p: float) -> str:
    """'= 0.032', or '< 0.001'."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"
