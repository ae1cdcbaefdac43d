"""Device and precision of a network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from uncover.errors import InputError

Precision = Literal["float32", "float16", "bfloat16"]


def check_precision(device: torch.device, precision: Precision) -> None:
    """Check that a device supports a precision.

    Raises:
        InputError: It does not.
    """
    if precision == "float16" and device.type != "cuda":
        raise InputError(f"precision float16: needs a GPU; expected float32 or bfloat16 on device {device}")


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Autocast context of a precision; float32 leaves TF32 as it is set."""
    kinds = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    return torch.autocast(device.type, dtype=kinds[precision], enabled=precision != "float32")


@contextmanager
def full_float32(device: torch.device) -> Iterator[None]:
    """Compute in single precision, whatever the context: no mixed precision, no TF32, no bfloat16 on the CPU.

    The switches are global to the process, so they stay off until the last thread leaves this context.

    Args:
        device: Device of the network.
    """
    with _SWITCHES.off(), torch.autocast(device.type, enabled=False):
        yield


class _Switches:
    """Torch's switches for reduced-precision matrix products; restores their previous values."""

    def __init__(self) -> None:
        self._lock, self._users = threading.Lock(), 0
        self._whole: list[Any] = []
        self._each: list[str] = []

    @contextmanager
    def off(self) -> Iterator[None]:
        with self._lock:
            if not self._users:
                self._turn_off()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._put_back()

    def _turn_off(self) -> None:
        cuda, cudnn = torch.backends.cuda, torch.backends.cudnn
        # The older switches cannot be read after the newer ones, per operation, have been used.
        self._whole = [
            _read(lambda: cuda.matmul.allow_tf32),
            _read(torch.get_float32_matmul_precision),
            _read(lambda: cudnn.allow_tf32),
        ]
        self._each = [operation.fp32_precision for operation in _operations()]
        cuda.matmul.allow_tf32 = False
        torch.set_float32_matmul_precision("highest")
        cudnn.allow_tf32 = False
        for operation in _operations():
            operation.fp32_precision = "ieee"

    def _put_back(self) -> None:
        products, precision, convolutions = self._whole
        if products is not None:
            torch.backends.cuda.matmul.allow_tf32 = products
        if precision is not None:
            torch.set_float32_matmul_precision(precision)
        if convolutions is not None:
            torch.backends.cudnn.allow_tf32 = convolutions
        for operation, own in zip(_operations(), self._each, strict=True):
            operation.fp32_precision = own


_SWITCHES = _Switches()


def _operations() -> list[Any]:
    """Operations with a switch of their own; before torch 2.9 they have none, and the older switches do it."""
    backends: Any = torch.backends
    cuda, cudnn, mkldnn = backends.cuda, backends.cudnn, backends.mkldnn
    places = [(cuda, "matmul"), (cudnn, "conv"), (cudnn, "rnn"), (mkldnn, "matmul"), (mkldnn, "conv"), (mkldnn, "rnn")]
    found = [getattr(backend, name, None) for backend, name in places]
    return [operation for operation in found if hasattr(operation, "fp32_precision")]


def _read(switch: Callable[[], Any]) -> Any:
    try:
        return switch()
    except RuntimeError:
        return None


@contextmanager
def in_precision(device: torch.device, precision: Precision) -> Iterator[None]:
    """Context for inference: float32 is full single precision, without TF32.

    Training uses `autocast`, which leaves TF32 as it is set.
    """
    with full_float32(device) if precision == "float32" else autocast(device, precision):
        yield


def pick_device(name: str) -> torch.device:
    """A device by name; "auto" is a GPU if there is one.

    Raises:
        InputError: This machine has no such device.
    """
    if name == "auto":
        name = "cuda:0" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise InputError(f"device {name}: unknown; expected auto, cpu or cuda:0")
    if device.type == "cuda":
        if (device.index or 0) >= torch.cuda.device_count():
            raise InputError(f"device {name}: torch finds {torch.cuda.device_count()} GPUs; pass --device cpu")
        device = torch.device("cuda", device.index or 0)
        torch.cuda.set_device(device)
    return device
