"""The version of the measuring code, set by hand and verified by a hash of the code.

Every result has a MEASURING_VERSION. It must be increased if measurements change; series whose results have another
version are then measured again. A test compares the hash below with the code; comments, docstrings and layout do not
count.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

MEASURING_VERSION = "9"
#: `measuring_hash()` of the code that MEASURING_VERSION names.
MEASURING_SHA256 = "cf2d7cf41d8f01673ec1e05808089866d4a95253cf941ca1df9430211d7a3eaf"

_HERE = Path(__file__).parent
#: Code that determines values, intervals, grades, categories or reasons. Tables beside the code count too.
_MEASURING = ("limits", "density", "morphometry", "assessment", "pipeline.py")
_TABLES = (".json", ".csv", ".toml")


def measuring_hash() -> str:
    """SHA-256 over the current measuring code and its tables."""
    places = [_HERE / name for name in _MEASURING]
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*"))]
    return code_hash(file for file in files if file.suffix in (".py", *_TABLES))


def code_hash(files: Iterable[Path]) -> str:
    """SHA-256 over these files: Python by its syntax tree without docstrings, other files by their bytes.

    The order of the files does not matter; their names do.
    """
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda path: path.as_posix()):
        content = file.read_bytes()
        meaning = tree_text(content.decode("utf-8")).encode() if file.suffix == ".py" else content
        digest.update(f"{file.parent.name}/{file.name}\0{len(meaning)}\0".encode())
        digest.update(meaning)
    return digest.hexdigest()


def tree_text(source: str) -> str:
    """The syntax tree of Python source as text, without comments and docstrings, the same for every Python version.

    Raises SyntaxError if it is not valid Python.
    """
    return "".join(_written(ast.parse(source)))


def _written(node: object) -> Iterator[str]:
    """The parts of the text of a node; empty fields are left out, since newer Python versions have more of them."""
    if isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for name, value in ast.iter_fields(node):
            if value is None or value == [] or name in ("ctx", "type_comment", "kind"):
                continue
            yield f" {name}="
            yield from _written(_without_docstring(value) if name == "body" else value)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for one in node:
            yield from _written(one)
        yield "]"
    else:
        yield f"{node!r};"


def _without_docstring(body: object) -> object:
    """A body without its docstring; the body of a lambda or conditional expression is a single node."""
    if isinstance(body, list) and body and _is_text(body[0]):
        return body[1:]
    return body


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
