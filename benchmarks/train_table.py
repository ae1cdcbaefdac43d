"""Output of `make bench-train`: a table of means and standard deviations, and ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Records = Mapping[str, Sequence[Mapping[str, Any]]]

ROWS: tuple[tuple[str, str, Callable[[Mapping[str, Any]], float]], ...] = (
    ("seconds per epoch, total (median)", ".2f", lambda record: record["epoch_seconds"]),
    ("seconds from start to end", ".1f", lambda record: record["seconds"]),
    ("seconds to the first batch", ".2f", lambda record: record["first_batch_seconds"]),
    ("peak memory, MiB: shared pages once", ".0f", lambda record: record["peak_pss_mib"]),
    ("peak memory, MiB: plain sum", ".0f", lambda record: record["peak_rss_mib"]),
    ("peak memory, MiB: first process", ".0f", lambda record: record["peak_main_mib"]),
    ("best epoch", ".1f", lambda record: record["best_epoch"]),
    ("mAP50, own", ".4f", lambda record: record["own"]["map50"]),
    ("mAP50-95, own", ".4f", lambda record: record["own"]["map50_95"]),
    ("mAP50, one evaluator", ".4f", lambda record: record["scored"]["map50"]),
    ("mAP50-95, one evaluator", ".4f", lambda record: record["scored"]["map50_95"]),
    ("val batches cut short by a time limit", ".1f", lambda record: record.get("batches_cut_short", 0)),
    ("load of the machine", ".2f", lambda record: record["load"]),
)


def print_table(records: Records, started: Mapping[str, float]) -> None:
    """Print mean and standard deviation over the seeds, with a column per contender."""
    width = max(len(label) for label, *_ in ROWS)
    print(" " * width, *(f"{name:>22}" for name in records))
    for label, form, value in ROWS:
        cells = (_mean_and_spread([value(record) for record in each], form) for each in records.values())
        print(f"{label:{width}}", *(f"{cell:>22}" for cell in cells))
    print("start, seconds: " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in started.items()))


def figures(records: Records, started: Mapping[str, float]) -> dict[str, float]:
    """Ratios of ours to upstream's and differences of ours minus upstream's, each as a mean over seeds."""

    def ratio(value: Callable[[Mapping[str, Any]], float], name: str = "ours") -> float:
        pairs = zip(records[name], records["upstream"], strict=False)
        return round(statistics.mean(value(own) / value(other) for own, other in pairs), 3)

    def difference(judge: str, name: str = "ours") -> list[float]:
        pairs = zip(records[name], records["upstream"], strict=False)
        return [own[judge]["map50_95"] - other[judge]["map50_95"] for own, other in pairs]

    return {
        "epoch_time_ratio": ratio(lambda record: record["epoch_seconds"]),
        "epoch_time_ratio_with_side_swap": ratio(lambda record: record["epoch_seconds"], "ours_side_swap"),
        "total_time_ratio": ratio(lambda record: record["seconds"]),
        "first_batch_ratio": ratio(lambda record: record["first_batch_seconds"]),
        # Upstream's reader processes share pages with their parent: a plain sum counts those several times.
        "peak_memory_ratio": ratio(lambda record: record["peak_pss_mib"]),
        "peak_memory_ratio_plain_sum": ratio(lambda record: record["peak_rss_mib"]),
        "peak_memory_ratio_first_process": ratio(lambda record: record["peak_main_mib"]),
        "map50_95_difference": round(statistics.mean(difference("own")), 4),
        "map50_95_difference_spread": round(_spread(difference("own")), 4),
        "map50_95_difference_one_evaluator": round(statistics.mean(difference("scored")), 4),
        "map50_95_difference_with_side_swap": round(statistics.mean(difference("own", "ours_side_swap")), 4),
        "map50_95_difference_with_side_swap_one_evaluator": round(
            statistics.mean(difference("scored", "ours_side_swap")), 4
        ),
        "start_ratio": round(started["first_batch"] / started["import_torch"], 3),
        "start_ratio_anchors_given": round(started["first_batch_anchors_given"] / started["import_torch"], 3),
    }


def _mean_and_spread(values: Sequence[float], form: str) -> str:
    return f"{statistics.mean(values):{form}} ± {_spread(values):{form}}"


def _spread(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0
