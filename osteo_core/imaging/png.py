"""Arrays as PNG files in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name that its own documentation uses
from numpy.typing import NDArray


def png_of(picture: NDArray[np.uint8]) -> bytes:
    """A greyscale (rows, columns) or RGB (rows, columns, 3) image as a PNG file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        image = sitk.GetImageFromArray(np.ascontiguousarray(picture), isVector=picture.ndim == 3)
        sitk.WriteImage(image, str(path))
        return path.read_bytes()
