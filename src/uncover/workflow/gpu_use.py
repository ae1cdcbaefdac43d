"""How much memory of a GPU a command took: it says so at its end, and the record of the run reads it in the logs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

GIGABYTE = 10**9
LINE = re.compile(r"^GPU: (?P<name>.+), at most (?P<peak>[\d.]+) GB of its memory$", re.MULTILINE)


def gpu_use() -> str | None:
    """A line about the GPU that this process has computed on; None where it has used none."""
    # Whoever has not imported torch has used none, and shall not wait for the import.
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return None
    peak = torch.cuda.max_memory_reserved() / GIGABYTE
    return f"GPU: {torch.cuda.get_device_name()}, at most {peak:.2f} GB of its memory"


def read_gpu_use(logs: Path, since: float = 0.0) -> dict[str, dict[str, object]]:
    """GPU and peak of memory, by job.

    Args:
        logs: Folder of logs, `<rule>.log` and `<rule>/<wildcards>.log`.
        since: Seconds since 1970; older logs are of earlier runs.

    Returns:
        By job, such as "train/rgb10": `gpu`, its model, and `gigabytes`.
    """
    found: dict[str, dict[str, object]] = {}
    for path in sorted(logs.rglob("*.log")):
        if path.stat().st_mtime < since:
            continue
        match = LINE.search(path.read_text(encoding="utf-8", errors="replace"))
        if match:
            job = path.relative_to(logs).with_suffix("").as_posix()
            found[job] = {"gpu": match["name"], "gigabytes": float(match["peak"])}
    return found
