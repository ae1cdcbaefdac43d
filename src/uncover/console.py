"""What commands report: log lines on standard error, what they wrote, and the JSON object of `--json`."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uncover.errors import InputError

logger = logging.getLogger(__name__)

MOST_LINES = 20


@dataclass
class Outcome:
    """What a command did so far.

    Attributes:
        outputs: Files and folders that were written, in this order, each with its "path" and counts.
        result: Values that the command computed, by name; can be written as JSON.
        warnings: Text of all warnings.
        error: Reason of the failure; None without one.
        started: Start time, as `time.monotonic` returns it.
    """

    outputs: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def as_json(self, version: str, command: str, exit_code: int) -> str:
        """The JSON object that `--json` prints: the same keys for all commands, and then values of the command.

        Args:
            version: Of uncover.
            command: The words of the command, such as "predict baseline".
            exit_code: Of the process.
        """
        values = {
            "uncover": version,
            "command": command,
            "exit_code": exit_code,
            "seconds": round(self.seconds, 3),
            "outputs": self.outputs,
            "warnings": self.warnings,
            "error": self.error,
        }
        values |= {name: value for name, value in self.result.items() if name not in values}
        return json.dumps(_plain(values), indent=1, allow_nan=False)


_outcome = Outcome()


def _plain(value: Any) -> Any:
    """A value as JSON can hold it: numbers of numpy as those of Python, null for NaN and infinity, others as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)


class _StandardError(logging.Handler):
    """Plain lines on the current `sys.stderr`, which progress bars and tests replace."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if record.levelno == logging.WARNING:
            _outcome.warnings.append(text)
            text = f"warning: {text}"
        if logging.getLogger("uncover").level <= logging.DEBUG:
            text = f"[{_outcome.seconds:8.3f} s] {text}"
        print(text, file=sys.stderr, flush=True)


def set_up_logging(level: int = logging.INFO) -> Outcome:
    """Show what the package logs, and start to record what a command does.

    The command line calls this once per command; Python users set up logging themselves.

    Args:
        level: Lowest level that is shown: WARNING for `--quiet`, DEBUG (with timings) for `--verbose`.
    """
    global _outcome
    _outcome = Outcome()
    package = logging.getLogger("uncover")
    if not any(isinstance(handler, _StandardError) for handler in package.handlers):
        package.addHandler(_StandardError())
        package.propagate = False
    package.setLevel(level)
    return _outcome


def is_quiet() -> bool:
    """Whether `--quiet` was given: no progress, and no log lines but warnings and errors."""
    return logging.getLogger("uncover").level >= logging.WARNING


def wrote(path: Path | str, what: str = "", *, before: bool = False, **counts: Any) -> None:
    """Report an output of a command: "wrote boxes.parquet: 1204 boxes in 1302 images, 41 s".

    Args:
        path: File or folder that was written.
        what: What is in it, in a few words.
        before: Whether an earlier call wrote it, and this one left it as it was.
        counts: The same for `--json`, by name.
    """
    _outcome.outputs.append({"path": str(path), **counts})
    described = f"{what}, " if what else ""
    logger.info(f"{'unchanged' if before else 'wrote'} {path}: {described}{duration(_outcome.seconds)}")


def result(values: Mapping[str, Any]) -> None:
    """Add values to the object of `--json`. The keys of all commands are not replaced."""
    _outcome.result.update(values)


def is_older(path: Path) -> bool:
    """Whether a file is older than this command, which has left it as it was."""
    return time.time() - path.stat().st_mtime > _outcome.seconds


def fail_with(reason: str) -> None:
    """Keep why a command fails, for `--json`."""
    _outcome.error = reason


def duration(seconds: float) -> str:
    """Seconds for reading: "0.4 s", "41 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


@contextlib.contextmanager
def output_to_error() -> Iterator[None]:
    """Send to standard error what is printed on standard output, also by libraries and processes that start here."""
    sys.stdout.flush()
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


def warn_each(messages: Sequence[str], where_all: str) -> None:
    """Log the first few messages as warnings, a line each, then how many more there are and the file that has all."""
    for message in messages[:MOST_LINES]:
        logger.warning(f"{message}")
    if len(messages) > MOST_LINES:
        logger.warning(f"{len(messages) - MOST_LINES} more like these: {where_all}")


def fail(problems: Sequence[str], where: str) -> None:
    """Raise one error for all problems of an input; return if there is none.

    Args:
        problems: A line each, with file, row and what was expected.
        where: The input as a whole, for the last line.

    Raises:
        InputError: There is a problem; of several, the first lines have been logged before.
    """
    if len(problems) == 1:
        raise InputError(problems[0])
    for problem in problems[:MOST_LINES]:
        logger.info(f"problem: {problem}")
    if problems:
        rest = f", of which {MOST_LINES} are listed" if len(problems) > MOST_LINES else ""
        raise InputError(f"{where}: {len(problems)} problems{rest}; fix them and try again; the first: {problems[0]}")
