"""Opening TIFF files, with errors that a user can act on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from uncover.errors import InputError

if TYPE_CHECKING:
    from tifffile import TiffFile


@contextmanager
def open_tiff(path: Path) -> Iterator[TiffFile]:
    """A TIFF file, open for reading; whatever its decoders raise inside is worded for the user.

    Raises:
        InputError: It is missing, cut off or unreadable.
    """
    import tifffile

    # It also remarks on whatever is odd in a file; what matters of that is raised.
    tifffile.logger().setLevel(logging.CRITICAL)
    try:
        with tifffile.TiffFile(path) as tiff:
            yield tiff
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such image") from None
    except Exception as error:  # struct.error, ValueError, zlib.error and more
        raise InputError(f"{path}: cannot be decoded ({' '.join(str(error).split())}); mend or remove it") from None
