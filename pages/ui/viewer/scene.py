"""A 3D scene of the outlined bodies as one HTML page: itkwidgets' front end, without a kernel.

Run in a process of its own, for itkwidgets takes seconds to import: ``python -m pages.ui.viewer.scene``
with the paths as JSON on standard input, so that no path shows among the processes.

    {"ct": "..._ct.nii.gz", "mask": "..._mask.nii.gz", "out": "..._scene.html"}
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813

from osteo_core.errors import UsageError
from osteo_core.terms import Level

#: A border around the outlined bodies, and the largest grid that a browser without a graphics card still turns.
_MARGIN_MM = 12.0
_LARGEST = 96
_INSIDE_HU = (300.0, 900.0)
_OUTSIDE_HU = -300

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Vertebral bodies in 3D</title>
<style>html, body {{ margin: 0; background: #12161c; color: #e6eaf0; font-family: sans-serif; }}
.legend {{ position: fixed; right: 0.8rem; bottom: 0.8rem; display: grid; gap: 0.25rem; font-size: 0.85rem; }}
.legend i {{ display: inline-block; width: 0.7rem; height: 0.7rem; border-radius: 2px; margin-right: 0.4rem; }}</style>
<script src="/api/asset/require.js"></script>
<script>requirejs.config({{paths: {{"itkwidgets": "/api/nb/itkwidgets/index",
  "jupyter-datawidgets": "/api/nb/jupyter-datawidgets/index"}}}});</script>
<script src="/api/asset/embed-amd.js"></script>
<script type="application/vnd.jupyter.widget-state+json">{state}</script>
<script>
  // The front end opens with its panel over the picture; it is put away once, and stays a click away.
  const watch = setInterval(() => {{
    const toggle = document.querySelector('[class*="toggleUserInterfaceButton"]')
    if (toggle) {{ clearInterval(watch); toggle.click() }}
  }}, 300)
</script>
</head><body data-base-url="/api/nb/">{views}<div class="legend" aria-label="Levels">{legend}</div></body></html>
"""
_LEGEND = '<span><i style="background: {colour}"></i>{name}</span>'
_VIEW = '<script type="application/vnd.jupyter.widget-view+json">{}</script>'


def _grid(mask: sitk.Image) -> sitk.Image:
    """An empty image, axis-aligned and even, that holds the outlined bodies with a border."""
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(mask > 0)
    if not shape.GetLabels():
        raise UsageError("the mask is empty: there is no vertebral body to show in 3D")
    start, size = shape.GetBoundingBox(1)[:3], shape.GetBoundingBox(1)[3:]
    ends = [[start[a] - 0.5, start[a] + size[a] - 0.5] for a in range(3)]
    corners = [
        mask.TransformContinuousIndexToPhysicalPoint((x, y, z)) for x in ends[0] for y in ends[1] for z in ends[2]
    ]
    low = [min(c[a] for c in corners) - _MARGIN_MM for a in range(3)]
    extent = [max(c[a] for c in corners) + _MARGIN_MM - low[a] for a in range(3)]
    step = max(1.0, max(extent) / _LARGEST)
    grid = sitk.Image([max(2, round(e / step)) for e in extent], sitk.sitkInt16)
    grid.SetOrigin(low)
    grid.SetSpacing((step, step, step))
    return grid


def reduce_to_bodies(ct: sitk.Image, mask: sitk.Image) -> tuple[sitk.Image, sitk.Image]:
    """CT (HU, int16) of the bodies alone and mask (uint8) on an even grid of at most 96 voxels a side.

    Outside the bodies lies the lowest value, inside HU are kept between limits: the front end draws the
    whole range of values, and so what it draws is the bodies.
    """
    grid = _grid(mask)
    voxels = sitk.Resample(ct, grid, sitk.Transform(), sitk.sitkLinear, -1024.0, sitk.sitkInt16)
    labels = sitk.Resample(mask, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    inside = sitk.Clamp(voxels, sitk.sitkInt16, _INSIDE_HU[0], _INSIDE_HU[1])
    return _centred(sitk.Mask(inside, labels, outsideValue=_OUTSIDE_HU)), _centred(labels)


def _centred(image: sitk.Image) -> sitk.Image:
    """The image with its middle at the origin: far from it the front end's camera misses the bodies."""
    image.SetOrigin([-(n - 1) * s / 2 for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)])
    return image


def camera_of(image: sitk.Image) -> list[list[float]]:
    """Position, focal point and up (LPS mm) of an eye in front of the spine and to its left."""
    size, spacing = image.GetSize(), image.GetSpacing()
    centre = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in size])
    reach = max(n * s for n, s in zip(size, spacing, strict=True))
    return [[centre[0] + 1.3 * reach, centre[1] - 1.7 * reach, centre[2] + 0.4 * reach], list(centre), [0.0, 0.0, 1.0]]


def legend(labels: sitk.Image) -> str:
    """Which colour is which level: the front end has its own table (Glasbey's) and deals it out in order of number."""
    import colorcet

    present = [int(n) for n in np.unique(sitk.GetArrayViewFromImage(labels)) if n]
    return "".join(
        _LEGEND.format(colour=colour, name=Level(number).name)
        for number, colour in zip(present, colorcet.glasbey, strict=False)
    )


def _as_itk(image: sitk.Image) -> Any:
    import itk

    converted = itk.image_from_array(sitk.GetArrayFromImage(image))
    converted.SetOrigin(image.GetOrigin())
    converted.SetSpacing(image.GetSpacing())
    return converted


def scene_page(ct: sitk.Image, mask: sitk.Image) -> str:
    """The HTML page for a reduced CT and its mask."""
    from ipywidgets.embed import dependency_state, embed_data
    from itkwidgets import view

    viewer = view(
        _as_itk(ct),
        label_image=_as_itk(mask),
        label_image_blend=0.9,
        gradient_opacity=0.0,
        shadow=False,
        sample_distance=0.9,
        channels=[True],
        ui_collapsed=True,
        background=(0.07, 0.086, 0.11),
        camera=np.array(camera_of(ct), dtype=np.float32),
    )
    data = embed_data(views=[viewer], state=dependency_state([viewer]))
    views = "".join(_VIEW.format(_script_safe(spec)) for spec in data["view_specs"])
    return _PAGE.format(state=_script_safe(data["manager_state"]), views=views, legend=legend(mask))


def _script_safe(value: Any) -> str:
    return json.dumps(value).replace("</", "<\\/")


def main() -> int:
    """Build the page that standard input asks for."""
    asked = json.load(sys.stdin)
    ct, mask = reduce_to_bodies(sitk.ReadImage(asked["ct"]), sitk.ReadImage(asked["mask"], sitk.sitkUInt8))
    out = Path(asked["out"])
    temporary = out.with_name(f".{out.name}")
    temporary.write_text(scene_page(ct, mask), encoding="utf-8")
    temporary.replace(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
