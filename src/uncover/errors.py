"""Exceptions whose messages are for users."""

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
"""Parts of the messages of libraries that do not raise `MemoryError`, in lower case."""


class InputError(Exception):
    """An input is invalid: the message is one line with the file, key or row, what was expected, and what to do.

    The command line prints it without a traceback and exits with code 2.
    """


class Diverged(InputError):
    """The loss of a training is no longer a number, because of its settings.

    Attributes:
        epochs: Complete epochs before that.
    """

    def __init__(self, message: str, epochs: int) -> None:
        super().__init__(message)
        self.epochs = epochs


class OutOfMemory(Exception):
    """Something does not fit into memory: the message is one line with its size and what to do.

    The command line prints it without a traceback and exits with code 2, or 3 if part of the work is done.

    Attributes:
        partly: Whether part of the work is done, and kept.
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
    """Whether an error means a lack of memory: of the machine, of the limit of this job, or of a GPU."""
    if isinstance(error, MemoryError | OutOfMemory):
        return True
    # Torch raises runtime errors, and OpenCV its own.
    told = isinstance(error, InputError | OSError)
    return not told and any(sign in str(error).lower() for sign in SIGNS)


def as_out_of_memory(error: BaseException) -> OutOfMemory:
    """The same error in one line, from any library."""
    if isinstance(error, OutOfMemory):
        return error
    return OutOfMemory(
        f"out of memory ({_reason(error)}); provide more, or take a smaller batch or image size if the command has"
        " these options"
    )


@contextmanager
def needs_memory(what: str, remedy: str) -> Iterator[None]:
    """Raise an error of one line if something does not fit into memory.

    Args:
        what: What requires the memory, and its size.
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
    """If memory runs out, add to the error whether part of the work is done.

    Args:
        done: Returns it.

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
    """The reason in the message of a library, without places in its source and memory statistics."""
    line = next((line for line in str(error).splitlines() if any(sign in line.lower() for sign in SIGNS)), str(error))
    found = next((sign for sign in SIGNS if sign in line.lower()), "")
    told = line[line.lower().index(found) :].splitlines()
    return ". ".join(told[0].split(". ")[:2]).rstrip(".") if told else "no memory is left"
