"""Who found most of the missed faces in a run's rescue trial, of those that can look at new pictures."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from uncover.config.evaluation import middle_rate
from uncover.errors import InputError
from uncover.rescue.methods import OF_SET, OF_VAL

NEEDED = {"set", "method", "group", "fp_per_photo", "threshold", "confidence", "faces", "found", "false_boxes"}


@dataclass(frozen=True)
class Tried:
    """A method in the trial, over all sets with labels.

    Attributes:
        name: Of the method.
        confidence: From which its boxes count: that which keeps the trial's middle rate of false boxes on val.
        found: Missed faces that it found where all methods make as many false boxes.
        faces: Missed faces.
    """

    name: str
    confidence: float
    found: int
    faces: int


def read_tried(trial: Path) -> dict[str, Tried]:
    """All methods that have a threshold, the best first.

    Args:
        trial: `rescue_trial.csv`.

    Raises:
        InputError: It does not exist, or is no such record.
    """
    found: dict[str, int] = defaultdict(int)
    faces: dict[str, int] = defaultdict(int)
    false: dict[str, int] = defaultdict(int)
    confidence: dict[str, float] = {}
    try:
        with trial.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if not set(reader.fieldnames or ()) >= NEEDED:
                raise InputError(f"{trial}: is no record of 'uncover rescue_trial'")
            rows: dict[float, list[dict[str, str]]] = defaultdict(list)
            for row in reader:
                if None in row.values():
                    raise ValueError(f"row {reader.line_num} is cut off")
                rows[float(row["fp_per_photo"])].append(row)
            for row in rows[middle_rate(rows)] if rows else ():
                name = row["method"]
                if row["threshold"] == OF_VAL and row["confidence"]:
                    confidence[name] = _confidence(row["confidence"])
                elif row["threshold"] == OF_SET:
                    found[name] += int(row["found"] or 0)
                    faces[name] += int(row["faces"] or 0)
                    false[name] += int(row["false_boxes"] or 0)
    except FileNotFoundError:
        raise InputError(f"{trial}: does not exist; make it with 'uncover rescue_trial'") from None
    except OSError as error:
        raise InputError(
            f"{trial}: cannot be read ({error.strerror}); expected a record of 'uncover rescue_trial'"
        ) from None
    except (ValueError, csv.Error) as error:
        raise InputError(f"{trial}: {error}; expected a record of 'uncover rescue_trial'") from None
    # Sorting is stable: those that tie stay in the order of the record.
    order = sorted(confidence, key=lambda name: (-found[name], false[name]))
    return {name: Tried(name, confidence[name], found[name], faces[name]) for name in order}


def _confidence(text: str) -> float:
    confidence = float(text)
    if not math.isfinite(confidence):
        raise ValueError(f"confidence {text}")
    return confidence
