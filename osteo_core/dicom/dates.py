"""Dates and ages as DICOM and people write them."""

from __future__ import annotations

import math
import re
from datetime import date
from functools import lru_cache

from osteo_core.dicom.values import Source, State, shown, text

#: Greater ages are not believed: '999Y' or a birth in 1850 is left by de-identification.
_OLDEST_YEARS = 120
_YEARS_PER_UNIT = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
#: (0010,1010) is three digits and a unit; people write fewer digits, spaces, small letters, words, or no unit.
_AGE = re.compile(r"(?P<number>\d{1,3}(?:[.,]\d+)?) ?(?P<unit>[YMWD])?(?:EARS?|RS?|ONTHS?|EEKS?|AYS?)?")
_AGE_YEARS = re.compile(r"(?P<number>\d{1,3}) ?(?:JAHRE?|ANS|ANOS|ANNI)")
_DATES = (
    re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:\d{2,6}(?:\.\d*)?)?"),
    re.compile(r"(?P<y>\d{4})[-./](?P<m>\d{1,2})[-./](?P<d>\d{1,2})(?:[ T].*)?"),
    re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})"),
)


def day(source: Source, keyword: str) -> date | None:
    """A date; None where it is blank or ambiguous (03/01/2026)."""
    return _day(text(source, keyword))


@lru_cache(maxsize=4096)
def _day(stated: str) -> date | None:
    for pattern in _DATES:
        found = pattern.fullmatch(stated)
        if found:
            try:
                return date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                return None
    return None


def age_years(source: Source) -> float | None:
    """Age at the study from (0010,1010), else from birth date and study date; None if neither is plausible."""
    stated = _age(text(source, "PatientAge"))
    return age_by_dates(source) if stated is None else stated


def age_by_dates(source: Source) -> float | None:
    """Age at the study from birth date and study date; None if one is missing or the age is not plausible.

    In whole years, as people and (0010,1010) state it; below one year with its fraction.
    """
    born, scanned = day(source, "PatientBirthDate"), day(source, "StudyDate")
    if born is None or scanned is None or scanned < born:
        return None
    whole = scanned.year - born.year - ((scanned.month, scanned.day) < (born.month, born.day))
    years = whole or (scanned - born).days / 365.25
    return years if years <= _OLDEST_YEARS else None


def as_age(years: float) -> str:
    """An age as DICOM writes it; below one year in months or days, because '000Y' is a mark of de-identification."""
    if years >= 1 or years <= 0:
        return f"{int(years):03d}Y"
    months = int(12 * years)
    return f"{months:03d}M" if months else f"{max(1, int(365.25 * years)):03d}D"


def age_state(source: Source) -> tuple[State, str]:
    """The state of (0010,1010), and its text where it does not follow the standard."""
    stated = text(source, "PatientAge")
    if not stated or re.fullmatch(r"0+[YMWD]?", stated):
        return State.MISSING, ""
    if re.fullmatch(r"\d{3}[YMWD]", stated):
        return (State.CLEAN, "") if _age(stated) is not None else (State.UNREADABLE, shown(stated))
    return (State.MENDED if _age(stated) is not None else State.UNREADABLE), shown(stated)


@lru_cache(maxsize=4096)
def _age(stated: str) -> float | None:
    # '000Y' is left by de-identification; an infant's age is given in days, weeks or months.
    found = _AGE.fullmatch(stated.upper())
    number = float(found["number"].replace(",", ".")) if found else 0.0
    if found and number:
        whole = math.floor(number) if number >= 1 else number  # fractions matter only for infants
        years = whole * _YEARS_PER_UNIT[found["unit"] or "Y"]
    else:
        named = _AGE_YEARS.fullmatch(stated.upper())
        years = float(named["number"]) if named else 0.0
    return years if 0 < years <= _OLDEST_YEARS else None
