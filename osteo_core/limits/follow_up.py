"""Times within which a flagged patient must be followed up, and the bands of the indicators."""

from __future__ import annotations

from osteo_core.limits.limit import Limit

REVIEW_WORKING_DAYS = Limit(
    value=5,
    unit="working days from the flag",
    source="design: one week on a list",
    date="2026-11-25",
    beyond="the review of a flag is overdue",
)
ASSESSMENT_WEEKS = Limit(
    value=12,
    unit="weeks from the flag",
    source="IOF, FFN and NOF key performance indicators 3-5, Javaid 2020, Osteoporos Int 31:1193",
    date="2020",
    beyond="assessment, DXA or falls assessment is overdue",
)
TREATMENT_WEEKS = Limit(
    value=16,
    unit="weeks from the flag",
    source="IOF, FFN and NOF key performance indicators 7-9, Javaid 2020, Osteoporos Int 31:1193",
    date="2020",
    beyond="start of treatment or its first contact is overdue",
)
PERSISTENCE_WEEKS = Limit(
    value=52,
    unit="weeks from the flag",
    source="IOF, FFN and NOF key performance indicator 10, Javaid 2020, Osteoporos Int 31:1193",
    date="2020",
    beyond="the contact at 12 months is overdue",
)
INDICATOR_RED_BELOW = Limit(
    value=0.50,
    unit="share of the patients whose clock has run out",
    source="Javaid 2020, Osteoporos Int 31:1193",
    date="2020",
    beyond="below: red",
)
INDICATOR_GREEN_ABOVE = Limit(
    value=0.80,
    unit="share of the patients whose clock has run out",
    source="Javaid 2020, Osteoporos Int 31:1193",
    date="2020",
    beyond="above: green, else amber; for advice of treatment green begins at 0.50",
)
