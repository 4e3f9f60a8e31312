"""Limits of the trabecular region of interest: its place, its size and what must not lie in it."""

from __future__ import annotations

from osteo_core.limits.limit import Limit

ROI_MINIMUM = Limit(
    value=1.0,
    unit="ml",
    source="design: the median of a smaller region rests on too little bone",
    date="2026-11-24",
    beyond="level excluded",
)
ROI_SURFACE_MARGIN = Limit(
    value=4.5,
    unit="mm",
    source="design: keeps out cortex, its partial volume and the error of the mask",
    date="2026-11-24",
    beyond="nearer to the body's surface: not trabecular region",
)
ROI_ENDPLATE_MARGIN = Limit(
    value=5.0,
    unit="mm",
    source="design: endplate, its slice blur up to 5 mm slices, and the mask's error",
    date="2026-11-24",
    beyond="nearer to an endplate: not trabecular region",
)
ROI_POSTERIOR_SHARE = Limit(
    value=0.33,
    unit="of the body's depth",
    source="design: leaves out the posterior third, where the basivertebral vein enters",
    date="2026-11-24",
    beyond="further back: not trabecular region",
)
ROI_SD_MAXIMUM = Limit(
    value=150.0,
    unit="HU about the mean over 5 mm",
    source="design: noise and texture of soft and standard kernels stay below 90 HU",
    date="2026-11-25",
    beyond="level excluded for streaks",
)
TRABECULAR_HU_LOW = Limit(
    value=-100.0,
    unit="HU",
    source="design: fatty marrow without mineral",
    date="2026-11-24",
    beyond="level excluded",
)
TRABECULAR_HU_HIGH = Limit(
    value=500.0,
    unit="HU",
    source="design: above lies sclerosis, cement or metal",
    date="2026-11-24",
    beyond="level excluded",
)
LEVEL_DIFFERENCE_HU = Limit(
    value=60.0,
    unit="HU",
    source="design: levels of one patient differ by about 10 HU; sclerosis and haemangioma by more",
    date="2026-11-24",
    beyond="level excluded as unlike the others",
)
METAL_HU = Limit(
    value=2500.0,
    unit="HU",
    source="design: above cortical bone",
    date="2026-11-24",
    beyond="level excluded as metal",
)
METAL_VOLUME = Limit(
    value=0.02,
    unit="ml",
    source="design: more than a few stray voxels",
    date="2026-11-24",
    beyond="level excluded as metal",
)
CEMENT_HU = Limit(
    value=700.0,
    unit="HU",
    source="design: bone cement with barium or zirconium is 1000-2500 HU, trabecular bone at 80 kVp up to 500",
    date="2026-11-25",
    beyond="counts as cement where it lies in the trabecular region",
)
CEMENT_VOLUME = Limit(
    value=0.2,
    unit="ml",
    source="design: more than cortex that a wrong outline lets in",
    date="2026-11-25",
    beyond="level excluded as cemented",
)
DARK_FOCUS_HU = Limit(
    value=80.0,
    unit="HU below the region's median, mean over 5 mm",
    source="design: noise and texture average to 10-15 HU over 5 mm",
    date="2026-11-25",
    beyond="counts as a dark focus",
)
SCLEROTIC_FOCUS_HU = Limit(
    value=120.0,
    unit="HU above the region's median, mean over 5 mm",
    source="design: noise and texture average to 10-15 HU over 5 mm; endplates reach in a little",
    date="2026-11-25",
    beyond="counts as a sclerotic focus",
)
FOCUS_VOLUME = Limit(
    value=0.5,
    unit="ml",
    source="design: a twentieth of a lumbar region; smaller ones hardly move a median",
    date="2026-11-25",
    beyond="level excluded as focal",
)
