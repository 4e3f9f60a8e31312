"""Benchmarks and recipes that no other test runs can at least be imported; each imported package is required."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from tests.house.sources import PACKAGES, ROOT, imports_of, sources


@pytest.mark.parametrize("module", [module for module, _ in sources("benchmarks", "training")])
def test_module_can_be_imported(module: str) -> None:
    assert importlib.import_module(module).__name__ == module


#: Optional: `tests.fuzz` uses it if it is installed.
OPTIONAL = {"atheris"}


def pinned(*files: str) -> set[str]:
    """Names of the packages in these requirements files, normalised as in PEP 503, extras (distributed) included."""
    lines = "\n".join((ROOT / file).read_text(encoding="utf-8") for file in files)
    heads = re.findall(r"^([A-Za-z0-9_.\[\]-]+)==", lines, re.MULTILINE)
    return {name.replace("_", "-").lower() for head in heads for name in re.split(r"[\[\]]", head) if name}


def not_required(paths: list[Path], required: set[str]) -> set[str]:
    """Packages that these files import but that are not required."""
    own = {*PACKAGES, *OPTIONAL, "app", "tests", "docs"} | set(sys.stdlib_module_names)
    tops = {name.partition(".")[0] for path in paths for name in imports_of(path)} - own
    homes = importlib.metadata.packages_distributions()
    return {
        top for top in tops if required.isdisjoint(name.replace("_", "-").lower() for name in homes.get(top, [top]))
    }


def test_what_the_program_imports_is_required() -> None:
    paths = [path for _, path in sources("osteo_core", "commands", "db", "models", "pages")]
    assert not_required(paths, pinned("requirements.txt")) == set()


def test_what_tests_and_benchmarks_import_is_required() -> None:
    paths = [path for folder in ("tests", "docs", "benchmarks", "training") for path in (ROOT / folder).rglob("*.py")]
    assert not_required(paths, pinned("requirements.txt", "requirements-dev.txt")) == set()
