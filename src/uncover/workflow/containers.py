"""Jobs in containers (`snakemake --sdm apptainer`): the image, and how a job in it finds the code of the checkout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from uncover.errors import InputError

PROGRAMS = ("APPTAINER", "SINGULARITY")
"""Both read variables of their own name, and take the same values."""


def check_image(image: str | None) -> None:
    """Make sure that there is an image, as Snakemake would run jobs without one on this machine, and not say so.

    Args:
        image: File, folder or address; None where the config names none.

    Raises:
        InputError: There is none.
    """
    how = "docs/cluster.md says how to build one"
    if image is None:
        raise InputError(
            "--sdm apptainer: the config names no image; give one, such as"
            f" --config 'cluster={{container: image.sif}}' ({how})"
        )
    if "://" not in image and not Path(image).exists():
        raise InputError(f"config: key cluster.container: {image} does not exist in {Path.cwd()} ({how})")


def variables(checkout: Path, before: Mapping[str, str]) -> dict[str, str]:
    """What to set so that a job in a container runs the code of a checkout with the packages of the image.

    A container has a PATH of its own, and of this machine little more than the working folder.

    Args:
        checkout: Absolute path.
        before: The environment so far; what it binds and puts first on the PATH stays.
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
