"""Compare two finished runs file by file: python -m tests.contracts.compare_runs BASE OTHER [--renames]

BASE and OTHER are folders of runs, such as results/demo; BASE may be a snapshot, which `--freeze RUN FILE` writes: a
digest per file. Equal is: tables, metrics and figures byte for byte; of Parquet files columns, rows and what else is
stored; of weights every number. Left aside is what differs between equal runs: seconds, versions and digests of code,
and digests of weights where only their names are given. Prints a line per difference and a summary; exit code 1 if
anything differs.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.contracts import renames
from tests.contracts.frozen import replaced

TRAINED = ("weights.pt", "weights.safetensors", "results.csv", "summary.json", "left_out.json")
COMPARED = (
    *("comparison.csv", "tables/*", "figures/*.png", "metrics/**/*", "rgb_tables/**/*", "missed/*"),
    *("predictions/**/*.parquet", "faces/*", "splits/*", "datasets/*/*", "finetune/dataset/*", "finetune/frames/*.csv"),
    *("heatmaps/*/*/manifest.parquet", "heatmaps/*/*/lint.csv"),
    *(f"{folder}/**/{name}" for folder in ("models", "finetune/left_out") for name in TRAINED),
    *("evolution/*", "evolution/generations/*.json", "videos/*/*.parquet", "videos/*/*.csv", "videos/*/*.json"),
)
TIMES = {"frames_per_second", "seconds_to_first_box", "digests", "code", "uncover"}
"""Keys of JSON objects that say how long something took, or by what it was made."""
SHOWN = 120
"""Characters of a differing line that are shown."""

Expressions = Sequence[tuple[str, str]]


def files_of(run: Path, patterns: Iterable[str] = COMPARED) -> dict[str, Path]:
    """Files that should be equal, by their name below the run. Temporary names and marks begin with a dot."""
    found = {path for pattern in patterns for path in run.glob(pattern) if path.is_file()}
    return {path.relative_to(run).as_posix(): path for path in sorted(found) if not path.name.startswith(".")}


def view(path: Path, words: Expressions = ()) -> bytes:
    """What of a file must be equal: text where there is a difference to be told, else its bytes."""
    if path.suffix == ".parquet":
        text = "\n".join(_parquet_lines(path))
    elif path.suffix in (".pt", ".safetensors"):
        text = "\n".join(_weights_lines(path))
    elif path.suffix == ".json":
        text = json.dumps(_without_times(json.loads(path.read_text(encoding="utf-8")), top=True), indent=1)
    elif path.name == "results.csv":
        text = _without_seconds(path.read_text(encoding="utf-8"))
    elif path.suffix in (".csv", ".md", ".tex", ".yaml"):
        text = path.read_bytes().decode()
    else:
        return path.read_bytes()
    return replaced(text, words).encode()


def _parquet_lines(path: Path) -> Iterator[str]:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    for field in table.schema:
        yield f"column {field.name}: {field.type}"
    for key, value in sorted((table.schema.metadata or {}).items()):
        if key != b"pandas":
            yield f"{key.decode()}: {json.dumps(_without_times(json.loads(value), top=True), indent=1)}"
    for row in table.to_pylist():
        yield json.dumps(row, default=str)


def _weights_lines(path: Path) -> Iterator[str]:
    import torch

    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            header, state = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    else:
        content = torch.load(path, map_location="cpu", weights_only=True)
        header, state = {"header": content["header"]}, content["state"]
    yield json.dumps(_without_times(json.loads(header["header"]), top=True), indent=1)
    for name in sorted(state):
        tensor = state[name].contiguous()
        digest = hashlib.sha256(tensor.flatten().view(torch.uint8).numpy()).hexdigest()
        yield f"tensor {name}: {tensor.dtype}, {tuple(tensor.shape)}, {digest}"


def _without_times(value: Any, top: bool = False) -> Any:
    if isinstance(value, dict):
        kept = ((key, each) for key, each in value.items() if key not in TIMES and not (top and key == "seconds"))
        return {key: "(digest)" if _is_digest(each) else _without_times(each) for key, each in kept}
    return [_without_times(each) for each in value] if isinstance(value, list) else value


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{16}|[0-9a-f]{64}", value) is not None


def _without_seconds(text: str) -> str:
    rows = list(csv.reader(io.StringIO(text)))
    kept = [place for place, name in enumerate(rows[0]) if not name.startswith("seconds/")]
    return "\n".join(",".join(row[place] for place in kept) for row in rows)


def what_differs(base: bytes, other: bytes) -> str:
    """The first line that differs, and how many do; for pictures how many pixels."""
    if base.startswith(b"\x89PNG") and other.startswith(b"\x89PNG"):
        return _pixels_that_differ(base, other)
    was_lines, now_lines = base.decode(errors="replace").split("\n"), other.decode(errors="replace").split("\n")
    pairs = list(zip(was_lines, now_lines, strict=False))
    different = [number for number, (was, now) in enumerate(pairs) if was != now]
    length = "" if len(was_lines) == len(now_lines) else f"{len(was_lines)} lines were, {len(now_lines)} are; "
    if not different:
        return f"{length}the first {len(pairs)} are equal"
    was, now = pairs[different[0]]
    start = max(0, next((n for n, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), 0) - SHOWN // 3)
    shown = f"{was[start : start + SHOWN]!r} was, {now[start : start + SHOWN]!r} is"
    return f"{length}{len(different)} lines differ, first line {different[0] + 1}: {shown}"


def _pixels_that_differ(base: bytes, other: bytes) -> str:
    was, now = (np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"), int) for data in (base, other))
    if was.shape != now.shape:
        return f"its size was {was.shape[1]} x {was.shape[0]}, is {now.shape[1]} x {now.shape[0]}"
    distance = np.abs(was - now).max(axis=-1)
    return f"{int((distance > 0).sum())} of {distance.size} pixels, by up to {int(distance.max())}"


def snapshot(run: Path) -> dict[str, Any]:
    """Digests of all that is compared, with the machine that made the run."""
    import torch

    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=run, capture_output=True, text=True).stdout.strip()
    records = sorted(run.glob("record/*/run.json"))
    made = json.loads(records[-1].read_text(encoding="utf-8")) if records else {}
    return {
        "note": {
            "run": run.name,
            "commit": made.get("code", {}).get("commit") or commit,
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, {_processor()}",
            "threads": os.environ.get("OMP_NUM_THREADS", "as many as processors"),
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
        "files": {name: hashlib.sha256(view(path)).hexdigest() for name, path in files_of(run).items()},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def compare(base: Path, other: Path, with_renames: bool = False) -> tuple[list[str], int]:
    """One line for each difference, and how many files there are in either.

    Args:
        base: Folder of a run, or a snapshot.
        other: Folder of a run.
        with_renames: Whether names and texts of `base` are read through `tests.contracts.renames`.
    """
    paths, words = (renames.PATHS, renames.WORDS) if with_renames else ([], [])
    is_snapshot = base.is_file()
    known: Mapping[str, Any]
    known = json.loads(base.read_text(encoding="utf-8"))["files"] if is_snapshot else files_of(base)
    if with_renames:
        gone = [name for name in known if _any_fits(renames.GONE, f"{other.name}/{name}")]
        known = {replaced(name, paths): value for name, value in known.items() if name not in gone}
    ours = files_of(other)
    if with_renames:
        ours = {
            name: path
            for name, path in ours.items()
            if name in known or not _any_fits(renames.NEW["paths"], f"{other.name}/{name}")
        }
    lines = []
    for name in sorted({*known, *ours}):
        if name not in ours or name not in known:
            lines.append(f"{name}: only in {base if name in known else other}")
            continue
        now = view(ours[name])
        if is_snapshot:
            if hashlib.sha256(now).hexdigest() != known[name]:
                lines.append(f"{name}: differs from its digest in {base.name}")
            continue
        was = view(known[name], words)
        if was != now:
            lines.append(f"{name}: {what_differs(was, now)}")
    return lines, len({*known, *ours})


def _any_fits(expressions: Iterable[str], text: str) -> bool:
    return any(re.fullmatch(expression, text) for expression in expressions)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path, help="run or snapshot that is right; with --freeze, the run")
    parser.add_argument("other", type=Path, help="run to compare; with --freeze, the file to write")
    parser.add_argument("--renames", action="store_true", help="read BASE through tests/contracts/renames.py")
    parser.add_argument("--freeze", action="store_true", help="write the snapshot OTHER of the run BASE")
    args = parser.parse_args(words)
    if args.freeze:
        taken = snapshot(args.base)
        args.other.write_text(json.dumps(taken, indent=0) + "\n", encoding="utf-8")
        print(f"{args.other}: {len(taken['files'])} files of {args.base}")
        return 0
    for path in (args.base, args.other):
        if not path.exists():
            parser.error(f"{path}: does not exist")
    lines, count = compare(args.base, args.other, args.renames)
    for line in lines:
        print(line)
    print(f"{count - len(lines)} of {count} files equal, {len(lines)} differ")
    return 1 if lines or not count else 0


if __name__ == "__main__":
    sys.exit(main())
