"""``pairs``: calibration lines from the site's own pairs of CT and QCT, one per scanner model, voltage and kernel."""

from __future__ import annotations

import argparse
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from commands import store_access
from commands.command import Answer, Context, path_argument
from commands.recalibrate import judged_again
from commands.store_access import Query
from db.events import record
from db.moments import in_order
from db.site_lines import csv_text
from osteo_core.density.calibration.setup import read_setup
from osteo_core.errors import UsageError
from osteo_core.measuring import MEASURING_VERSION
from osteo_core.programme.site_line import PairsLine, Scanner, ScannerLine, line_event, scanner_lines, table_row
from osteo_core.settings import STORE_LINES, Settings, with_store_lines
from osteo_core.tables.formulas import guarded
from osteo_core.whole_files import write_text

#: Number of series of a scanner that a preview recalibrates, the latest ones.
_MOST_PREVIEWED = 2000


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a line would change: series of its scanner, those recalibrated to find out, and moves between categories.

    ``moved``: (category now, category then, series), for those whose category would be another.
    """

    series: int
    tried: int
    moved: tuple[tuple[str, str, int], ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "--out", type=path_argument, metavar="CSV", help="write the lines as a calibration table (a new file)"
    )
    parser.add_argument("--use", action="store_true", help="use these lines in this store from now on")
    parser.add_argument("--author", default="", help="who puts the lines into use; recorded, required with --use")
    parser.add_argument("--reason", default="", help="why; recorded")


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Fit and report; with ``--use`` record the lines, with ``--out`` write them as a calibration table."""
    settings = with_store_lines(context.settings)
    if arguments.out and arguments.out.exists():
        raise UsageError(f"{arguments.out} exists; name a new file, so that no line in use is overwritten")
    if arguments.use and not arguments.author.strip():
        raise UsageError("a line needs an author: add --author NAME")
    with store_access.store_to_read(settings.store) as reader:
        lines = scanner_lines(reader.query("qct_hu_pairs").to_pylist())
        found = [(one, preview(reader.query, one.scanner, one.line, settings) if one.line else None) for one in lines]
    usable = [(one.scanner, one.line) for one in lines if one.line is not None]
    if arguments.use:
        _check_one_mineral([scanner for scanner, _ in usable])
    written = []
    if arguments.out and usable:
        rows = [table_row(scanner, line, today=date.today()) for scanner, line in usable]
        write_text(arguments.out, csv_text({name: guarded(cell) for name, cell in row.items()} for row in rows))
        written.append(f"Written to {arguments.out}; set calibration_table to it and analyze again.")
    if arguments.use and usable:
        use_lines(settings.store, usable, author=arguments.author, reason=arguments.reason)
        written.append("The lines are in use; 'analyze' recalibrates measured series without segmenting them again.")
    return Answer(
        document={
            "lines": [_document(one, seen) for one, seen in found],
            "out": str(arguments.out) if arguments.out else None,
        },
        sentences=(
            *(_sentence(one, seen) for one, seen in found),
            *(() if lines else ("No native CT has a QCT value of the same patient; import some with 'reference'.",)),
            *written,
        ),
    )


def _check_one_mineral(scanners: Sequence[Scanner]) -> None:
    twice = [words for words, n in Counter(scanner.words for scanner in scanners).items() if n > 1]
    if twice:
        raise UsageError(
            f"{twice[0]} has a line in each of two minerals, and one line of a scanner counts; put the right one into "
            "use on the page Agreement, or withdraw the QCT values in the other mineral first"
        )


def use_lines(store_dir: Path, lines: Iterable[tuple[Scanner, PairsLine]], *, author: str, reason: str) -> None:
    """Record that this store uses these lines, and take them in if nobody owns the store."""
    at = in_order(store_dir)
    events = [
        line_event(scanner, line, event_id=uuid.uuid4().hex, author=author, reason=reason, at=at)
        for scanner, line in lines
    ]
    record(store_dir, *events)
    store_access.hand_over(store_dir)


def preview(query: Query, scanner: Scanner, line: PairsLine, settings: Settings) -> Preview:
    """What would change if the line were used: the scanner's series are recalibrated as in an analysis."""
    where = {name: value for name, value in asdict(scanner).items() if name != "mineral"}
    rows = query("scanner_series", **where, limit=_MOST_PREVIEWED).to_pylist()
    now = {row["series_key"]: row["category"] for row in rows}
    moved: Counter[tuple[str, str]] = Counter()
    tried = 0
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / STORE_LINES
        write_text(table, csv_text([table_row(scanner, line, today=date.today())]))
        changed = replace(settings, store_lines=str(table))
        under: dict[str, Any] = {"model_hash": None, "own": [], "measuring_version": MEASURING_VERSION}
        for result in judged_again(query, list(now), changed, read_setup(changed), **under):
            tried += 1
            then = str(result.assessment.category) if result.assessment else ""
            if then != now[result.series.series_key]:
                moved[now[result.series.series_key] or "no value", then or "no value"] += 1
    return Preview(
        series=rows[0]["n"] if rows else 0,
        tried=tried,
        moved=tuple((before, then, n) for (before, then), n in sorted(moved.items())),
    )


def _document(one: ScannerLine, seen: Preview | None) -> dict[str, Any]:
    line = one.line
    fitted: dict[str, Any] = {}
    if line is not None:
        fitted = {
            "slope_mg_cm3_per_hu": line.slope_mg_cm3_per_hu.value,
            "intercept_mg_cm3": line.intercept_mg_cm3.value,
            "left_out_bias_mg_cm3": line.left_out_bias_mg_cm3,
            "left_out_sd_mg_cm3": line.left_out_sd_mg_cm3,
            "outliers": list(line.outliers),
        }
    changed = [{"now": now, "then": then, "series": n} for now, then, n in seen.moved] if seen else []
    return {
        **asdict(one.scanner),
        "patients": len(one.pairs),
        **fitted,
        "reason": one.reason or None,
        "series": seen.series if seen else 0,
        "tried": seen.tried if seen else 0,
        "changed": changed,
    }


def _sentence(one: ScannerLine, seen: Preview | None) -> str:
    line = one.line
    if line is None or seen is None:
        return f"{one.scanner.words}: no line, {one.reason}."
    slope, intercept = line.slope_mg_cm3_per_hu, line.intercept_mg_cm3
    outliers = f"; far off: {', '.join(line.outliers)}" if line.outliers else ""
    return (
        f"{one.scanner.words}: {slope.value:.3f} x HU {intercept.value:+z.1f} mg/cm³ {one.scanner.mineral} "
        f"from {line.n} patients ({line.lowest_mg_cm3:.0f} to {line.highest_mg_cm3:.0f}); each left out in turn: bias "
        f"{line.left_out_bias_mg_cm3:+z.1f}, SD {line.left_out_sd_mg_cm3:.1f}{outliers}. {preview_words(seen)}"
    )


def preview_words(seen: Preview) -> str:
    """What a line would change, in one sentence."""
    changed = "; ".join(f"{n} from {now} to {then}" for now, then, n in seen.moved) or "no category changes"
    if seen.series and not seen.tried:
        changed = "not known which categories change, since none has a measurement that can be calibrated again"
    return f"Of {seen.series} series of this scanner {seen.tried} were tried: {changed}."
