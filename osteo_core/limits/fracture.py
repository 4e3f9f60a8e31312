"""Limits of vertebral height loss (Genant) and of the endplate sign."""

from __future__ import annotations

from osteo_core.limits.limit import Limit

POSSIBLE_FRACTURE_LOSS = Limit(
    value=0.20,
    unit="of the height",
    source="Genant 1993, grade 1",
    date="1993",
    beyond="possible fracture",
)
MODERATE_FRACTURE_LOSS = Limit(
    value=0.25,
    unit="of the height",
    source="Genant 1993, grade 2",
    date="1993",
    beyond="fracture grade 2",
)
SEVERE_FRACTURE_LOSS = Limit(
    value=0.40,
    unit="of the height",
    source="Genant 1993, grade 3",
    date="1993",
    beyond="fracture grade 3",
)
HEIGHT_LOSS_ERROR = Limit(
    value=0.03,
    unit="of the height",
    source="design: measured losses err by 0.04 (SD, simulated 2-3 mm slices); 0.03 finds every grade 2 and 3 (29 of "
    "29) that 0.04 finds, and takes 9 of 21 of grade 1 for grade 2 in place of 15",
    date="2026-11-26",
    beyond="a loss this little below a boundary is graded as having reached it (grades 1 and 2)",
)
HEIGHT_STEP_TRUSTED = Limit(
    value=3.0,
    unit="mm",
    source="design: heights err twice as much on simulated 5 mm slices as on 2-3 mm ones",
    date="2026-11-25",
    beyond="a thicker step along the spine: each mm more takes 1 % off a loss before it is graded",
)
ENDPLATE_DEPRESSION = Limit(
    value=0.10,
    unit="of the middle height",
    source="design, after the algorithm-based qualitative reading (Jiang 2004): depressed central endplates",
    date="2026-11-25",
    beyond="beside a height loss: suggests an osteoporotic fracture; the grade stays",
)
