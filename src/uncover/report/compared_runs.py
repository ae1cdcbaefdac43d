"""Compare two runs: every number of their tables, what only one of them has, and paired intervals of scores.

Rows and columns are matched by name. A row of scores gets intervals if both runs still have its evaluation, with
predictions and labels of the same photos. The evaluation of a row is identified by its numbers; predictions that do not
reproduce these numbers are not used.
"""

from __future__ import annotations

import filecmp
import functools
import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from uncover.data.blocks import read_blocks
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.data.yolo import IMAGES, LABELS
from uncover.errors import InputError
from uncover.metrics.intervals import Rate
from uncover.metrics.paired import OF_MEANS, Scored, in_order_of, paired_differences, score
from uncover.metrics.predictions import Predictions, read_predictions
from uncover.metrics.truth import read_truth
from uncover.paths import RunPaths
from uncover.report import registry
from uncover.report.comparison import number_text
from uncover.report.records import EvaluationRecord, read_evaluation
from uncover.report.tables.table import HIGH, LOW, MISSING, NOT_RUN, PUBLISHED, Table, Tables, cell_text
from uncover.rescue.missed import looked_at, read_missed
from uncover.tables import Column, read_rows

SCORE_COLUMNS = {"P": "P", "R": "R", "mAP50": "AP50", "mAP50_95": "AP50_95"}
"""Score columns of a table and the scores of an evaluation; a column F1 may be either of two scores."""

MISSED, ALL = "missed", "all"
"""Scopes of evaluations: missed photos, and all classes."""

NO_NUMBERS = frozenset({"", MISSING, NOT_RUN, "nan"})
MOST_ROWS = 60
"""Printed tables with more rows than this show only the rows that differ."""

ONLY = "In one run only"

CELL = Column(empty=True, optional=True)


@dataclass(frozen=True)
class Line:
    """One number of two runs, or something that only one run has.

    Attributes:
        table: Name.
        row: Cells that identify the row, joined by " / "; empty for a whole table or column.
        column: Name; empty for a whole table or row.
        a: Cell of the first run; empty if it has none.
        a_low: Lower end of its interval.
        a_high: Upper end.
        b: Cell of the second run.
        b_low: Lower end of its interval.
        b_high: Upper end.
        difference: Second run minus first run; empty for text.
        low: Lower end of the interval of the difference, paired over photos.
        high: Upper end.
        note: What only one run has, or why there is no interval.
    """

    table: str
    row: str
    column: str
    a: str = ""
    a_low: str = ""
    a_high: str = ""
    b: str = ""
    b_low: str = ""
    b_high: str = ""
    difference: str = ""
    low: str = ""
    high: str = ""
    note: str = ""

    @property
    def differs(self) -> bool:
        """Whether the two runs have different values; 5 and 5.0 are the same number."""
        return not self.column or (self.a != self.b and (_number(self.a) is None or _number(self.a) != _number(self.b)))

    @property
    def is_apart(self) -> bool:
        """Whether the interval of the difference excludes zero."""
        return bool(self.low) and (float(self.low) > 0 or float(self.high) < 0)


class RunFolder:
    """The files of a run that can be compared."""

    def __init__(self, folder: Path, name: str) -> None:
        """
        Args:
            folder: Folder of the run, such as results/demo.
            name: Display name of the run.

        Raises:
            InputError: The folder has no table.
        """
        self.folder, self.name, self.paths = folder, name, RunPaths(folder)
        files = sorted(
            Path(self.paths.tables).glob("*.csv"), key=lambda path: (not path.stem.startswith("table"), path.stem)
        )
        self.files = {path.stem: path for path in files}
        if not self.files:
            raise InputError(f"{folder}: no tables in it; expected the folder of a finished run, such as results/demo")

    def table(self, name: str) -> pd.DataFrame:
        """A table, all cells as text.

        Raises:
            InputError: The file is not a table.
        """
        return read_rows(self.files[name], {}, "a table of a run", CELL).reset_index(drop=True)

    @functools.cached_property
    def evaluations(self) -> dict[Evaluated, EvaluationRecord]:
        """All evaluations of the run."""
        found = {}
        for part, paths in (("", self.paths), ("rgb_tables", self.paths.rgb_tables)):
            for path in sorted(Path(paths.root, "metrics").glob("*/*/*/summary.json")):
                found[Evaluated(part, *path.parts[-4:-1])] = read_evaluation(path)
        return found

    def paths_of(self, scored: Evaluated) -> RunPaths:
        """Paths of the predictions of an evaluation."""
        return self.paths.rgb_tables if scored.part else self.paths


