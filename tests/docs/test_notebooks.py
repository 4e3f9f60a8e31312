"""The notebook is run unchanged: on a series of a store, and on a CT with its mask as files, both in itkwidgets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.reading import LEVELS, LOWERED, build_reading_store
from tests.house.sources import ROOT

NOTEBOOK = ROOT / "docs" / "notebooks" / "one_series.ipynb"
MISSING = "notebooks need ipykernel, nbclient and itkwidgets: pip install -r requirements-dev.txt"
for module in ("ipykernel", "itkwidgets"):
    pytest.importorskip(module, reason=MISSING)
nbformat = pytest.importorskip("nbformat", reason=MISSING)
nbclient = pytest.importorskip("nbclient", reason=MISSING)

#: Inspects the widget after the notebook's own cells.
LOOK = """
print("label values", sorted(set(map(int, np.unique(itk.array_view_from_image(view.label_image))))))
print("geometries", [one["metadata"]["name"] for one in view.geometries])
print("origin", [round(float(mm), 2) for mm in view.image.GetOrigin()])
print("inside", bool(np.all([shown.geometry.to_index(s.vertices_mm) > -3 for s in surfaces])))
"""


def test_the_notebook_holds_no_output() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")] == []
    assert NOTEBOOK.stat().st_size < 20_000


@pytest.mark.slow
def test_the_notebook_shows_ct_mask_and_surfaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (case,) = build_reading_store(tmp_path, spines=(LOWERED,))
    ct = str(case.result.series.files[0])
    (mask,) = (tmp_path / "store" / "media").glob("*_mask.nii.gz")
    for given in ({"OSTEO_STORE": str(tmp_path / "store")}, {"OSTEO_CT": ct, "OSTEO_MASK": str(mask)}):
        for name in ("OSTEO_STORE", "OSTEO_SERIES", "OSTEO_CT", "OSTEO_MASK"):
            monkeypatch.setenv(name, given.get(name, ""))
        said = run_notebook()
        assert f"label values {[0, *map(int, LEVELS)]}" in said
        assert f"geometries {[level.name for level in LEVELS]}"[:-1] in said
        assert "inside True" in said


def run_notebook() -> str:
    """The printed output of the notebook's cells run in order, and of LOOK."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(LOOK))
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    shown = notebook.cells[-2].outputs[-1]
    assert "application/vnd.jupyter.widget-view+json" in shown["data"], "the last cell shows the widget"
    return "".join(out["text"] for cell in notebook.cells if "outputs" in cell for out in cell.outputs if "text" in out)
