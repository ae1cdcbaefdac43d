"""Installs of the wheel into empty environments, as users have them; `make test-wheel` and `make test-lowest` run it.

    python -m tests.installs wheel                  # with pip and with uv, on every Python that is found
    python -m tests.installs wheel --with pip --python python3.12 --torch cpu --clip A.mp4
    python -m tests.installs lowest                 # the lower bounds of pyproject.toml, on the oldest Python

Nothing comes from the checkout but the wheel, which is built from a copy of it. uv and a package index are needed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
DATA = ("uncover/py.typed", "uncover/report/page.html.j2")
WEIGHTS = tuple(f"uncover/weights/{name}{end}" for name in ("general", "nicu") for end in (".md", ".pt"))
MEGABYTE = 10**6

LOWEST_TESTS = (
    "tests/cam",
    "tests/config",
    "tests/data",
    "tests/images",
    "tests/metrics",
    "tests/tracking",
    "tests/video",
)
LOWEST_TESTS += ("tests/yolov5", "tests/test_atomic.py", "tests/test_extras.py", "tests/test_tables.py")
NOT_THERE = ("tests/images/test_image_parity.py", "tests/metrics/test_upstream.py", "tests/metrics/test_pycocotools.py")
"""They compare with packages that only the lock of a checkout has."""
OTHERWISE = {
    "tests/config/test_document.py::test_schema_json_is_up_to_date": "older pydantic writes 1 and not 1.0",
    "tests/images/test_photo_kinds.py::test_tiffs_of_every_mode_are_upright[YCbCr-raw]": "Pillow before 13 cannot read"
    " its own file",
}
"""Tests that older packages fail, and why that is none of uncover's business."""

FIVE_LINES = """
import sys
import numpy as np
import uncover

detector = uncover.FaceDetector()
found = detector(np.zeros((120, 160, 3), np.uint8))
print(type(found).__module__)
"""


@dataclass
class Environment:
    """A virtual environment.

    Attributes:
        folder: Where it is.
        python: Version, or path of an interpreter.
        pip: Whether pip installs into it; otherwise uv does.
        seconds: Duration of each step.
    """

    folder: Path
    python: str
    pip: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    def make(self) -> None:
        """Create it; it is empty but for pip, if pip fills it."""
        uv("venv", "--quiet", *(["--seed"] if self.pip else []), "--python", self.python, str(self.folder))

    def program(self, name: str) -> str:
        """Path of a program in it."""
        return str(self.folder / "bin" / name)

    @property
    def site(self) -> Path:
        """Its folder site-packages."""
        (site,) = self.folder.glob("lib/python*/site-packages")
        return site

    def install_torch(self, backend: str) -> None:
        """Install torch for `cpu`, `cu126`, ...: uv knows the index of each."""
        words = ("--torch-backend", backend, "torch")
        with timed(self.seconds, f"install torch for {backend}"):
            uv("pip", "install", "--quiet", "--python", self.program("python"), *words)

    def install(self, *words: str, step: str) -> None:
        """Install packages."""
        with timed(self.seconds, step):
            if self.pip:
                run(self.program("python"), "-m", "pip", "install", "--quiet", *words)
            else:
                uv("pip", "install", "--quiet", "--python", self.program("python"), *words)

    def run(self, *words: str, step: str, folder: Path, code: int = 0) -> str:
        """Run one of its programs, and return what it prints on both streams."""
        with timed(self.seconds, step):
            return run(self.program(words[0]), *words[1:], folder=folder, code=code)

    def sizes(self) -> dict[str, float]:
        """Megabytes of all that is installed, and of the ten largest folders."""
        each = {place.name: size_of(place) for place in self.site.iterdir()}
        largest = sorted(each, key=lambda name: -each[name])[:10]
        return {"all": round(sum(each.values())), **{name: round(each[name]) for name in largest}}


@contextmanager
def timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    """Record the duration of a step."""
    start = time.perf_counter()
    yield
    seconds[step] = round(time.perf_counter() - start, 1)
    print(f"  {step}: {seconds[step]} s", flush=True)


def size_of(place: Path) -> float:
    """Megabytes of a file, or of all files below a folder."""
    files = place.rglob("*") if place.is_dir() else [place]
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink()) / MEGABYTE


def run(*words: str, folder: Path = ROOT, code: int = 0) -> str:
    """Run a program without the checkout on its path.

    Raises:
        SystemExit: It ends with another exit code.
    """
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != code:
        raise SystemExit(f"{done.stdout}\n{' '.join(words)}: exit code {done.returncode}; expected {code}")
    return done.stdout


def uv(*words: str) -> None:
    """Run uv: that of this environment, or else of the search path."""
    program = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if program is None:
        raise SystemExit("uv: is not installed; run: pip install uv")
    run(program, *words)