def read_runs(a: Path, b: Path) -> tuple[RunFolder, RunFolder]:
    """Open two runs. Their display names are the folder names, or the full paths if these are equal.

    Raises:
        InputError: A run has no tables.
    """
    names = (a.resolve().name, b.resolve().name)
    first, second = names if names[0] != names[1] else (str(a), str(b))
    return RunFolder(a, first), RunFolder(b, second)


@dataclass(frozen=True)
class Evaluated:
    """What was evaluated: identifies an evaluation in a run.

    Attributes:
        part: "rgb_tables" for the evaluations of tables 4 to 6, else "".
        model: Name.
        set_name: Name.
        scope: "all", "whole_face" or "missed".
    """

    part: str
    model: str
    set_name: str
    scope: str


@dataclass(frozen=True)
class Paired:
    """Differences of an evaluation between two runs.

    Attributes:
        rates: Difference by score; empty if there is no interval.
        note: Reason, or a remark on the comparison.
    """

    rates: Mapping[str, Rate]
    note: str = ""


class PairedScores:
    """Computes the differences of rows of scores, once per evaluation."""

    def __init__(self, a: RunFolder, b: RunFolder, resamples: int, seed: int) -> None:
        """
        Args:
            a: First run.
            b: Second run.
            resamples: Bootstrap resamples of photos; 0 for no intervals.
            seed: Seed of the resamples.
        """
        self._a, self._b, self._resamples, self._seed = a, b, resamples, seed
        self._known: dict[Evaluated, Paired] = {}

    def of_row(self, a: Mapping[str, str], b: Mapping[str, str]) -> Paired:
        """Differences by column, for a row that both tables have.

        Args:
            a: Cells in the first run.
            b: Cells in the second run.
        """
        if not self._resamples or not all(
            _number(cells.get(name)) is not None for cells in (a, b) for name in SCORE_COLUMNS
        ):
            return Paired({})
        fitting = [
            scored
            for scored, record in self._a.evaluations.items()
            if scored in self._b.evaluations and _is_of(a, record) and _is_of(b, self._b.evaluations[scored])
        ]
        # Equal numbers of two detectors, such as zeros, do not identify the evaluation.
        if len({(scored.model, scored.set_name, scored.scope) for scored in fitting}) != 1:
            return Paired({})
        found = self._known.get(fitting[0])
        if found is None:
            found = self._known[fitting[0]] = self._compare(fitting[0])
        rates = {column: found.rates[score] for column, score in SCORE_COLUMNS.items() if found.rates}
        records = self._a.evaluations[fitting[0]], self._b.evaluations[fitting[0]]
        for name in ("F1", OF_MEANS):
            printed = all(
                _is_close(cells.get("F1"), record.scores[name].value)
                for cells, record in zip((a, b), records, strict=True)
            )
            if found.rates and printed:
                rates["F1"] = found.rates[name]
        return Paired(rates, found.note)

    def _compare(self, scored: Evaluated) -> Paired:
        try:
            a, b = _read(self._a, scored), _read(self._b, scored)
        except InputError:
            return Paired({}, "no interval: predictions or labels are missing")
        if a is None or b is None:
            return Paired({}, "no interval: the stored predictions do not reproduce the scores")
        images = list(a.predictions.images["image"])
        others = set(b.predictions.images["image"])
        if set(images) != others:
            both = len(others.intersection(images))
            return Paired({}, f"no interval: different photos ({len(images)} and {len(others)}, {both} in both)")
        if not _same_photos(a.dataset, b.dataset, images):
            return Paired({}, "no interval: different photos with the same names")
        blocks = read_blocks(a.dataset, images)
        numbers = None if blocks is None else blocks.numbers(images)
        ordered = _scored(in_order_of(b.predictions, images), b.truth, scored)
        note = "" if _same_labels(a.truth, b.truth) else "different labels of the same photos"
        return Paired(paired_differences(a.scores, ordered, self._resamples, self._seed, numbers), note)


@dataclass(frozen=True)
class _Side:
    """Predictions, labels and scores of an evaluation in one run."""

    dataset: Path
    predictions: Predictions
    truth: pd.DataFrame
    scores: Scored


