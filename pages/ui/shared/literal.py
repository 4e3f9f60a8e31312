"""Shows text from files and people literally: no Markdown, HTML, formula, colour, symbol, link or image.

``literal`` is for whatever Streamlit draws as Markdown (text, labels, help, toasts), ``literal_cells`` for st.table,
``literal_code`` for code spans, ``literal_in_figure`` for Plotly, which interprets some HTML in every label and hover
text. HTML pages use html.escape. tests/house/test_literal_text.py finds text drawn without one of them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping

#: Invisible and does not break lines. Streamlit replaces emoji, symbols, arrows and addresses after parsing Markdown,
#: where a backslash does not help; this character inside them prevents a match.
WORD_JOINER = "\u2060"
_MARKS = re.compile(r"([\\`*_\[\]<>&$~|]|:(?=[\w:/+-]))")
#: What would begin a list, a heading or a rule.
_AT_START = re.compile(r"[-+](?=\s|$)|-(?=[-\s]+$)|#{1,6}(?=\s|$)|\d{1,9}(?=[.)](\s|$))")
_REPLACED_LATER = (
    re.compile(r":(?=[\w+/-]+:)"),  # :smile:, :material/home:, :streamlit:
    re.compile(r"(?i)(?<=www)(?=\.)|(?<=http)(?=://)|(?<=https)(?=://)"),
    re.compile(r"(?<=[-.\w+])(?=@[-\w])"),
    re.compile(r"(?<=[<\-~>])(?=[-=>])"),  # ->, <-, <->, --, <=, >=, ~=
)


def literal(text: object) -> str:
    """``text`` as Markdown that shows it literally, in one line; control characters become spaces."""
    line = _one_line(text)
    for found in _REPLACED_LATER:
        line = found.sub(lambda match: match.group() + WORD_JOINER, line)
    marked = _MARKS.sub(r"\\\1", line)
    first = _AT_START.match(marked)
    if first is None:
        return marked
    at = first.end() if first.group()[0].isdigit() else 0
    return f"{marked[:at]}\\{marked[at:]}"


def literal_code(text: object) -> str:
    """``text`` as a code span of Markdown, whatever backticks it holds."""
    line = _one_line(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}" if line else ""


def literal_in_figure(text: object) -> str:
    """``text`` for labels, names and hover texts of Plotly figures."""
    return html.escape(_one_line(text), quote=False).replace("%{", "&#37;{")


def _one_line(text: object) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in str(text)).split())


def literal_cells(rows: Iterable[Mapping[str, object]]) -> list[dict[str, str]]:
    """Rows for st.table, whose cells are Markdown; unknown values are blank."""
    return [{name: "" if value is None else literal(value) for name, value in row.items()} for row in rows]
