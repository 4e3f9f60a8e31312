"""An HTML summary of a run of ``process``: measurements, refusals with reasons, pictures of the masks.

The page loads no external content, and every text from files is escaped. It names series as in the files beside it.
"""

from __future__ import annotations

import base64
import html
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import ndimage

from commands.write_results import MASKS, mask_name
from osteo_core.archives import count_changed
from osteo_core.dicom.volume import read_volume
from osteo_core.imaging.nifti import read_nifti_labels
from osteo_core.imaging.png import png_of
from osteo_core.imaging.resample import canonical
from osteo_core.outcomes import Exclusion
from osteo_core.records import Series, Volume
from osteo_core.terms import Status
from osteo_core.whole_files import write_text

PAGE = "summary.html"
#: Each picture reads its series again, so only this many are drawn; the page says how many are not.
MOST_PICTURES = 30
_WINDOW_HU = (-150.0, 450.0)
_OUTLINE = (255, 170, 40)
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1b1f24;
  background: #fff } h2 { margin-top: 2.2rem } table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #d5d9de; vertical-align: top }
td { overflow-wrap: break-word } td:first-child { overflow-wrap: anywhere; min-width: 9rem }
figure { display: inline-block; margin: .6rem 1.2rem .6rem 0 }
figcaption { font-size: 13px; max-width: 24rem; overflow-wrap: anywhere } img { max-height: 22rem; background: #000 }
.note { border-left: 4px solid #b36b00; padding: .3rem .8rem; background: #fff6e6 }
@media (prefers-color-scheme: dark) { body { color: #e6e8eb; background: #14171a } td, th { border-color: #3a4048 }
  .note { background: #2b2210 } }
"""


def write_summary(out_dir: Path, series: Sequence[Series], tables: Mapping[str, pa.Table]) -> Path:
    """The page of a run, from the tables that ``process`` wrote and the masks beside them."""
    rows = {kind: table.to_pylist() for kind, table in tables.items()}
    measured = [row for row in rows["series"] if row["status"] == Status.MEASURED]
    by_uid = {one.series_instance_uid: one for one in series}
    drawn = [
        figure
        for row in measured[:MOST_PICTURES]
        if (figure := _figure(out_dir, by_uid.get(row["series_instance_uid"]), row))
    ]
    path = out_dir / PAGE
    write_text(path, _page(rows, measured, drawn))
    return path


def _page(rows: Mapping[str, list[dict[str, Any]]], measured: list[dict[str, Any]], drawn: list[str]) -> str:
    counts = Counter(row["status"] for row in rows["series"])
    summary = ", ".join(f"{n} {status}" for status, n in sorted(counts.items())) or "no series found"
    refused = [row for row in rows["series"] if row["status"] != Status.MEASURED]
    left = len(measured) - len(drawn)
    note = f"<p>{left} more measured series have no picture here.</p>" if left > 0 else ""
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "img-src data:\"><meta name='viewport' content='width=device-width'>"
        f"<title>Summary of a run</title><style>{_STYLE}</style></head><body><h1>Summary of a run</h1>"
        "<p class='note'>Research use only. Not a medical device, not validated for clinical decisions.</p>"
        f"<p>Series: {_text(summary)}. Details are in the Parquet files beside this page.</p>"
        f"<h2>Measured</h2>{_measured(measured, rows)}"
        f"<h2>Refused, and why</h2>{_refused(refused, rows)}"
        f"<h2>Outlines</h2>{''.join(drawn) or '<p>None.</p>'}{note}</body></html>"
    )


def _measured(measured: Iterable[dict[str, Any]], rows: Mapping[str, list[dict[str, Any]]]) -> str:
    cells = [
        (
            _text(row["series_instance_uid"]),
            _text(row["category"] or ""),
            _vbmd(row),
            _text(row["calibration_name"] or "no calibration"),
            _sentences(rows["exclusions"], row),
            _sentences(rows["cautions"], row),
        )
        for row in measured
    ]
    return _table(("Series", "Category", "vBMD, mg/cm³ (95 %)", "Calibration", "Reasons", "Cautions"), cells)


def _refused(refused: Iterable[dict[str, Any]], rows: Mapping[str, list[dict[str, Any]]]) -> str:
    cells = [
        (_text(row["series_instance_uid"]), _text(row["status"]), _sentences(rows["exclusions"], row))
        for row in refused
    ]
    return _table(("Series", "Status", "Why"), cells)


def _table(head: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    if not cells:
        return "<p>None.</p>"
    top = "".join(f"<th scope='col'>{_text(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in cells)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _vbmd(row: Mapping[str, Any]) -> str:
    value, low, high = (row[f"mean_vbmd_{end}mg_cm3"] for end in ("", "low_", "high_"))
    return "" if value is None else f"{value:.0f} ({low:.0f} to {high:.0f})"


def _sentences(given: Iterable[dict[str, Any]], row: Mapping[str, Any]) -> str:
    own = [one for one in given if one["series_instance_uid"] == row["series_instance_uid"]]
    return "<br>".join(_text(_with_level(one["level"], one["sentence"])) for one in own)


def _with_level(level: str | None, sentence: str) -> str:
    """'L2: The field of view cuts ...'; the sentence alone if it is of no level or names it."""
    return f"{level}: {sentence}" if level and level not in sentence else sentence


def _text(text: object) -> str:
    return html.escape(str(text), quote=True)


def _figure(out_dir: Path, series: Series | None, row: Mapping[str, Any]) -> str:
    """The middle of the outlined bodies in sagittal and coronal view; '' if there is nothing to draw."""
    mask = out_dir / MASKS / mask_name(row["series_instance_uid"])
    if series is None or not mask.is_file():
        return ""
    volume = read_volume(series)
    if isinstance(volume, Exclusion) or count_changed(series.files, series.file_stamps):
        return ""
    image = _picture(volume, mask)
    if image is None:
        return ""
    alt = f"CT of {row['series_instance_uid']} with the outlined vertebral bodies"
    return (
        f"<figure><img alt='{_text(alt)}' src='data:image/png;base64,{base64.b64encode(image).decode()}'>"
        f"<figcaption>{_text(row['series_instance_uid'])}: {_text(row['category'] or 'no category')}, from the side "
        "and from the front</figcaption></figure>"
    )


def _picture(volume: Volume, mask: Path) -> bytes | None:
    labels, geometry = read_nifti_labels(mask)
    if labels.shape != volume.voxels_hu.shape or not labels.any():  # a corrected gantry tilt has another grid
        return None
    hu, grid = canonical(volume.voxels_hu, volume.geometry)
    own, _ = canonical(labels, geometry)
    if own.shape != hu.shape:
        return None
    x, y, _ = (round(float(middle)) for middle in ndimage.center_of_mass(own > 0))
    step = grid.spacing_mm
    views = [(hu[x], own[x], (step[1], step[2])), (hu[:, y], own[:, y], (step[0], step[2]))]
    tiles = [_tile(plane, outline, spacing) for plane, outline, spacing in views]
    height = min(len(tile) for tile in tiles)
    return png_of(np.concatenate([tile[:height] for tile in tiles], axis=1))


def _tile(plane: NDArray[Any], labels: NDArray[Any], spacing_mm: tuple[float, float]) -> NDArray[np.uint8]:
    """(rows from head to foot, columns, RGB) at 1 mm a pixel."""
    zoom = tuple(float(step) for step in spacing_mm)
    grey = ndimage.zoom(plane.astype(np.float32), zoom, order=1).T[::-1]
    outlined = ndimage.zoom(labels, zoom, order=0).T[::-1]
    low, high = _WINDOW_HU
    shade = (np.clip((grey - low) / (high - low), 0.0, 1.0) * 255).astype(np.uint8)
    rgb = np.repeat(shade[..., None], 3, axis=2)
    edge = ndimage.grey_dilation(outlined, size=3) != ndimage.grey_erosion(outlined, size=3)
    rgb[edge] = _OUTLINE
    return rgb
