"""Callbacks and fragments run outside app.py's error handling: each must report its own (pages/ui/shared/faults.py)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.sources import ROOT, sources

PAGES = [(name, path) for name, path in sources("pages") if ".services" not in name]
#: Callbacks that are Streamlit's own.
FOREIGN = {"st.login"}


def is_in_words(node: ast.AST) -> bool:
    """Whether a node is ``in_words(...)``, as a decorator or around a function."""
    while isinstance(node, ast.Call):
        node = node.func
    return isinstance(node, ast.Name) and node.id == "in_words"


def uncovered(tree: ast.Module) -> Iterator[ast.expr]:
    """Every callback, fragment and dialog whose errors Streamlit would show in its own box."""
    nodes = list(ast.walk(tree))
    covered = {
        node.name for node in nodes if isinstance(node, ast.FunctionDef) and any(map(is_in_words, node.decorator_list))
    } | {
        ast.unparse(target)
        for node in nodes
        if isinstance(node, ast.Assign) and is_in_words(node.value)
        for target in node.targets
    }
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            marks = [one for one in node.decorator_list if ast.unparse(one).startswith(("st.fragment", "st.dialog"))]
            yield from (one for one in marks if node.name not in covered)
        if not isinstance(node, ast.Call):
            continue
        if ast.unparse(node.func).startswith(("st.dialog(", "st.fragment(")):
            yield from (one for one in node.args if ast.unparse(one) not in covered and not is_in_words(one))
        for keyword in node.keywords:
            given = keyword.value
            is_callback = (keyword.arg or "").startswith("on_") and not isinstance(given, ast.Constant | ast.Lambda)
            if is_callback and ast.unparse(given) not in covered | FOREIGN and not is_in_words(given):
                yield given


@pytest.mark.parametrize(("module", "path"), PAGES, ids=lambda value: value if isinstance(value, str) else "")
def test_every_callback_and_fragment_says_its_faults_in_words(module: str, path: Path) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{one.lineno} {ast.unparse(one)}" for one in uncovered(ast.parse(path.read_text()))
    ]
    assert found == [], "put in_words() around these"


@pytest.mark.parametrize(("module", "path"), PAGES, ids=lambda value: value if isinstance(value, str) else "")
def test_every_fragment_looks_at_the_sign_in(module: str, path: Path) -> None:
    """A fragment runs by itself, even after the user has signed out in another window."""
    parts = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    marks = {node.name: [ast.unparse(one) for one in node.decorator_list] for node in parts}
    fragments = {name: own for name, own in marks.items() if any(one.startswith("st.fragment") for one in own)}
    assert [name for name, own in fragments.items() if own[-1] != "while_signed_in"] == []


def test_the_reader_of_callbacks_sees_them() -> None:
    source = """
@st.fragment
def part(): st.button("a", on_click=go, on_change="rerun")
@st.fragment(run_every=1)
@in_words(draw_fault)
def other(): st.button("a", on_click=in_words()(go))
@in_words()
def kept(): st.button("a", on_click=kept, on_select=services.go)
st.dialog("a")(show)
"""
    assert sorted(map(ast.unparse, uncovered(ast.parse(source)))) == ["go", "services.go", "show", "st.fragment"]
