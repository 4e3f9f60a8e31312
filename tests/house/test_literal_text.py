"""No text from files or people reaches a page as Markdown: text is written in the code, a number, or ``literal``.

Checked on the sources: every argument that Streamlit draws as Markdown is traced back to its parts. Where that is not
possible (a parameter, an attribute, a call), the text must pass through pages/ui/shared/literal.py.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.sources import ROOT, sources

#: Calls that draw Markdown, with the positions of those arguments, and argument names that are Markdown in any call.
DRAWN = {
    **dict.fromkeys(("markdown", "caption", "title", "header", "subheader", "error", "warning", "info"), (0,)),
    **dict.fromkeys(("success", "toast", "badge", "button", "download_button", "expander", "popover", "dialog"), (0,)),
    **dict.fromkeys(("selectbox", "multiselect", "text_input", "text_area", "number_input", "date_input"), (0,)),
    **dict.fromkeys(("toggle", "checkbox", "file_uploader", "draw_empty", "heading", "spinner", "status"), (0,)),
    **dict.fromkeys(("segmented_control", "pills", "radio"), (0, 1)),
    **dict.fromkeys(("tabs", "table"), (0,)),
    "metric": (0, 1, 2),
    **dict.fromkeys(("page_link", "link", "progress"), ()),
}
MARKDOWN_NAMES = {"label", "help", "text", "body", "delta", "captions"}
#: Objects with methods of the same names that draw nothing.
NOT_STREAMLIT = {"wording"}
#: Functions that build their text from numbers, days, keyed hashes and words of the vocabulary.
SAFE_CALLS = {
    "literal", "literal_cells", "literal_code", "literal_in_figure", "len", "number", "interval", "estimate", "difference", "grade", "percent", "levels", "share",
    "counted", "time_left", "moment", "day", "short_key", "site", "due", "p_value",
}  # fmt: skip
#: Calls and methods that add no text of their own.
PASSING_CALLS = {"sentence", "str", "list", "dict", "sorted", "max", "min", "enumerate", "zip", "tabs"}
PASSING_METHODS = {"join", "get", "items", "values", "partition", "rstrip", "strip", "lower", "upper", "fromkeys"}
#: Attributes that hold an enum's value, a number or text of the program's own, on whatever object
#: they are read from; ``card`` is a model's card, which is kept with the code.
SAFE_ATTRIBUTES = {"value", "UNIT", "RESEARCH_USE", "SIMULATED", "MISSING", "BROWSER_NEEDED", "card"}


class Scope:
    """The functions around an expression, in which the values of names are looked up."""

    def __init__(self, tree: ast.Module, *, is_script: bool) -> None:
        self.tree, self.is_script = tree, is_script
        self.parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}

    def values_of(self, name: str, node: ast.AST) -> list[ast.expr] | None:
        """Every value assigned to the name in the nearest function that assigns it; None if that is not known."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.FunctionDef | ast.Module):
                found = list(_given(name, node))
                if isinstance(node, ast.FunctionDef) and name in _parameters(node):
                    if node.name in DRAWN:  # its arguments are checked where it is called
                        return found
                    called = self._called_with(name, node)
                    return None if called is None else [*found, *called]
                if found:
                    return found
        return None

    def _called_with(self, name: str, function: ast.FunctionDef) -> list[ast.expr] | None:
        """The arguments that this module passes; None for a function that is also called elsewhere, or never."""
        if not (self.is_script or function.name.startswith("_")):
            return None
        place = _parameters(function).index(name)
        calls = [
            n for n in ast.walk(self.tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == function.name
        ]
        named = [one.value for call in calls for one in call.keywords if one.arg == name]
        return [*named, *(call.args[place] for call in calls if place < len(call.args))] or None


def _parameters(function: ast.FunctionDef) -> list[str]:
    return [one.arg for one in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]


def _names(target: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def _given(name: str, scope: ast.FunctionDef | ast.Module) -> Iterator[ast.expr]:
    """The values assigned to the name in this scope, unpacked into it or looped over."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and any(
            name in _names(t) for t in node.targets if not isinstance(t, ast.Subscript)
        ):
            yield node.value
        elif (
            isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr)
            and name in _names(node.target)
            and node.value
        ):
            yield node.value
        elif isinstance(node, ast.For | ast.comprehension) and name in _names(node.target):
            yield node.iter


#: Expressions whose text is that of their parts.
PARTS: dict[type[ast.expr], tuple[str, ...]] = {
    **dict.fromkeys((ast.JoinedStr, ast.BoolOp), ("values",)),
    **dict.fromkeys((ast.List, ast.Tuple, ast.Set), ("elts",)),
    **dict.fromkeys((ast.GeneratorExp, ast.ListComp), ("elt",)),
    **dict.fromkeys((ast.Starred, ast.Subscript), ("value",)),
    ast.IfExp: ("body", "orelse"),
    ast.Dict: ("keys", "values"),
    ast.BinOp: ("left", "right"),
}


def is_literal(node: ast.expr | None, scope: Scope, depth: int = 0) -> bool:
    """Whether all text of this expression is the program's own, a number, or made literal."""
    if isinstance(node, ast.Constant | ast.Compare) or node is None:
        return True
    parts = _parts(node, scope) if depth < 12 else None
    return parts is not None and all(is_literal(one, scope, depth + 1) for one in parts)


def _parts(node: ast.expr, scope: Scope) -> list[ast.expr] | None:
    """The expressions that this one takes its text from: empty if it is our own; None if that is not known."""
    match node:
        case ast.FormattedValue(value=value, format_spec=spec):
            return [] if _is_number(spec) else [value]
        case ast.Attribute(attr=attr):
            return [] if attr in SAFE_ATTRIBUTES or attr.isupper() else None
        case ast.Name(id=name):
            return [] if name[0].isupper() else scope.values_of(name, node)
        case ast.Call():
            return _called_parts(node)
    if type(node) not in PARTS:
        return None
    found = [getattr(node, field) for field in PARTS[type(node)]]
    return [one for part in found for one in (part if isinstance(part, list) else [part]) if one is not None]


def _called_parts(node: ast.Call) -> list[ast.expr] | None:
    name = _name_of(node.func)
    if name in SAFE_CALLS:
        return []
    if name in PASSING_CALLS:
        return node.args
    if name in PASSING_METHODS and isinstance(node.func, ast.Attribute):
        return [node.func.value, *node.args[name == "get" :]]
    return None


def _name_of(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def _is_number(spec: ast.expr | None) -> bool:
    """Whether this is a format that Python accepts only for a number or a day."""
    words = "".join(str(one.value) for one in getattr(spec, "values", ()) if isinstance(one, ast.Constant))
    return words[-1:] in tuple(",fgdeY%") and bool(words)


def drawn(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Every expression that Streamlit draws as Markdown, with the name of the call."""
    for node in ast.walk(tree):
        name = _name_of(node.func) if isinstance(node, ast.Call) else ""
        if not isinstance(node, ast.Call) or name not in DRAWN or _source(node.func) in NOT_STREAMLIT:
            continue
        if any(one.arg == "format_func" and _name_of(one.value) in SAFE_CALLS for one in node.keywords):
            continue
        yield from ((name, node.args[place]) for place in DRAWN[name] if place < len(node.args))
        yield from ((name, one.value) for one in node.keywords if one.arg in MARKDOWN_NAMES)


def _source(func: ast.expr) -> str:
    while isinstance(func, ast.Attribute):
        func = func.value
    return func.id if isinstance(func, ast.Name) else ""


PAGES = [(name, path) for name, path in sources("pages") if ".services" not in name]


@pytest.mark.parametrize(("module", "path"), PAGES, ids=lambda value: value if isinstance(value, str) else "")
def test_text_from_files_and_people_is_drawn_literally(module: str, path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    scope = Scope(tree, is_script=module.count(".") == 1)
    found = [
        f"{path.relative_to(ROOT)}:{one.lineno} {call}: {ast.unparse(one)}"
        for call, one in drawn(tree)
        if not is_literal(one, scope)
    ]
    assert found == [], "draw these through pages/ui/shared/literal.py"


def test_every_table_has_a_name_and_leaves_unknown_values_blank() -> None:
    # Without a placeholder the front end writes "None" for an unknown value.
    for _, path in PAGES:
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        for call in calls:
            if (name := _name_of(call.func)) in ("dataframe", "data_editor", "table") and _source(call.func) == "st":
                given = {one.arg: ast.unparse(one.value) for one in call.keywords}
                where = f"{path.relative_to(ROOT)}:{call.lineno}"
                assert name == "table" or given.get("placeholder") == "''", f"{where}: placeholder must be empty"
                assert "alt" in given, f"{where}: the table has no name for a screen reader"
