"""Programs that answer in SLURM's place."""

from __future__ import annotations

import stat
from pathlib import Path


def answer(folder: Path, program: str, script: str) -> None:
    """Write a program of this name into a folder of the PATH."""
    file = folder / program
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
