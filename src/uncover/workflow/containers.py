"""Jobs in containers (`snakemake --sdm apptainer`): check of the image, and variables that mount the checkout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from uncover.errors import InputError

PROGRAMS = ("APPTAINER", "SINGULARITY")
"""Prefixes of the environment variables of both programs; the values are the same."""


def check_image(image: str | None) -> None:
    """Check that the image exists: without one, Snakemake silently runs jobs on this machine.

    Args:
        image: File, folder or address; None if the config sets none.

    Raises:
        InputError: The image is missing.
    """
    how = "see docs/cluster.md for how to build one"
    if image is None:
        raise InputError(
            "--sdm apptainer: no image is set in the config; set one, e.g."
            f" --config 'cluster={{container: image.sif}}' ({how})"
        )
    if "://" not in image and not Path(image).exists():
        raise InputError(f"config: key cluster.container: {image} does not exist in {Path.cwd()} ({how})")


def variables(checkout: Path, before: Mapping[str, str]) -> dict[str, str]:
    """Environment variables with which a job in a container runs the code of the checkout with the image's packages.

    A container has its own PATH, and sees little more of this machine than the working folder.

    Args:
        checkout: Absolute path.
        before: The current environment; its bind mounts and PATH entries are kept.
    """
    wanted = {}
    for program in PROGRAMS:
        wanted[f"{program}ENV_PREPEND_PATH"] = str(checkout / "workflow" / "bin"), os.pathsep
        if not checkout.is_relative_to(Path.cwd()) and checkout.is_dir():
            wanted[f"{program}_BIND"] = str(checkout), ","
    return {
        name: separator.join(
            [value, *(each for each in before.get(name, "").split(separator) if each not in ("", value))]
        )
        for name, (value, separator) in wanted.items()
    }
