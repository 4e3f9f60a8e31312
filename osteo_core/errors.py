"""Exceptions: what code, machine or caller did wrong. What a scan may be is data (outcomes.py).

OsteoError
├── UsageError            the caller asked for something that cannot be done (exit code 2)
│   ├── TableError        a table that a person made cannot be read, or rows of it are refused
│   └── SourceGoneError   the source files of a series are not where they were
├── SettingsError         a setting is missing, unknown or outside its range
├── WeightsError          weights are missing or their SHA-256 is not the card's
├── StoreError            the store cannot be opened, is newer than this program, or is damaged
│   └── StoreOwnedError   another process owns the store
├── StatisticsError       a statistic cannot be computed from these data; the sentence is for the reader
├── PictureError          a figure or a report could not be drawn as a file: no browser, or it ended badly
├── WorkersLostError      worker processes kept dying, and not over one series
└── BrokenPromiseError    the bug is ours: an invariant that this program guarantees did not hold

No message names a patient: state what was expected, what was found and what to do.
"""


class OsteoError(Exception):
    """Base of all errors raised on purpose by this program."""


class UsageError(OsteoError):
    """The caller asked for something that cannot be done."""


def needs_author(what: str) -> UsageError:
    """For ``what``, as 'a note', that nobody has put a name to."""
    return UsageError(f"{what} needs an author: type your name or initials")


class TableError(UsageError):
    """A table that a person made cannot be read, or rows of it are refused."""


class SourceGoneError(UsageError):
    """The source files of a series are not where they were, or not known."""


class SettingsError(OsteoError):
    """A setting is missing, unknown or outside its range."""


class WeightsError(OsteoError):
    """Weights are missing or are not the ones that the model card names."""


class StoreError(OsteoError):
    """The store cannot be opened, is newer than this program, or is damaged."""


class StoreOwnedError(StoreError):
    """Another process owns the store."""


class StatisticsError(OsteoError):
    """A statistic cannot be computed from these data, and why: pages show the sentence in its place."""


class PictureError(OsteoError):
    """A figure or a report could not be drawn as a file: there is no browser for it, or it ended badly."""


class WorkersLostError(OsteoError):
    """Worker processes kept dying, and not over one series."""


class BrokenPromiseError(OsteoError):
    """An invariant that this program guarantees did not hold: the bug is ours."""
