"""The published cut as a command: whole vertebrae in, bodies out, and their overlap with existing ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from osteo_core.imaging.nifti import read_nifti_labels, write_nifti
from tests.builders.segs import whole_spine
from tests.builders.spines import grid
from training.bodies import dice, main

GRID = grid(spacing_mm=(1.5, 1.5, 2.0), extent_mm=(84.0, 111.0, 160.0), centre_mm=(0.0, 15.0, 0.0))


def test_bodies_are_cut_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, whole, bodies = whole_spine(GRID)
    write_nifti(tmp_path / "whole.nii.gz", whole, GRID)
    write_nifti(tmp_path / "bodies.nii.gz", bodies, GRID)
    given = ["--whole", str(tmp_path / "whole.nii.gz"), "--out", str(tmp_path / "out.nii.gz")]
    with pytest.raises(SystemExit, match="its numbers have no names"):
        main(given)
    main([*given, "--tool", "verse", "--against", str(tmp_path / "bodies.nii.gz")])
    found, geometry = read_nifti_labels(tmp_path / "out.nii.gz")
    assert geometry.is_close(GRID)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["L1", "L2", "L3", "L4"]
    assert min(float(line.split()[-1]) for line in lines) > 0.95
    assert dice(found, np.asarray(bodies), 20) > 0.95
