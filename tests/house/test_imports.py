"""Benchmarks and recipes that no other test runs can at least be imported: a renamed helper is found here."""

from __future__ import annotations

import importlib

import pytest

from tests.house.sources import sources


@pytest.mark.parametrize("module", [module for module, _ in sources("benchmarks", "training")])
def test_module_can_be_imported(module: str) -> None:
    assert importlib.import_module(module).__name__ == module