def _read(run: RunFolder, scored: Evaluated) -> _Side | None:
    """Load an evaluation of a run; None if its predictions do not reproduce its scores.

    Raises:
        InputError: Predictions, labels or photos are missing.
    """
    dataset = Path(run.paths.dataset(scored.set_name))
    predictions = read_predictions(Path(run.paths_of(scored).predictions(scored.model, scored.set_name)))
    truth = read_truth(dataset / LABELS, predictions.images, predictions.class_names)
    record = run.evaluations[scored]
    for images in _candidates(run, scored, predictions):
        if len(images) == record.images:
            some = in_order_of(predictions, images)
            own = truth[truth["image"].isin(images)].reset_index(drop=True)
            scores = _scored(some, own, scored)
            if all(
                math.isclose(scores.values[name], record.scores[name].value, abs_tol=1e-9) for name in scores.values
            ):
                return _Side(dataset, some, own, scores)
    return None


def _candidates(run: RunFolder, scored: Evaluated, predictions: Predictions) -> Iterator[list[str]]:
    """Photo lists that an evaluation may cover; of missed photos, a heatmap detector has those with a non-blank map."""
    if scored.scope != MISSED:
        yield list(predictions.images["image"])
        return
    table = read_missed(Path(run.paths.missed(scored.set_name)))
    for maps in (None, *(str(name) for name in table if ":" in str(name))):
        yield list(table.loc[looked_at(table, maps), "image"])


def _scored(predictions: Predictions, truth: pd.DataFrame, scored: Evaluated) -> Scored:
    return score(predictions, truth, None if scored.scope == ALL else [CLASS_NAMES[WHOLE_FACE]])


def _same_photos(one: Path, other: Path, images: Sequence[str]) -> bool:
    """Whether two data sets have the same photos under the same names: the same files, or files with equal content."""
    for image in images:
        files = one / IMAGES / image, other / IMAGES / image
        if not all(file.is_file() for file in files):
            return False
        if not os.path.samefile(*files) and not filecmp.cmp(*files, shallow=False):
            return False
    return True


