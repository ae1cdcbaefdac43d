"""The exceptions that users are meant to read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNS = (
    "out of memory",  # CUDA
    "can't allocate memory",  # torch's allocator of the CPU
    "not enough memory",  # the same on other systems
    "_status_alloc_failed",  # cuBLAS, cuDNN
    "insufficient memory",  # OpenCV
)
"""What libraries say, in small letters, where Python says `MemoryError`."""


class InputError(Exception):
    """Something a user gave us is wrong: the message is one line that says what, where and what to do.

    The command line prints it without a traceback and leaves with exit code 2.
    """


class Diverged(InputError):
    """A training whose loss is no longer a number: the settings are to blame, and whoever chose them can do better.

    Attributes:
        epochs: Epochs that were done before.
    """

    def __init__(self, message: str, epochs: int) -> None:
        super().__init__(message)
        self.epochs = epochs


class OutOfMemory(Exception):
    """Something does not fit into memory: the message is one line that says what, how large it is and what to do.

    The command line prints it without a traceback and leaves with exit code 2, or 3 where part is done.

    Attributes:
        partly: Whether part of what was asked for is done, and kept.
    """

    partly = False


def in_python(message: str, **renamed: str) -> str:
    """A message of a command, worded for Python: `--image-size 30` becomes `image_size=30`.

    Args:
        message: Text that may name options.
        **renamed: Arguments that are not named like their option, by the option's name.
    """

    def argument(option: re.Match[str]) -> str:
        name = option[1].replace("-", "_")
        value = "" if option[2] is None else f"={option[2]}"
        return f"{renamed.get(name, name)}{value}"

    return re.sub(r"--([a-z][a-z-]*)(?: (?!takes\b|and\b|or\b)([-\w./]+(?=[:;) `]|$)))?", argument, message)


@contextmanager
def naming_arguments(**renamed: str) -> Iterator[None]:
    """Let errors that are raised inside name Python arguments instead of command-line options (see `in_python`)."""
    try:
        yield
    except InputError as error:
        error.args = (in_python(str(error), **renamed), *error.args[1:])
        raise


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: that of the machine, of its share for this job, or of a GPU."""
    if isinstance(error, MemoryError | OutOfMemory):
        return True
    # Torch raises runtime errors, and OpenCV its own.
    told = isinstance(error, InputError | OSError)
    return not told and any(sign in str(error).lower() for sign in SIGNS)


def as_out_of_memory(error: BaseException) -> OutOfMemory:
    """The same error in one line, whoever raised it."""
    if isinstance(error, OutOfMemory):
        return error
    return OutOfMemory(
        f"memory is used up ({_reason(error)}); give it more, or take a smaller batch or image size where the command"
        " has one"
    )


@contextmanager
def needs_memory(what: str, remedy: str) -> Iterator[None]:
    """Say in one line what does not fit into memory.

    Args:
        what: Takes the memory, and how large it is.
        remedy: What to do.

    Raises:
        OutOfMemory: It does not fit.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, OutOfMemory) or not is_out_of_memory(error):
            raise
        raise OutOfMemory(f"{what}: does not fit into memory ({_reason(error)}); {remedy}") from None


@contextmanager
def keeping(done: Callable[[], bool]) -> Iterator[None]:
    """Say of an end for want of memory whether part was done.

    Args:
        done: Tells it.

    Raises:
        OutOfMemory: Memory ran out.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        told = as_out_of_memory(error)
        told.partly = told.partly or done()
        raise told from None


def _reason(error: BaseException) -> str:
    """What a library says of it, without where in its source it happened and how its memory is shared out."""
    line = next((line for line in str(error).splitlines() if any(sign in line.lower() for sign in SIGNS)), str(error))
    found = next((sign for sign in SIGNS if sign in line.lower()), "")
    told = line[line.lower().index(found) :].splitlines()
    return ". ".join(told[0].split(". ")[:2]).rstrip(".") if told else "no memory is left"
