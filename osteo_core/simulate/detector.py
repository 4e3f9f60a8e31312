"""The effects of the scanner on the true HU: slice profile, kernel, correlated noise, its own calibration error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from osteo_core.simulate.scanners import Acquisition
from osteo_core.simulate.shapes import Array

#: Spatial frequency in 1/mm at which an edge-enhancing kernel amplifies most.
_EDGE_FREQUENCY = 0.35


def slice_profile(hu: Array, thickness_over_step: float) -> Array:
    """Average along z over slices thicker than the step; unchanged up to a ratio of 1."""
    if thickness_over_step <= 1.0:
        return hu
    side = np.float32((thickness_over_step - 1.0) / 2 / thickness_over_step)
    padded = np.concatenate([hu[:1], hu, hu[-1:]])
    found: Array = (1 - 2 * side) * hu + side * (padded[:-2] + padded[2:])
    return found


def transfer(frequency: NDArray[np.floating], scan: Acquisition) -> Array:
    """Modulation transfer function of the kernel at spatial frequencies in 1/mm."""
    blur = np.exp(-2.0 * (np.pi * scan.kernel.blur_mm * frequency) ** 2)
    lift = (frequency / _EDGE_FREQUENCY) ** 2 * np.exp(1 - (frequency / _EDGE_FREQUENCY) ** 2)
    return np.asarray(blur * (1.0 + scan.kernel.edge * lift), dtype=np.float32)


def expose(hu: Array, trunk: Array, scan: Acquisition, rng: np.random.Generator, *, gain: float, added: Array) -> Array:
    """The image that the scanner makes of ``hu`` (z, y, x): HU times ``gain``, plus ``added`` HU (y, x).

    ``trunk`` (z, 1, 1) scales the noise by the amount of body in each slice. The noise has the ramp of filtered
    backprojection times the kernel's transfer function, and neighbouring slices share a part of it.
    """
    _, ny, nx = hu.shape
    frequency = np.hypot(np.fft.fftfreq(ny, scan.pixel_mm)[:, None], np.fft.rfftfreq(nx, scan.pixel_mm)[None, :])
    mtf = transfer(frequency, scan)
    ramp = np.sqrt(frequency + 0.01).astype(np.float32) * mtf
    noise = rng.standard_normal(hu.shape, dtype=np.float32)
    spectrum = fft.rfft2(noise, axes=(1, 2))
    spectrum *= ramp
    noise = fft.irfft2(spectrum, s=(ny, nx), axes=(1, 2))
    noise[1:] += np.float32(0.3) * noise[:-1]
    noise *= (scan.noise_hu * scan.kernel.noise / float(noise.std())) * trunk
    spectrum = fft.rfft2(hu, axes=(1, 2))
    spectrum *= mtf
    image = fft.irfft2(spectrum, s=(ny, nx), axes=(1, 2))
    image *= np.float32(gain)
    image += added
    image += noise
    found: Array = image
    return found


def outside_field(rows: int, columns: int) -> NDArray[np.bool_]:
    """(rows, columns) True outside the round field of view inscribed in the image."""
    y = (np.arange(rows) - (rows - 1) / 2)[:, None] / (rows / 2)
    x = (np.arange(columns) - (columns - 1) / 2)[None, :] / (columns / 2)
    return np.asarray(x * x + y * y > 1.0)
