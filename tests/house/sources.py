"""The project's own Python sources and their imports, read without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("osteo_core", "commands", "db", "models", "pages", "training", "benchmarks")


def sources(*packages: str) -> Iterator[tuple[str, Path]]:
    """(dotted module name, path) of every source file of these packages, and app.py with ``pages``."""
    for package in packages or PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path
    if not packages or "pages" in packages:
        yield from ((path.stem, path) for path in [ROOT / "app.py"] if path.exists())


def imports_of(path: Path) -> set[str]:
    """Every module imported by the file, deferred imports included, as dotted names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def lies_in(name: str, rooms: tuple[str, ...]) -> bool:
    """Whether a dotted name is one of the packages or is inside one."""
    return any(name == room or name.startswith(room + ".") for room in rooms)
