"""Literal text: rendered from the Markdown it is the original text, and nothing in it remains markup."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.ui.shared.literal import WORD_JOINER, literal, literal_cells, literal_code, literal_in_figure

_TEXTS = st.text(max_size=40) | st.text(alphabet="\\`*_[]()<>&$~|:#!+-.=1a w/@\n\t", max_size=30)


def read_back(markdown: str) -> str:
    """Escaped text as rendered by CommonMark: a backslash before punctuation disappears."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown).replace(WORD_JOINER, "")


def in_one_line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


@given(_TEXTS)
def test_the_text_comes_back(text: str) -> None:
    assert read_back(literal(text)) == in_one_line(text).replace(WORD_JOINER, "")


@given(_TEXTS)
def test_no_mark_is_left_without_its_backslash(text: str) -> None:
    left = re.sub(r"\\.", " ", literal(text))
    assert not set(left) & set("`*_[]<>&$~|")
    assert not re.search(r":[\w:/+-]", left)
    assert not re.match(r"[-+](\s|$)|#{1,6}(\s|$)|\d+[.)](\s|$)|(-\s*){3,}$", literal(text))


@given(_TEXTS)
def test_nothing_is_left_for_those_who_replace_after_markdown(text: str) -> None:
    shown = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", literal(text))
    assert not re.search(r":[\w+-]+:|https?://|www\.|[-.\w+]@[-\w]|(^|\s)(<->|->|<-|--|>=|<=|~=)(\s|$)", shown)


@given(_TEXTS)
def test_code_holds_the_text_between_longer_fences(text: str) -> None:
    found = literal_code(text)
    if in_one_line(text):
        fence = re.match("`+", found)
        assert fence is not None
        inside = found[len(fence[0]) : -len(fence[0])]
        assert fence[0] not in inside
        assert inside.strip() == in_one_line(text)
    else:
        assert found == ""


@given(_TEXTS)
def test_figures_get_entities_for_their_part_of_html(text: str) -> None:
    found = literal_in_figure(text)
    assert html.unescape(found) == html.unescape(html.escape(in_one_line(text), quote=False))
    assert not re.search(r"[<>]|%\{", found)


@pytest.mark.parametrize(
    "text",
    [
        "L1-L4 mean 71 mg/cm3 (64-78)",
        "SOMATOM Definition AS",
        "12 of 80 (15 %)",
        "0.823",
        "-3.5",
        "=1+1",
        "3 mm, kernel B30f · 4 Jun",
    ],
)
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert literal(text) == text


def test_cells_of_a_table() -> None:
    assert literal_cells([{"a": "*x*", "b": 3}]) == [{"a": "\\*x\\*", "b": "3"}]
