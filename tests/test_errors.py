"""Want of memory, whoever speaks of it, is one line that says what did not fit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from uncover.errors import InputError, OutOfMemory, as_out_of_memory, is_out_of_memory, keeping, needs_memory

CUDA = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.77 GiB of which 1.44 GiB is free."
    " Including non-PyTorch memory, this process has 14.33 GiB memory in use."
)
RAISED = {
    torch.OutOfMemoryError(CUDA): "out of memory. Tried to allocate 2.00 GiB",
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later"): "out of memory",
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"): "_ALLOC_FAILED when",
    MemoryError(): "no memory is left",
    MemoryError("Unable to allocate 7 PiB for an array"): "Unable to allocate 7 PiB for an array",
}


@pytest.mark.parametrize("error", RAISED, ids=[type(error).__name__ for error in RAISED])
def test_want_of_memory_is_known_and_told_in_few_words(error: Exception) -> None:
    assert is_out_of_memory(error)
    told = str(as_out_of_memory(error))
    assert RAISED[error] in told and "\n" not in told and "total capacity" not in told and "smaller batch" in told


def test_the_libraries_own_errors_are_known() -> None:
    expected = r"^a picture: does not fit into memory \(can't allocate memory: .*\); shrink it$"
    with pytest.raises(OutOfMemory, match=expected), needs_memory("a picture", "shrink it"):
        torch.empty(10**15)
    with pytest.raises(OutOfMemory, match=r"^a table: .*Unable to allocate .* PiB"), needs_memory("a table", "cut it"):
        np.empty(10**16)
    with pytest.raises(OutOfMemory, match=r"\(Insufficient memory"), needs_memory("a frame", "wait"):
        raise cv2.error("OpenCV(4.12.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 300 bytes")


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), InputError("out of memory.jpg: is no picture")])
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    assert not is_out_of_memory(error)
    with pytest.raises(type(error), match=str(error)), keeping(lambda: True), needs_memory("a batch", "take less"):
        raise error


@pytest.mark.parametrize("done", [True, False])
def test_what_is_said_first_stays_and_whether_part_is_done_comes_with_it(done: bool) -> None:
    with (
        pytest.raises(OutOfMemory, match=r"^inside: does not fit") as raised,
        keeping(lambda: done),
        needs_memory("outside", "-"),
        needs_memory("inside", "-"),
    ):
        raise MemoryError
    assert raised.value.partly == done
    with pytest.raises(OutOfMemory, match="out of memory") as raised, keeping(lambda: done):
        raise MemoryError
    assert raised.value.partly == done