def _same_labels(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    first, second = (
        each.sort_values(list(each.columns), ignore_index=True).reset_index(drop=True) for each in (one, other)
    )
    return first.equals(second)


def compare_runs(a: RunFolder, b: RunFolder, resamples: int, seed: int) -> list[Line]:
    """Compare all numbers of two runs, table by table.

    Args:
        a: First run.
        b: Second run.
        resamples: Bootstrap resamples of photos for the intervals of differences; 0 for none.
        seed: Seed of the resamples.

    Raises:
        InputError: A table or an evaluation is not valid.
    """
    paired = PairedScores(a, b, resamples, seed)
    lines: list[Line] = []
    for name in [*a.files, *(name for name in b.files if name not in a.files)]:
        if name in a.files and name in b.files:
            lines += _compare_tables(name, a, b, paired)
        else:
            lines.append(Line(name, "", "", note=f"only in {a.name if name in a.files else b.name}"))
    return lines


def _compare_tables(name: str, a: RunFolder, b: RunFolder, paired: PairedScores) -> Iterator[Line]:
    tables = a.table(name), b.table(name)
    keys = row_keys(*tables, registry.entry(name).keys if name in registry.declared() else ())
    rows_a, rows_b = (_by_key(table, keys) for table in tables)
    columns = [column for table in tables for column in _values(table, keys)]
    for column in dict.fromkeys(columns):
        missing = [run for run, table in zip((b, a), tables[::-1], strict=True) if column not in table]
        if missing:
            yield Line(name, "", column, note=f"only in {a.name if missing[0] is b else b.name}")
    for row in dict.fromkeys([*rows_a, *rows_b]):
        if row not in rows_a or row not in rows_b:
            yield Line(name, row, "", note=f"only in {a.name if row in rows_a else b.name}")
            continue
        ours, theirs = rows_a[row], rows_b[row]
        found = paired.of_row(ours, theirs)
        for column in dict.fromkeys(columns):
            if column in ours and column in theirs:
                line = _compare_cells(Line(name, row, column), ours, theirs, found)
                # Text is listed only if it differs, numbers always.
                if line.difference or line.a != line.b:
                    yield line


def _compare_cells(line: Line, a: Mapping[str, str], b: Mapping[str, str], found: Paired) -> Line:
    """A line with the cells of both runs, which both have the column."""
    column = line.column
    values = {"a": a[column], "b": b[column]}
    for run, cells in (("a", a), ("b", b)):
        values |= {f"{run}{end}": cells.get(f"{column}{end}", "") for end in (LOW, HIGH)}
    one, other = _number(a[column]), _number(b[column])
    if one is not None and other is not None:
        values["difference"] = number_text(other - one)
        values["note"] = found.note if column in (*SCORE_COLUMNS, "F1") else ""
        rate = found.rates.get(column)
        if rate is not None and not math.isnan(rate.low):
            values |= {"low": number_text(rate.low), "high": number_text(rate.high)}
    return replace(line, **values)


def row_keys(a: pd.DataFrame, b: pd.DataFrame, declared: Sequence[str] = ()) -> list[str]:
    """Columns that identify a row in both tables: the leading text columns, and more until no two rows are alike.

    Args:
        a: A table, all cells as text.
        b: The same table of another run.
        declared: Columns that identify a row according to the declaration of the table, if it names any.

    Returns:
        Columns in table order; all text columns if no combination identifies every row.
    """
    common = [str(column) for column in a if column in b and not str(column).endswith((LOW, HIGH, PUBLISHED))]
    if declared and all(column in common for column in declared) and _name_rows(a, b, list(declared)):
        return list(declared)
    words = [column for column in common if _is_words(a[column]) and _is_words(b[column])]
    first = list(itertools.takewhile(words.__contains__, common))
    chosen = list(first)
    for column in [*words, *(column for column in common if column not in words)]:
        if chosen and _name_rows(a, b, chosen):
            break
        if column not in chosen:
            chosen.append(column)
    if not _name_rows(a, b, chosen):
        return words or chosen[:1]
    # A text column between numbers may be a result, so it is dropped if the others suffice.
    for column in [column for column in chosen[::-1] if column not in first]:
        fewer = [each for each in chosen if each != column]
        if fewer and _name_rows(a, b, fewer):
            chosen = fewer
    return sorted(chosen, key=common.index)


def _is_words(cells: pd.Series) -> bool:
    """Whether a column holds text, that is, neither numbers nor True and False."""
    told = {cell for cell in cells if cell not in NO_NUMBERS}
    return bool(told) and all(_number(cell) is None and cell not in ("True", "False") for cell in told)


def _name_rows(a: pd.DataFrame, b: pd.DataFrame, columns: list[str]) -> bool:
    return not (a.duplicated(columns).any() or b.duplicated(columns).any())


def _by_key(table: pd.DataFrame, keys: Sequence[str]) -> dict[str, dict[str, str]]:
    """Rows by their key; rows with the same key are numbered."""
    rows: dict[str, dict[str, str]] = {}
    for record in table.to_dict("records"):
        cells = {str(column): str(cell) for column, cell in record.items()}
        name = key = " / ".join(cells[column] for column in keys)
        number = 1
        while name in rows:
            number += 1
            name = f"{key} #{number}"
        rows[name] = cells
    return rows


def _values(table: pd.DataFrame, keys: Sequence[str]) -> list[str]:
    """Columns to compare: no key columns, no numbers of the thesis, no ends of intervals."""
    columns = [str(column) for column in table]
    companions = {f"{column}{end}" for column in columns for end in (LOW, HIGH)}
    return [column for column in columns if column not in {*keys, *companions} and not column.endswith(PUBLISHED)]


def _number(cell: str | None) -> float | None:
    """A cell as a finite number; None for text and for empty cells."""
    try:
        value = math.nan if cell is None or cell in NO_NUMBERS else float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _is_close(cell: str | None, value: float) -> bool:
    number = _number(cell)
    return number is not None and math.isclose(number, value, abs_tol=1e-9)


def _is_of(cells: Mapping[str, str], record: EvaluationRecord) -> bool:
    """Whether a row of scores has the numbers of an evaluation."""
    return all(_is_close(cells.get(column), record.scores[score].value) for column, score in SCORE_COLUMNS.items())


def write_lines(out: Path, lines: Sequence[Line], a: RunFolder, b: RunFolder) -> None:
    """Write all lines as CSV, and readable tables as Markdown and LaTeX next to it.

    Args:
        out: CSV file.
        lines: Result of `compare_runs`.
        a: First run.
        b: Second run.
    """
    frame = pd.DataFrame([asdict(line) for line in lines], columns=[field.name for field in fields(Line)])
    tables = [
        _shown(name, list(own), a, b) for name, own in itertools.groupby(_of_both(lines), lambda line: line.table)
    ]
    summary = Table("summary", f"{a.name} and {b.name}", summary_of(lines), _explained(lines, a, b))
    Tables(out.stem, frame.replace("", MISSING), [summary, *tables]).write(out.parent)


def summary_of(lines: Sequence[Line]) -> pd.DataFrame:
    """One row per common table: numbers compared, numbers that differ, and intervals that exclude zero."""
    rows = []
    for name, group in itertools.groupby(_of_both(lines), lambda line: line.table):
        own = list(group)
        numbers = [line for line in own if line.difference]
        counts = (
            len(numbers),
            sum(line.differs for line in numbers),
            sum(bool(line.low) for line in numbers),
            sum(line.is_apart for line in numbers),
            sum(bool(line.column and line.row) and not line.difference for line in own),
            sum(not (line.row and line.column) for line in own),
        )
        rows.append((name, *counts))
    names = ("Table", "Numbers", "Differ", "With an interval", "Apart from 0", "Other cells", ONLY)
    return pd.DataFrame(rows, columns=list(names))


def summary_text(lines: Sequence[Line], a: RunFolder, b: RunFolder) -> str:
    """The summary as text, followed by every difference whose interval excludes zero."""
    apart = [line for line in lines if line.is_apart]
    text = Table("summary", f"{a.name} and {b.name}", summary_of(lines), _explained(lines, a, b)).to_markdown()
    if apart:
        text += "\nDifferences whose interval excludes 0:\n\n"
        text += "".join(f"- {line.table}, {line.row}, {line.column}: {_both(line)}\n" for line in apart)
    return text


def _explained(lines: Sequence[Line], a: RunFolder, b: RunFolder) -> list[str]:
    return [
        f"Differences are {b.name} minus {a.name}. In square brackets: 95 % intervals, bootstrapped over the photos (or"
        " blocks of photos) that both runs share, with the same draws for both.",
        *(f"{note.capitalize()}: {', '.join(line.table for line in own)}." for note, own in _of_one(lines).items()),
    ]


def _of_both(lines: Sequence[Line]) -> Iterator[Line]:
    """Lines of tables that both runs have."""
    return (line for line in lines if line.row or line.column)


def _of_one(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Lines of tables that only one run has, by note."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        if not (line.row or line.column):
            found.setdefault(line.note, []).append(line)
    return found


def _shown(name: str, lines: Sequence[Line], a: RunFolder, b: RunFolder) -> Table:
    """A readable table of both runs: each cell has both values and the difference."""
    rows: dict[str, dict[str, str]] = {}
    notes: dict[str, None] = {}
    for line in lines:
        if line.row and line.column:
            rows.setdefault(line.row, {})[line.column] = _both(line)
        elif line.row:
            rows.setdefault(line.row, {})[ONLY] = line.note
        else:
            notes[f"Column {line.column}: {line.note}."] = None
        if line.row and line.column and line.note:
            notes[f"{line.row}: {line.note}."] = None
    if len(rows) > MOST_ROWS:
        differing = {line.row for line in lines if line.differs}
        left_out = len(rows) - len(differing)
        rows = {row: cells for row, cells in rows.items() if row in differing}
        if left_out:
            notes[f"{left_out} rows without a difference are not shown here; the CSV file lists them."] = None
    told = dict.fromkeys(column for cells in rows.values() for column in cells)
    columns = [column for column in told if column != ONLY] + [column for column in told if column == ONLY]
    frame = pd.DataFrame(
        [{"Row": row} | {column: cells.get(column, "") for column in columns} for row, cells in rows.items()]
    )
    return Table(name, f"{name}: {a.name} to {b.name}", frame, list(notes))


def _both(line: Line) -> str:
    """Both values of a line in one cell."""
    one, other = _number(line.a), _number(line.b)
    if one is None or other is None:
        return f"{line.a or MISSING} to {line.b or MISSING}" if line.differs else line.a
    interval = f" [{float(line.low):+.3g}, {float(line.high):+.3g}]" if line.low else ""
    if not line.differs:
        return f"{_short(line.a)}{interval}"
    return f"{_short(line.a)} to {_short(line.b)} ({float(line.difference):+.3g}{interval})"


def _short(cell: str) -> str:
    """A number with three digits after the decimal point; counts are unchanged."""
    return cell if cell.lstrip("-").isdigit() else cell_text(float(cell))


def as_values(lines: Sequence[Line], a: RunFolder, b: RunFolder) -> dict[str, Any]:
    """The comparison as JSON-compatible values."""
    return {
        "a": str(a.folder),
        "b": str(b.folder),
        "tables": summary_of(lines).to_dict("records"),
        "lines": [{name: value or None for name, value in asdict(line).items()} for line in lines],
    }
