"""The examples in the docstrings of statistics and density are run, and every public statistic has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
from types import FunctionType

import pytest

from tests.house.sources import sources

MODULES = [
    name for name, _ in sources("osteo_core") if name.startswith(("osteo_core.statistics.", "osteo_core.density."))
]
#: Helpers of the statistics, and the jackknife's sums: their return values are no statistics by themselves.
WITHOUT = ("osteo_core.statistics.checks", "osteo_core.statistics.jackknife")


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert found.failed == 0


@pytest.mark.parametrize("name", [name for name in MODULES if "statistics" in name and name not in WITHOUT])
def test_every_statistic_has_an_example(name: str) -> None:
    module = importlib.import_module(name)
    public = [f for f in vars(module).values() if isinstance(f, FunctionType) and f.__module__ == name]
    named = [f for f in public if not f.__name__.startswith("_")]
    assert named
    assert [f.__name__ for f in named if ">>>" not in (inspect.getdoc(f) or "")] == []
