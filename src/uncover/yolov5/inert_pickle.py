"""Look into a file of `torch.save`, of whatever version, without bringing anything in it to life.

Tensors and plain containers are made; every class and function that the pickle names becomes an inert record instead.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from uncover.errors import InputError

DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}

LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How files of torch before 1.6 begin: a pickle of a number."""


class Record:
    """An object of a class that was not looked up: its name, and what was stored of it.

    Attributes:
        origin: Module and class that the pickle names.
        fields: Attributes of the object, where the pickle has them.
    """

    origin = ""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.fields: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.fields = state if isinstance(state, dict) else {}

    def __call__(self, *_: Any, **__: Any) -> Record:
        return self

    # A pickle fills what it takes for lists, sets and dicts.
    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, item: Any) -> None: ...

    def extend(self, items: Iterable[Any]) -> None: ...

    def add(self, item: Any) -> None: ...


def load_inert(content: bytes, name: str) -> Any:
    """Read a file of `torch.save`.

    Args:
        content: The file.
        name: What to call it in messages.

    Raises:
        InputError: It is truncated, damaged, or not of torch.
    """
    try:
        if content.startswith(LEGACY):
            return _load_legacy(content)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            pickled = next(member for member in archive.namelist() if member.endswith("/data.pkl"))
            return _Unpickler(archive, pickled.removesuffix("data.pkl"), io.BytesIO(archive.read(pickled))).load()
    except (zipfile.BadZipFile, StopIteration):
        raise InputError(f"{name}: is truncated, damaged, or no file that torch saved") from None
    except Exception as error:  # a spoilt pickle can fail in any way
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{name}: holds no readable pickle of torch ({reason})") from None


def state_of(module: Record, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Names and tensors of the state dict of a module that was never built; floating point as float32."""
    passing = module.fields.get("_non_persistent_buffers_set", ())
    for group in ("_parameters", "_buffers"):
        for key, value in module.fields.get(group, {}).items():
            if isinstance(value, Tensor) and key not in passing:
                yield prefix + key, value.float() if value.is_floating_point() else value
    for key, child in module.fields.get("_modules", {}).items():
        if isinstance(child, Record):
            yield from state_of(child, f"{prefix}{key}.")


class _Inert(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        return _KNOWN.get((module, name)) or type(name, (Record,), {"origin": f"{module}.{name}"})


class _Unpickler(_Inert):
    def __init__(self, archive: zipfile.ZipFile, folder: str, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self._archive, self._folder = archive, folder
        self._storages: dict[str, Tensor] = {}

    def persistent_load(self, identity: Any) -> Any:
        _, dtype, key, _, count = identity
        if key not in self._storages:
            stored = bytearray(self._archive.read(f"{self._folder}data/{key}"))
            self._storages[key] = torch.frombuffer(stored, dtype=dtype) if count else torch.empty(0, dtype=dtype)
        return self._storages[key]


class _LegacyUnpickler(_Inert):
    """Reads pickles of torch before 1.6, after which the storages that they name follow."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.storages: dict[str, Tensor] = {}

    def persistent_load(self, identity: Any) -> Any:
        kind, what, *more = identity
        if kind == "module":
            return what
        key, _, count, view = more
        if key not in self.storages:
            self.storages[key] = torch.zeros(count, dtype=what)
        storage = self.storages[key]
        return storage if view is None else storage[view[1] : view[1] + view[2]]


def _load_legacy(content: bytes) -> Any:
    stream = io.BytesIO(content)
    for _ in range(3):  # the number, the version of the format, and what machine wrote it
        _Inert(stream).load()
    unpickler = _LegacyUnpickler(stream)
    saved = unpickler.load()
    for key in _Inert(stream).load():
        storage = unpickler.storages[key]
        (count,) = struct.unpack("<q", stream.read(8))
        if count != len(storage):
            raise ValueError(f"storage {key} of {count} values; expected {len(storage)}")
        if count:
            stored = bytearray(stream.read(count * storage.element_size()))
            storage.copy_(torch.frombuffer(stored, dtype=storage.dtype, count=count))
    return saved


def _tensor(storage: Tensor, offset: int, size: Any, stride: Any, *_: Any) -> Tensor:
    return storage.as_strided(size, stride, offset)


def _parameter(data: Tensor, *_: Any) -> Tensor:
    return data


_KNOWN: dict[tuple[str, str], Any] = {
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): tuple,
    ("collections", "OrderedDict"): OrderedDict,
    ("__builtin__", "set"): set,
    ("builtins", "set"): set,
}
