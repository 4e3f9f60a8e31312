"""How long a reader waits: making pictures, reading again, measuring again after a correction, storing outlines.

    python -m benchmarks.reader --store data/store [--series 3]

Times are those of this machine; the browser's own (drawing, loading surfaces) are printed by
``python -m docs.take_screenshots``.
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nibabel
import numpy as np

from db.columns import path_of
from db.connect import open_snapshot
from db.records import series_of
from osteo_core.dicom.volume import read_volume
from osteo_core.imaging.nifti import read_nifti_labels, write_nifti
from osteo_core.outcomes import Exclusion
from osteo_core.programme.cohort import CohortFilter
from osteo_core.records import CalibrationTissues, Series, Volume
from osteo_core.review.decisions import Decisions
from osteo_core.review.mask import mask_hash, read_sent_mask
from osteo_core.review.pictures import CONTEXT, CT, MASK, read_context, segmentation_of, write_pictures
from osteo_core.review.remeasure import ReviewCase, remeasure
from osteo_core.review.shown import to_source
from osteo_core.settings import Settings
from osteo_core.terms import ContrastPhase


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Print the wall time of the block and this process's CPU time: on a shared machine the rest is waiting."""
    began, worked = time.perf_counter(), time.process_time()
    yield
    print(f"  {name:<50} {time.perf_counter() - began:6.2f} s, CPU {time.process_time() - worked:6.2f} s")


def main() -> None:
    """Time each step for the first series of the worklist."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=Path("data/store"))
    parser.add_argument("--series", type=int, default=3)
    given = parser.parse_args()
    with open_snapshot(given.store) as store:
        listed = store.query(
            "worklist_order", cohort=CohortFilter(), sort="urgency", descending=False, limit=given.series
        ).to_pylist()
        for row in listed:
            (header,) = store.query("series_header", series_key=row["series_key"]).to_pylist()
            (found,) = store.query("patient", series_key=row["series_key"]).to_pylist()
            series = series_of({**header, "files": found["files"]})
            files = tuple(path_of(file) for file in found["files"])
            print(f"series of {series.n_slices} slices")
            _time(Series(**{**vars(series), "files": files}), given.store / "media" / found["mask_file"])


def _time(series: Series, mask: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with timed("source files read"):
            volume = read_volume(series)
        if isinstance(volume, Exclusion):
            print(f"  {volume.sentence}")
            return
        labels, _ = read_nifti_labels(mask)
        with timed("CT, mask, regions, surfaces, context made"):
            write_pictures(folder, "s", volume, segmentation_of(labels, volume.geometry))
        with timed("read again"):
            voxels = np.asanyarray(nibabel.load(folder / f"s{CT}").dataobj.get_unscaled())
            shown, geometry = read_nifti_labels(folder / f"s{MASK}")
            context = read_context(folder / f"s{CONTEXT}")
        case = ReviewCase(
            series=series,
            volume=Volume(voxels_hu=voxels, geometry=geometry),
            model=segmentation_of(shown, geometry),
            source_geometry=context.source,
            tissues=context.tissues or CalibrationTissues(),
            phase=ContrastPhase.UNKNOWN,
        )
        with timed("all levels measured, calibrated, graded, judged"):
            remeasure(case, shown, Decisions(), settings=Settings())
        changed = np.array(shown)
        level = int(np.unique(changed)[-2])
        changed[tuple(np.argwhere(changed == level)[0])] = 0
        with timed("again, one level corrected"):
            remeasure(case, changed, Decisions(), settings=Settings())
        ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.affine_lps
        sent = gzip.compress(nibabel.Nifti1Image(changed, ras).to_bytes(), compresslevel=1)
        with timed("outlines as a browser sends them checked, stored"):
            labels = read_sent_mask(sent, geometry)
            to_source(labels, geometry, context.source)
            mask_hash(labels, geometry)
            write_nifti(folder / "saved.nii.gz", labels, geometry)


if __name__ == "__main__":
    main()
