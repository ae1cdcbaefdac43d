"""What a file is that somebody offers as weights and that holds none which can be read, and what to do about it."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

from torch import Tensor

from uncover.detector.inert_pickle import LEGACY, Record

WHOLE = "give the checkpoint that its training wrote, such as best.pt"
HEAD = 512
"""Bytes that tell formats apart."""
SHORTEST_TEXT = 4

BEGINNINGS = {
    b"version https://git-lfs": "is a pointer of Git LFS and not the file itself; fetch that with: git lfs pull",
    b"\x89HDF\r\n": f"is an HDF5 file, as Keras writes it; {WHOLE}",
    b"\x93NUMPY": f"is an array of NumPy; {WHOLE}",
    b"GGUF": f"is a GGUF file; {WHOLE}",
    b"\x1f\x8b": "is packed with gzip; unpack it first (gunzip)",
    b"BZh": "is packed with bzip2; unpack it first (bunzip2)",
    b"\xfd7zXZ": "is packed with xz; unpack it first (unxz)",
    b"7z\xbc\xaf": "is a 7z archive; unpack it first",
    b"Rar!": "is a RAR archive; unpack it first",
    b"\x89PNG": "is a picture; expected weights",
    b"\xff\xd8\xff": "is a picture; expected weights",
}
WEB_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml")
PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in (2, 3, 4, 5))


def name_foreign(file: BinaryIO) -> str | None:
    """What a file is, by its content, and what to do; None where torch may have written it, or nothing is known of it.

    Args:
        file: Open for reading; where it stands afterwards is anywhere.
    """
    file.seek(0)
    head = file.read(HEAD)
    if not head:
        return "is empty: it was not written or copied to its end; copy it again"
    for beginning, what in BEGINNINGS.items():
        if head.startswith(beginning):
            return what
    if head.lstrip().lower().startswith(WEB_PAGES):
        return "is a web page or XML and no weights, as a failed download leaves it; fetch the file again"
    if head[:2] == b"PK":
        return _name_archive(file)
    if head.startswith(PICKLES) and not head.startswith(LEGACY):
        return f"is a Python pickle that torch did not write, which may run code and was not opened; {WHOLE}"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 30:
        return f"is a safetensors file: tensors without the network's description and classes; {WHOLE}"
    if head[4:8] in (b"TFL3", b"TFL2"):
        return f"is a TensorFlow Lite model; {WHOLE}"
    if head[257:262] == b"ustar":
        return "is a tar archive; unpack it first"
    if len(head) > 2 and head[0] == 8 and 0 < head[1] < 32 and head[2] in (0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42):
        return f"is an ONNX model, a program without its training; {WHOLE}"
    text = " ".join(head.decode("utf-8", "replace").split())
    if len(head) >= SHORTEST_TEXT and text.isprintable() and "\ufffd" not in text[:-1]:
        return f"is a text ('{text[:60]}') and no weights; if it was downloaded, fetch it again"
    return None


def _name_archive(file: BinaryIO) -> str | None:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return None
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        return f"is a TorchScript archive, a program that somebody exported; {WHOLE}"
    if any(name.endswith("/data.pkl") for name in names):
        return None
    if any(name.endswith(("serialized_exported_program.json", "archive_format")) for name in names):
        return f"is a program of torch.export; {WHOLE}"
    if names and all(name.endswith(".npy") for name in names):
        return f"is an archive of NumPy arrays; {WHOLE}"
    if any(name.endswith(".weights.h5") for name in names):
        return f"is a model of Keras; {WHOLE}"
    inside = next((name for name in names if name.endswith(".pt")), None)
    return "is a ZIP archive that torch did not write; unpack it first" + (f" and give {inside}" if inside else "")


def name_object(saved: Any) -> str:
    """What a file of torch holds in the place of a detector of YOLOv5, and what to do."""
    for key in (None, "state_dict", "model_state_dict", "ema", "model"):
        own = saved if key is None else saved.get(key) if isinstance(saved, Mapping) else None
        if isinstance(own, Mapping) and own and all(isinstance(value, Tensor) for value in own.values()):
            return f"a plain state dict, tensors without the network's description and classes; {WHOLE}"
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
