"""Which GPUs this machine has, as their driver says: that takes no torch and no seconds."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass

VISIBLE = "CUDA_VISIBLE_DEVICES"
QUERY = ("index", "uuid", "name", "memory.total", "driver_version")


class NoAnswer(Exception):
    """The driver's program is there, but does not answer."""


@dataclass(frozen=True)
class Gpu:
    """One GPU.

    Attributes:
        index: Its number, in the order of the PCI bus.
        uuid: What tells it from all others.
        name: Model.
        memory: As the driver writes it, such as "81559 MiB".
        driver: Version.
    """

    index: str
    uuid: str
    name: str
    memory: str
    driver: str

    def __str__(self) -> str:
        return f"{self.name}, {self.memory}, driver {self.driver}"


def list_gpus() -> list[Gpu]:
    """All GPUs of this machine; none where there is no driver.

    Raises:
        NoAnswer: The driver does not answer.
    """
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAnswer(f"nvidia-smi does not answer ({error})") from None
    if answer.returncode:
        return []
    lines = [[word.strip() for word in line.split(",")] for line in answer.stdout.splitlines()]
    return [Gpu(*words) for words in lines if len(words) == len(QUERY)]


def visible_gpus() -> list[Gpu]:
    """Those that this process may use, in the order that CUDA_VISIBLE_DEVICES gives where it is set.

    Raises:
        NoAnswer: The driver does not answer.
    """
    gpus = list_gpus()
    visible = os.environ.get(VISIBLE)
    if visible is None:
        return gpus
    named = {gpu.index: gpu for gpu in gpus} | {gpu.uuid: gpu for gpu in gpus}
    return [named[word] for word in (word.strip() for word in visible.split(",")) if word in named]
