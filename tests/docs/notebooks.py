"""Run a notebook of docs/ as a reader would, and return what it printed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "docs" / "notebooks"


def run_notebook(name: str, *, environment: Mapping[str, str] | None = None, timeout_s: int = 300) -> str:
    """All text printed and shown by the cells; raises CellExecutionError if one fails."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not [cell for cell in notebook.cells if cell.get("outputs")], "notebooks are kept without output"
    client = NotebookClient(notebook, timeout=timeout_s, resources={"metadata": {"path": str(NOTEBOOKS)}})
    with mock.patch.dict(os.environ, dict(environment or {})):
        client.execute()
    return "\n".join(
        output.get("text") or str(output.get("data", {}))
        for cell in notebook.cells
        for output in cell.get("outputs", ())
    )
