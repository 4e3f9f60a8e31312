"""Faults in words: of a page, and of callbacks and fragments, which Streamlit runs outside app.py's error handling."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from osteo_core.errors import BrokenPromiseError, OsteoError
from pages.ui.shared import wording
from pages.ui.shared.literal import literal

_log = logging.getLogger("osteo.app")


def words_of(error: Exception, *, what: str = "This could not be done") -> str:
    """The message for an error; errors that this program raises on purpose already say what to do."""
    if isinstance(error, OsteoError):
        return f"{wording.sentence(str(error)).rstrip('.')}."
    if isinstance(error, OSError):
        return f"{what} ({error.strerror or type(error).__name__}). Try again once that is fixed."
    return (
        f"{what} ({type(error).__name__}). The log of the app has the details; the command "
        "'python -m osteo_core check' looks at store, models and environment."
    )


def say_fault(error: Exception) -> None:
    """Show it in a toast, which works on any page beside its content."""
    st.toast(literal(words_of(error)), icon=":material/error:")


def draw_fault(error: Exception) -> None:
    """Show it in place of the failed content."""
    st.error(literal(words_of(error, what="This could not be shown")), icon=":material/error:")


@contextmanager
def in_words(show: Callable[[Exception], None] = say_fault) -> Iterator[None]:
    """Wrap every callback (``@in_words()``) and every function below ``@st.fragment`` (``@in_words(draw_fault)``).

    A failure is shown by ``show`` and the page stays; otherwise Streamlit would draw its own error box.
    """
    try:
        yield
    except Exception as error:  # the border of one callback or fragment, as app.py is that of a page
        if isinstance(error, OSError):
            _log.error(
                "refused by this machine: %s", error.strerror or type(error).__name__
            )  # its text may name a file
        elif isinstance(error, BrokenPromiseError) or not isinstance(error, OsteoError):
            _log.exception("a callback or a part of a page failed")
        show(error)
