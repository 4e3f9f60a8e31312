"""Which site a series comes from: the institution its header names, or the name that a table of the site's own gives.

The table (CSV in UTF-8 with a header row, named by settings.site_table) has the columns what, value and site: ``what``
is institution (0008,0080), station (0008,1010), serial number (0018,1000) or folder. The first row that fits counts;
letters' case does not. A site is stored as its keyed hash, so that no name leaves with an export; whoever has table and
key sees the names.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from osteo_core.errors import SettingsError
from osteo_core.pseudonyms import Pseudonyms

COLUMNS = ("what", "value", "site")


class What(StrEnum):
    """What of a series a row of the table looks at."""

    INSTITUTION = "institution"
    STATION = "station"
    SERIAL_NUMBER = "serial number"
    FOLDER = "folder"


@dataclass(frozen=True, kw_only=True)
class SiteRule:
    """One row: where ``what`` is ``value`` (for a folder: lies in it), the series comes from ``site``."""

    what: What
    value: str
    site: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is known of where a series comes from; blank where the header does not say."""

    file: Path
    institution: str = ""
    station: str = ""
    serial_number: str = ""


def read_sites(table: str) -> tuple[SiteRule, ...]:
    """The rows of the table, none without a table. Raises SettingsError naming the row that cannot be used."""
    if not table:
        return ()
    try:
        with Path(table).open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = sorted(set(COLUMNS) - set(reader.fieldnames or ()))
            if missing:
                raise SettingsError(f"site table {table} lacks the columns {missing}; expected {list(COLUMNS)}")
            return tuple(_rule(row, number, table) for number, row in enumerate(reader, start=2))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"site table {table} cannot be read as CSV ({type(error).__name__}); mend it") from error


def _rule(row: dict[str, str | None], number: int, table: str) -> SiteRule:
    what, value, site = ((row[name] or "").strip() for name in COLUMNS)
    if what.lower() not in set(What) or not value or not site:
        raise SettingsError(
            f"site table {table}, row {number}: 'what' must be one of {', '.join(What)}, and 'value' and 'site' be "
            f"filled in; found {what!r}, {value!r}, {site!r}"
        )
    return SiteRule(what=What(what.lower()), value=value, site=site)


def site_of(source: Source, rules: Sequence[SiteRule]) -> str:
    """The site's name by the first rule that fits, else the institution as the header names it, '' without one."""
    for rule in rules:
        if _fits(rule, source):
            return rule.site
    return source.institution


def _fits(rule: SiteRule, source: Source) -> bool:
    if rule.what is What.FOLDER:
        return Path(rule.value).resolve() in source.file.resolve().parents
    stated = {
        What.INSTITUTION: source.institution,
        What.STATION: source.station,
        What.SERIAL_NUMBER: source.serial_number,
    }[rule.what]
    return stated.strip().casefold() == rule.value.casefold()


def site_key(site: str, pseudonyms: Pseudonyms) -> str | None:
    """The keyed hash of a site's name, the same whatever the case of its letters; None without a name."""
    return pseudonyms.site(site.upper()) if site.strip() else None
