"""Raw data sets small enough to write by hand, and where the real ones are."""

import dataclasses
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from tests.quick_python import server, write_client
from uncover import commands
from uncover.console import set_up_logging

set_up_logging()

settings.register_profile("quick", deadline=None, derandomize=True, max_examples=40, database=None)
settings.load_profile("quick")

WIDTH, HEIGHT = 120, 90


@pytest.fixture(scope="session")
def real() -> Path:
    """Folder of the real photos and labels; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("UNCOVER_REAL", Path(__file__).parents[2] / "shared" / "real"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder} (set UNCOVER_REAL)")
    return folder


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A python in which Snakemake and `uncover` start at once."""
    client = write_client(tmp_path_factory.mktemp("python"))
    with server(client):
        yield client


@pytest.fixture(scope="session")
def one_thread() -> Iterator[None]:
    """Torch in one thread, which small networks are quickest in."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def run_as(run: Callable[..., int | None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `uncover doctor` run a function instead."""
    doctor = dataclasses.replace(commands.load()["doctor"], run=run)
    monkeypatch.setitem(commands.load(), "doctor", doctor)


def picture(width: int = WIDTH, height: int = HEIGHT, mode: str = "RGB") -> Image.Image:
    """A picture without any symmetry, so that a turn or a flip never goes unnoticed."""
    rows, columns = np.mgrid[:height, :width]
    channels = [columns * 200 // width, rows * 200 // height, (columns + 2 * rows) % 97 + 40]
    colours = Image.fromarray(np.stack(channels, axis=2).astype(np.uint8))
    if mode == "I;16":
        return Image.fromarray((np.asarray(colours.convert("L"), np.uint16) * 257).astype(np.uint16))
    return colours.convert(mode)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """The picture as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def face_points(count: int, seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Points that fill most of a picture, each part with a box well over a pixel."""
    return np.random.default_rng(seed).uniform((5, 5), (width - 5, height - 5), (count, 2)).round(3)


def pts_text(points: Iterable[Sequence[float]]) -> str:
    """A `.pts` file as 300-W writes it."""
    rows = [f"{float(x)!r} {float(y)!r}" for x, y in points]
    return "\n".join(["version: 1", f"n_points:  {len(rows)}", "{", *rows, "}"]) + "\n"


def wflw_row(points: np.ndarray, name: str) -> str:
    """A row of WFLW's lists."""
    rect = [int(points[:, 0].min()), int(points[:, 1].min()), int(points[:, 0].max()), int(points[:, 1].max())]
    return " ".join([*(f"{float(value)!r}" for value in points.ravel()), *map(str, rect), *"010001", name])


@dataclass(frozen=True)
class RawData:
    """Writes raw data sets below `root`; everything has a sensible default and can be spoilt afterwards."""

    root: Path

    picture = staticmethod(picture)
    encoded = staticmethod(encoded)
    points = staticmethod(face_points)
    pts = staticmethod(pts_text)
    row = staticmethod(wflw_row)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write one file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def photo(self, name: str, width: int = WIDTH, height: int = HEIGHT) -> Path:
        """Write one good photo; PNG if the name says so."""
        return self.write(name, encoded(picture(width, height), "PNG" if name.endswith(".png") else "JPEG"))

    def wflw_list(self, rows: Sequence[str], part: str = "test") -> Path:
        """Write one of WFLW's two lists."""
        folder = "WFLW_annotations/list_98pt_rect_attr_train_test"
        return self.write(f"{folder}/list_98pt_rect_attr_{part}.txt", "".join(f"{row}\n" for row in rows))

    def wflw(self, names: Sequence[str], part: str = "test") -> list[str]:
        """Write photos and the list; a name that stands twice is a photo of two faces. Returns the rows."""
        for name in set(names):
            self.photo(f"WFLW_images/{name}")
        rows = [wflw_row(face_points(98, seed), name) for seed, name in enumerate(names)]
        self.wflw_list(rows, part)
        return rows

    def merl_rav(self, names: Sequence[str], folder: str = "frontal/trainset") -> None:
        """Write pairs of the organised tree."""
        for name in names:
            self.photo(f"{folder}/{name}.jpg")
            seed = sum(map(ord, f"{folder}/{name}"))
            self.write(f"{folder}/{name}.pts", pts_text(face_points(68, seed)))


@pytest.fixture
def raw(tmp_path: Path) -> RawData:
    """A folder to write a raw data set into."""
    root = tmp_path / "raw"
    root.mkdir()
    return RawData(root)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> RawData:
    """The same writers for property tests, which may not use a fixture of one test."""
    return RawData(tmp_path_factory.mktemp("made"))
