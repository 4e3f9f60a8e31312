"""Which layer may import which (ARCHITECTURE: 'Who may import whom'); a new one fails here and needs a decision."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.house.sources import ROOT, imports_of, lies_in, sources

WALLS = tuple(
    f"osteo_core.{wall}"
    for wall in (
        *("terms", "limits", "settings", "measuring", "records", "outcomes", "errors", "events"),
        *("archive_formats", "children", "whole_files"),
    )
)
IMAGING = (*WALLS, "osteo_core.imaging")
ROOMS = ("dicom", "segmentation", "density", "morphometry", "assessment", "statistics", "programme", "pseudonyms")
WAY = (*IMAGING, *(f"osteo_core.{room}" for room in ROOMS))

#: The longest matching name decides; a module may also import from its own package.
MAY_IMPORT = {
    **dict.fromkeys(WALLS, WALLS),
    "osteo_core.pseudonyms": WALLS,
    "osteo_core.archives": (*WALLS, "osteo_core.imaging.files"),
    "osteo_core.imaging": (*IMAGING, "osteo_core.archives"),
    "osteo_core.tables": (*WALLS, "osteo_core.pseudonyms"),
    "osteo_core.dicom": (*IMAGING, "osteo_core.archives", "osteo_core.pseudonyms", "osteo_core.tables"),
    "osteo_core.segmentation": (*IMAGING, "osteo_core.dicom"),
    "osteo_core.morphometry": IMAGING,
    "osteo_core.density": (*IMAGING, "osteo_core.morphometry", "osteo_core.statistics", "osteo_core.tables"),
    "osteo_core.assessment": (*IMAGING, "osteo_core.density", "osteo_core.morphometry"),
    "osteo_core.statistics": WALLS,
    "osteo_core.programme": (*WALLS, "osteo_core.statistics"),
    "osteo_core.columns": WALLS,
    # The composition and arithmetic of a phantom's rods are the same everywhere; nothing else of density is shared.
    "osteo_core.simulate": (*IMAGING, "osteo_core.pseudonyms", "osteo_core.density.calibration.known_phantoms"),
    "osteo_core.pipeline": WAY,
    "osteo_core.review": (*WAY, "osteo_core.archives", "osteo_core.pipeline", "osteo_core.tables"),
    # A reader's signed results, as DICOM objects on the source's own slices.
    "osteo_core.exchange": (*IMAGING, "osteo_core.archives", "osteo_core.dicom", "osteo_core.review", "osteo_core"),
    "osteo_core.__main__": (*WALLS, "commands"),
    "commands": ("osteo_core", "db", "models"),
    "commands.cluster": WALLS,
    "models": (*IMAGING, "osteo_core.statistics"),
    "models.given_masks": (*IMAGING, "models", "osteo_core.segmentation"),
    "db": (*WALLS, "osteo_core.archives", "osteo_core.pseudonyms", "osteo_core.columns", "osteo_core.programme"),
    "pages": ("osteo_core",),
    "pages.ui.services": ("osteo_core", "commands", "db", "models", "pages"),
    "app": ("osteo_core", "pages"),
    "training": ("osteo_core", "commands", "models", "db"),
    "benchmarks": ("osteo_core", "commands", "models", "db", "training"),
    "benchmarks.crash.app": ("osteo_core", "db", "benchmarks", "tests.browser.server"),
    # Simulated users and a PACS, started in the same way as in the tests.
    "benchmarks.load": (
        *("osteo_core", "db", "commands", "benchmarks"),
        *("tests.browser.server", "tests.builders", "pages.ui.services.chromium"),
    ),
}

#: Each third-party package has one home.
HOMES = {
    "streamlit": ("app", "pages", "benchmarks.load.session"),  # a simulated tab speaks its protocol
    "plotly": ("pages",),
    "kaleido": ("pages.ui.services",),
    "itkwidgets": (),
    "torch": ("models", "training", "benchmarks"),
    "monai": ("models", "training", "benchmarks"),
    "safetensors": ("models", "training", "benchmarks"),
    "duckdb": ("db",),
    "cryptography": ("db.identities",),
    "openpyxl": ("osteo_core.tables",),
    "skimage": ("osteo_core.review",),
    "pydicom": (
        "osteo_core.dicom",
        "osteo_core.simulate",
        "osteo_core.exchange",
        "commands.pacs",
        "benchmarks.indexing",
    ),
    "highdicom": ("osteo_core.exchange",),
    "pynetdicom": ("commands.pacs", "commands.pacs_line"),
    "dask": ("commands.cluster",),
    "distributed": ("commands.cluster",),
}
OWN = ("osteo_core", "commands", "db", "models", "pages", "app", "training", "benchmarks", "tests")


def rule_for(module: str) -> tuple[str, tuple[str, ...]]:
    room = max((name for name in MAY_IMPORT if lies_in(module, (name,))), key=len)
    return room, MAY_IMPORT[room]


@pytest.mark.parametrize(("module", "path"), list(sources()), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_keep_to_the_layers(module: str, path) -> None:
    if module == "osteo_core":
        assert imports_of(path) <= {"__future__.annotations"}
        return
    room, allowed = rule_for(module)
    own = {name for name in imports_of(path) if name.split(".")[0] in OWN}
    assert {name for name in own if not lies_in(name, (*allowed, room))} == set()


@pytest.mark.parametrize(("module", "path"), list(sources()), ids=lambda value: value if isinstance(value, str) else "")
def test_third_parties_stay_at_home(module: str, path) -> None:
    names = {name.split(".")[0] for name in imports_of(path)} & set(HOMES)
    assert {name for name in names if not lies_in(module, HOMES[name])} == set()


def test_the_reader_of_imports_sees_deferred_ones(tmp_path) -> None:
    source = tmp_path / "module.py"
    source.write_text("import a.b\n\ndef f():\n    from c import d\n")
    assert imports_of(source) == {"a.b", "c.d"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    modules = dict(sources())
    graph = {name: _imported_on_loading(path, modules) - {name} for name, path in modules.items()}
    assert len(graph) > 100
    TopologicalSorter(graph).prepare()  # raises CycleError and names the modules


def _imported_on_loading(path: Path, modules: dict[str, Path]) -> set[str]:
    """Own modules that a file imports at its top level; imports inside functions cannot form a circle."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else node.module for name in names}
    return found & modules.keys()


def test_limits_hold_no_logic() -> None:
    files = sorted((ROOT / "osteo_core" / "limits").glob("*.py"))
    logic = (ast.FunctionDef, ast.Lambda, ast.If, ast.For, ast.comprehension)
    found = [(path.name, node) for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    assert len(files) > 5
    assert [(name, node) for name, node in found if isinstance(node, logic)] == []