def build(folder: Path) -> Path:
    """Build the wheel from the source distribution, as an index would get both."""
    copy = folder / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    uv("build", "--quiet", "--out-dir", str(folder / "dist"), str(copy))
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def check_files(wheel: Path) -> None:
    """Check that the wheel has the expected files and no others."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    modules = {str(file.relative_to(ROOT / "src")) for file in (ROOT / "src").rglob("*.py")}
    expected = modules | {*DATA, *WEIGHTS}
    others = {name for name in names - expected if ".dist-info/" not in name}
    if others or expected - names:
        raise SystemExit(f"{wheel.name}: without {sorted(expected - names)}; with {sorted(others)} too much")


def try_wheel(
    environment: Environment,
    wheel: Path,
    backend: str | None,
    before: Sequence[str],
    clip: Path | None,
    checkpoint: Path | None,
) -> None:
    """Install the wheel, and run what users run first.

    Args:
        environment: New.
        wheel: To install.
        backend: That torch is installed for first; None installs none.
        before: Requirements that are installed first.
        clip: Video with a face; None takes a rendered one.
        checkpoint: Weights that are explained; None takes those of the wheel.
    """
    environment.make()
    if backend:
        environment.install_torch(backend)
    if before:
        environment.install(*before, step="install what comes before")
    environment.install(str(wheel), step="install")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        version = environment.run("uncover", "--version", step="uncover --version", folder=folder)
        assert version.split() == ["uncover", wheel.name.split("-")[1]], version
        if clip is None:
            words = ("make_synthetic", "videos", "ward", "--infants", "1", "--seconds", "2", "--size", "320")
            environment.run("uncover", *words, step="uncover make_synthetic", folder=folder)
            clip = next((folder / "ward").rglob("*.mp4"))
        environment.run("uncover", "detect", str(clip), "--out", "found", step="uncover detect", folder=folder)
        summary = json.loads((folder / "found" / "summary.json").read_text(encoding="utf-8"))
        assert summary, "nothing was found"
        pick = "import av, sys; next(av.open(sys.argv[1]).decode(video=0)).to_image().save('photos/a.png')"
        (folder / "photos").mkdir()
        environment.run("python", "-c", pick, str(clip), step="take a frame", folder=folder)
        weights = checkpoint or next(environment.site.glob("uncover/weights/general.pt"))
        words = (
            "heatmaps",
            "--weights",
            str(weights.resolve()),
            "--method",
            "gradcampp",
            "--confidence",
            "0.05",
            "photos",
            "maps",
        )
        # 3: nothing in the frame to explain.
        try:
            environment.run("uncover", *words, step="uncover heatmaps", folder=folder)
        except SystemExit as error:
            if "exit code 3" not in str(error):
                raise
        assert list((folder / "maps" / "gradcampp" / "joint").glob("*.tif"))
        environment.run("python", "-c", FIVE_LINES, step="uncover.FaceDetector()", folder=folder)
        environment.run("uncover", "doctor", step="uncover doctor", folder=folder)
        words = ("predict", "baseline", "mtcnn", "photos", "--out", "boxes")
        told = environment.run("uncover", *words, step="a missing extra", folder=folder, code=2)
        assert "run: pip install 'uncover[baselines]'" in told, told
    print(f"  MB: {environment.sizes()}", flush=True)


def lowest(folder: Path, wheel: Path, python: str) -> Environment:
    """Install the lower bounds and the wheel, and run the tests of everything that computes."""
    environment = Environment(folder / "lowest", python)
    environment.make()
    tests = ("pytest>=8", "hypothesis>=6.100")
    words = ("--resolution", "lowest-direct", "-r", str(ROOT / "pyproject.toml"), "--extra", "all", *tests)
    environment.install(*words, step="install the lower bounds")
    environment.install("--no-deps", str(wheel), step="install the wheel")
    left_out = [word for name in NOT_THERE for word in ("--ignore", name)]
    left_out += [word for name in OTHERWISE for word in ("--deselect", name)]
    options = ("-p", "no:cacheprovider", "-m", "not whole_run", *left_out)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    told = environment.run("python", "-m", "pytest", *options, *LOWEST_TESTS, step="tests", folder=ROOT)
    print(told.splitlines()[-1])
    return environment


def main() -> None:
    """Run what the command line asks for, and print times and sizes as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("wheel", "lowest"))
    parser.add_argument("--python", action="append", help="version or path; may be repeated")
    parser.add_argument("--with", dest="tools", choices=("pip", "uv"), action="append", help="may be repeated")
    parser.add_argument("--before", default="", help="requirements to install first")
    parser.add_argument(
        "--torch", metavar="BACKEND", help="install torch for it first: cpu, cu126, ... (uv downloads it)"
    )
    parser.add_argument("--clip", type=Path, help="video with a face (default: a rendered one)")
    parser.add_argument("--checkpoint", type=Path, help="weights to explain (default: those in the wheel)")
    parser.add_argument("--out", type=Path, help="JSON file for times and sizes")
    args = parser.parse_args()
    before = args.before.split()
    values: dict[str, Any] = {"machine": platform.platform()}
    with tempfile.TemporaryDirectory(dir=os.environ.get("UNCOVER_INSTALLS")) as name:
        folder = Path(name)
        wheel = build(folder)
        check_files(wheel)
        values["wheel MB"] = round(size_of(wheel), 1)
        print(f"{wheel.name}: {values['wheel MB']} MB", flush=True)
        if args.what == "lowest":
            tried = [lowest(folder, wheel, (args.python or PYTHONS)[0])]
        else:
            tried = []
            for python in args.python or PYTHONS:
                for tool in args.tools or ("pip", "uv"):
                    print(f"Python {python}, {tool}", flush=True)
                    environment = Environment(
                        folder / f"{tool} {Path(python).name}".replace(" ", "-"), python, tool == "pip"
                    )
                    try_wheel(
                        environment, wheel, args.torch, before, args.clip and args.clip.resolve(), args.checkpoint
                    )
                    tried.append(environment)
                    values[environment.folder.name] = {"seconds": environment.seconds, "MB": environment.sizes()}
                    shutil.rmtree(environment.folder)
    text = json.dumps(values, indent=2)
    print(text)
    if args.out:
        args.out.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
