"""What a worker must know about a run, small enough to send with every task."""

from __future__ import annotations

import functools
import hashlib
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from commands.cluster import runs
from osteo_core.density.calibration.setup import CalibrationSetup
from osteo_core.measuring import MEASURING_VERSION
from osteo_core.outcomes import Exclusion
from osteo_core.pipeline import joint_hash
from osteo_core.records import Regressor, Segmenter, Series, SeriesResult, Volume
from osteo_core.segmentation.bodies import CUT_VERSION
from osteo_core.segmentation.find_masks import MaskFiles, MaskFolder, find_masks, refused
from osteo_core.segmentation.masks import frame_of_reference
from osteo_core.segmentation.naming import MaskTool
from osteo_core.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Models:
    """The models of a run by name: ``segmenter`` is 'module:function', called once in each worker process.

    ``model_hash`` is the segmenter's, known without loading anything: it decides which series are done already. In a
    run with external ``masks``, ``of`` gives for a series its ``mask``, or why there is none, and the mask's own hash.
    ``regressor`` is 'module:function' too, empty for a run without one.
    """

    segmenter: str
    model_hash: str
    masks: MaskFolder | None = None
    mask: MaskFiles | Exclusion | None = None
    mask_hash: str = ""
    regressor: str = ""
    regressor_hash: str = ""

    @property
    def outline_hash(self) -> str:
        """Hash of what outlines the bodies."""
        return self.mask_hash or self.model_hash

    @property
    def run_hash(self) -> str:
        """Hash of a whole run, whichever mask each of its series has."""
        return joint_hash(self.model_hash, self.regressor_hash)

    @property
    def result_hash(self) -> str:
        """Hash under which results are stored."""
        return joint_hash(self.outline_hash, self.regressor_hash)

    @property
    def is_mask_replaced(self) -> bool:
        """Whether the mask of this series is no longer the one whose hash the result has. Raises OSError."""
        return isinstance(self.mask, MaskFiles) and self.mask.model_hash() != self.mask_hash

    def of(self, series: Series) -> Models:
        """The models of one series: small enough to send to a worker."""
        if self.masks is None:
            return self
        return self.with_mask(self.masks.mask_of(series))

    def with_mask(self, mask: MaskFiles | Exclusion) -> Models:
        """The models of the series that this mask belongs to, or that has no mask."""
        try:
            own = mask.model_hash() if isinstance(mask, MaskFiles) else ""
        except OSError as error:
            mask, own = refused(f"a file of it cannot be read ({error.strerror})"), ""
        return replace(self, masks=None, mask=mask, mask_hash=own)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run: where results go, under which settings, site tables (``setup``) and models, and what writes them.

    ``out_dir`` is the store, or the folder of ``process``; ``deliver`` is a function of a module, so
    that it pickles. ``run_id`` names the folder in which attempts are noted. ``own``: the models of each series, by
    its key, where these differ. ``draw``: what makes a reader's pictures ahead of time, where there are readers.
    """

    run_id: str
    out_dir: Path
    settings: Settings
    setup: CalibrationSetup
    models: Models
    deliver: Callable[[SeriesResult, Job], None]
    own: Mapping[str, Models] = field(default_factory=dict)
    draw: Callable[[Job, Volume, SeriesResult], None] | None = None

    def of(self, series: Series) -> Job:
        """The job as sent to a worker with one series."""
        return replace(self, models=self.own.get(series.series_key, self.models), own={})

    @property
    def running_dir(self) -> Path:
        """Folder where workers note what they have begun."""
        return runs.folder_of(self.out_dir, self.run_id)

    def work_key(self, series: Series) -> str:
        """Key of the work on one series: the same for every run that would give the same result."""
        stamp = f"_{series.files_stamp}" if series.files_stamp else ""
        return f"{series.series_key}{stamp}_{self.models.result_hash}_{self.setup.settings_hash}_{MEASURING_VERSION}"


def default_models() -> Models:
    """The models shipped with this program; reads their cards, does not import torch."""
    from models.registry import model_hash

    segmenter = model_hash("vertebra_segmentation")
    return _with_regressor(Models(segmenter="models.registry:load_segmenter", model_hash=segmenter))


def _with_regressor(models: Models) -> Models:
    """The same models and, once it is released, the network that reads vBMD beside the calibration."""
    from models.registry import MODELS, REGRESSION, model_hash

    if not MODELS[REGRESSION].released:
        return models
    return replace(models, regressor="models.registry:load_regressor", regressor_hash=model_hash(REGRESSION))


def models_of(settings: Settings) -> Models:
    """The models chosen in the settings.

    Raises UsageError for an engine that is not installed; the sentence says how to install it.
    """
    if settings.masks:
        tool = MaskTool(settings.mask_tool)
        digest = hashlib.sha256(f"masks\0{CUT_VERSION}\0{tool}".encode()).hexdigest()[:12]
        masks = find_masks(Path(settings.masks).resolve(), tool)
        return _with_regressor(Models(segmenter="", model_hash=digest, masks=masks))
    if settings.engine == "totalsegmentator":
        from models.given_masks.totalsegmentator import installed

        return _with_regressor(Models(segmenter="models.given_masks.totalsegmentator:load", model_hash=installed()[1]))
    return default_models()


def naming_files(models: Models) -> Models:
    """The same models; why a series has no mask is then told by names of files, which results beside them may hold."""
    return models if models.masks is None else replace(models, masks=replace(models.masks, tells_names=True))


def own_models(
    series: Iterable[Series], models: Models, known: Mapping[str, Models] = MappingProxyType({})
) -> dict[str, Models]:
    """The models of each series, by its key; empty if all series use the same ones.

    ``known``: those found earlier in this run; their masks are not read again.
    """
    if models.masks is None:
        return {}
    return {
        key: known[key] if key in known and known[key].mask == mask else models.with_mask(mask)
        for key, mask in models.masks.masks_of(series).items()
    }


def segmenter_for(series: Series, models: Models) -> Segmenter | Exclusion:
    """The segmenter of this series, or the reason why there is none."""
    if models.mask is None:
        return load_segmenter(models.segmenter)
    if isinstance(models.mask, Exclusion):
        return models.mask
    from models.given_masks.segmenter import MaskSegmenter

    frame = frame_of_reference(series)
    return MaskSegmenter(models.mask, model_hash=models.outline_hash, frame_of_reference_uid=frame)


@functools.cache
def load_segmenter(reference: str) -> Segmenter:
    """The segmenter that ``reference`` names, made once per process."""
    segmenter: Segmenter = _made(reference)
    return segmenter


@functools.cache
def load_regressor(reference: str) -> Regressor | None:
    """The regressor that ``reference`` names, made once per process; None if it names none."""
    regressor: Regressor | None = _made(reference) if reference else None
    return regressor


def _made(reference: str) -> Any:
    module, _, function = reference.partition(":")
    return getattr(importlib.import_module(module), function)()
