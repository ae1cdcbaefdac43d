"""Read checkpoints of upstream `yolov5` without importing it: pickles of objects, loaded as inert records.

Only tensors and plain containers are created; every other class or function that a pickle names becomes an inert
`Record`. So any file of `torch.save` can be opened safely; a file without a YOLOv5 network is described in the error.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from uncover.config.detectors import UPSTREAM
from uncover.errors import InputError
from uncover.yolov5.network import SCRFD, architecture
from uncover.yolov5.scrfd import state_of_onnx
from uncover.yolov5.third_party import LEGACY, ONNX, WHOLE, check_content, name_foreign

DETECTORS = ("models.yolo.Model", "models.yolo.DetectionModel")
DESIGN_KEYS = ("depth_multiple", "width_multiple", "backbone", "head")
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


@dataclass(frozen=True)
class Checkpoint:
    """Content of an upstream checkpoint.

    Attributes:
        model: Name of the network.
        channels: Channels of an image.
        class_names: Names by class number.
        state: State dict, float32.
        sha256: sha256 of the file.
    """

    model: str
    channels: int
    class_names: tuple[str, ...]
    state: dict[str, Tensor]
    sha256: str


def read_checkpoint(content: bytes, name: str, sha256: str | None = None) -> Checkpoint:
    """Read the network of an upstream checkpoint, or of SCRFD-2.5G's ONNX file.

    Args:
        content: Content of the file.
        name: Name of the file in messages.
        sha256: Expected hash; None accepts any.

    Raises:
        InputError: The hash differs, or the file has no known detector; the message describes it.
    """
    digest = check_content(content, name, sha256) if sha256 is not None else hashlib.sha256(content).hexdigest()
    foreign = name_foreign(io.BytesIO(content))
    if foreign == ONNX:
        return Checkpoint(SCRFD, 3, ("face",), state_of_onnx(content, name), digest)
    if foreign:
        raise InputError(f"{name}: {foreign}")
    saved = load_inert(content, name)
    network: Any = (saved.get("ema") or saved.get("model")) if isinstance(saved, dict) else saved
    if not (isinstance(network, Record) and network.origin.endswith(DETECTORS)):
        raise InputError(
            f"{name}: not a YOLOv5 detector but {_name_object(saved)}; expected one of {', '.join(UPSTREAM)}"
        )
    design, names = network.fields.get("yaml"), network.fields.get("names")
    if not (isinstance(design, dict) and isinstance(names, list | tuple | dict)):
        raise InputError(f"{name}: no network description (yaml) or class names; pass a checkpoint of upstream YOLOv5")
    return Checkpoint(
        model=_recognise(design, name),
        channels=design.get("ch", 3),
        class_names=tuple(map(str, names.values() if isinstance(names, dict) else names)),
        state=dict(state_of(network)),
        sha256=digest,
    )


def _recognise(design: dict[str, Any], name: str) -> str:
    for model in UPSTREAM:
        known = architecture(model)
        if not design.get("activation") and all(design.get(key) == known[key] for key in DESIGN_KEYS):
            return model
    raise InputError(
        f"{name}: unsupported architecture with depth {design.get('depth_multiple')} and width"
        f" {design.get('width_multiple')}; expected one of {', '.join(UPSTREAM)} (v6.0 or later)"
    )


def _name_object(saved: Any) -> str:
    """Description of an object that is not a YOLOv5 detector, and what to do."""
    for key in (None, "state_dict", "model_state_dict", "ema", "model"):
        own = saved if key is None else saved.get(key) if isinstance(saved, Mapping) else None
        if isinstance(own, Mapping) and own and all(isinstance(value, Tensor) for value in own.values()):
            return f"a plain state dict, which lacks the network's description and classes; {WHOLE}"
        if isinstance(own, Record) and own.origin.startswith("ultralytics."):
            return (
                f"{own.origin}, a network of the package ultralytics such as YOLOv8 or YOLO11; train a YOLOv5 on the"
                " same data with 'uncover train'"
            )
        if isinstance(own, Record):
            return own.origin
    if isinstance(saved, Mapping):
        return f"a dict of {', '.join(str(key)[:30] for key in [*saved][:5]) or 'nothing'}"
    return f"a {type(saved).__name__}"


class Record:
    """An object whose class is not imported: its name and stored fields.

    Attributes:
        origin: Module and class in the pickle.
        fields: Attributes of the object, if the pickle has them.
    """

    origin = ""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.fields: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.fields = state if isinstance(state, dict) else {}

    def __call__(self, *_: Any, **__: Any) -> Record:
        return self

    # Methods that a pickle calls to fill lists, sets and dicts.
    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, item: Any) -> None: ...

    def extend(self, items: Iterable[Any]) -> None: ...

    def add(self, item: Any) -> None: ...


def load_inert(content: bytes, name: str) -> Any:
    """Read a file of `torch.save`.

    Args:
        content: Content of the file.
        name: Name of the file in messages.

    Raises:
        InputError: The file is truncated, damaged, or not written by torch.
    """
    try:
        if content.startswith(LEGACY):
            return _load_legacy(content)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            pickled = next(member for member in archive.namelist() if member.endswith("/data.pkl"))
            return _Unpickler(archive, pickled.removesuffix("data.pkl"), io.BytesIO(archive.read(pickled))).load()
    except (zipfile.BadZipFile, StopIteration):
        raise InputError(f"{name}: truncated, damaged, or not written by torch; copy or download it again") from None
    except Exception as error:  # a damaged pickle can raise anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{name}: has no readable torch pickle ({reason})") from None


def state_of(module: Record, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Names and tensors of the state dict of an inert module; floating-point tensors as float32."""
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
    """Reads pickles of torch before 1.6, which are followed by the storages they refer to."""

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
    for _ in range(3):  # magic number, version of the format, system information
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
