"""Reports series unlike the others of their scanner, once the store holds enough of them.

A worker sees one series; only the store sees its scanner. So the comparison runs at the end of ``analyze``, on what the
store has taken in by then, and a series that differs is assessed again with one more caution.
"""

from __future__ import annotations

from dataclasses import replace

from scipy import special

from commands import store_access, write_results
from commands.analysis_job import Job
from commands.recalibrate import under_models
from commands.stored_results import measured_of
from db.moments import in_order
from osteo_core.assessment.against_scanner import Peers, scanner_doubt
from osteo_core.limits.header import SCANNER_FALSE_ALARMS, SCANNER_SERIES
from osteo_core.outcomes import Caution, CautionCode
from osteo_core.pipeline import judge


def compare_scanners(job: Job) -> int:
    """Store new results with a caution for series unlike the others of their scanner; returns how many.

    Results with rods under the back and those of other models are left unchanged: they cannot be assessed again from
    the store alone. Running it twice adds no second caution.
    """
    n_doubted = 0
    with store_access.reading(job.out_dir) as reader:
        if reader is None:
            return n_doubted
        rows = reader.query(
            "scanner_outliers",
            least=int(SCANNER_SERIES.value),
            spread=-float(special.ndtri(SCANNER_FALSE_ALARMS.value / 2.0)),  # Student's limit is never narrower
            code=CautionCode.UNLIKE_SCANNER,
        ).to_pylist()
        doubts: dict[str, Caution] = {}
        for row in rows:
            peers = Peers(n=row["n"], mean_hu=row["mean_hu"], sd_hu=row["sd_hu"])
            if (doubt := scanner_doubt(row["apart_hu"], peers)) is not None:
                doubts[row["series_key"]] = doubt
        stored = reader.query("stored_results", series_keys=list(doubts), **under_models(job)).to_pylist()
    for row in stored:
        measured = measured_of(row)
        if measured is None:
            continue
        key = measured.series.series_key
        doubted = replace(measured, cautions=(*measured.cautions, doubts[key]))
        judged = judge(doubted, settings=job.settings, setup=job.setup)
        result = replace(judged, seconds=row["result"]["seconds"] or 0.0, finished_at=in_order(job.out_dir))
        write_results.rows_to_store(result, job.of(result.series))
        n_doubted += 1
    return n_doubted
