"""Exceptions: errors of code, machine or caller. Properties of a scan are data (outcomes.py).

OsteoError
├── UsageError            the caller requested something that cannot be done (exit code 2)
│   ├── TableError        a table that a person made cannot be read, or rows of it are refused
│   └── SourceGoneError   the source files of a series are missing or unknown
├── SettingsError         a setting is missing, unknown or outside its range
├── WeightsError          weights are missing or their SHA-256 does not match the model card
├── StoreError            the store cannot be opened, is newer than this program, or is damaged
│   └── StoreOwnedError   another process owns the store
├── StatisticsError       a statistic cannot be computed from these data; the message is shown to users
├── PictureError          a figure or report could not be rendered to a file: no browser, or it failed
├── WorkersLostError      worker processes kept dying, not because of a single series
└── BrokenPromiseError    a bug: an invariant that this program guarantees did not hold

Messages never name a patient; they state what was expected, what was found and what to do.
"""


class OsteoError(Exception):
    """Base of all errors raised on purpose by this program."""


class UsageError(OsteoError):
    """The caller requested something that cannot be done."""


def needs_author(what: str) -> UsageError:
    """The error for ``what`` ('a note') without an author."""
    return UsageError(f"{what} needs an author: type your name or initials")


class TableError(UsageError):
    """A table that a person made cannot be read, or rows of it are refused."""


class SourceGoneError(UsageError):
    """The source files of a series are missing or unknown."""


class SettingsError(OsteoError):
    """A setting is missing, unknown or outside its range."""


class WeightsError(OsteoError):
    """Weights are missing or do not match the model card."""


class StoreError(OsteoError):
    """The store cannot be opened, is newer than this program, or is damaged."""


class StoreOwnedError(StoreError):
    """Another process owns the store."""


class StatisticsError(OsteoError):
    """A statistic cannot be computed from these data; pages show the message in its place."""


class PictureError(OsteoError):
    """A figure or report could not be rendered to a file: there is no browser, or it failed."""


class WorkersLostError(OsteoError):
    """Worker processes kept dying, not because of a single series."""


class BrokenPromiseError(OsteoError):
    """A bug: an invariant that this program guarantees did not hold."""
