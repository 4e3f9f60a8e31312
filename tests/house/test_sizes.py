"""Small files, short functions, few parameters, a docstring on every module (STYLE: what to avoid)."""

from __future__ import annotations

import ast

import pytest

from tests.house.sources import sources

FILE_LINES = 300
#: One file holds all records: together they show everything that passes between the steps.
LONGER = {"osteo_core.records": 560}
BODY_LINES = 60
POSITIONAL = 5
CODE = ("osteo_core", "commands", "db", "models", "pages")


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


@pytest.mark.parametrize(
    ("module", "path"), list(sources(*CODE)), ids=lambda value: value if isinstance(value, str) else ""
)
def test_sizes(module: str, path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert len(text.splitlines()) <= LONGER.get(module, FILE_LINES)
    assert not text.strip() or ast.get_docstring(tree), "a module says what it holds"
    assert {f.name: body_lines(f) for f in functions if body_lines(f) > BODY_LINES} == {}
    assert {f.name for f in functions if len(f.args.posonlyargs) + len(f.args.args) > POSITIONAL} == set()


@pytest.mark.parametrize(
    ("module", "path"), list(sources(*CODE)), ids=lambda value: value if isinstance(value, str) else ""
)
def test_no_assert_and_no_bare_except(module: str, path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    assert [node.lineno for node in nodes if isinstance(node, ast.Assert)] == []
    assert [node.lineno for node in nodes if isinstance(node, ast.ExceptHandler) and node.type is None] == []
