"""Folders and files may have any name that a disk takes, but for what Snakemake itself cannot do."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.dag.checkout import TINY
from tests.dag.conftest import Checkout

PLACE = "a ü%d 'quoted' \"twice\" [x] $HOME & `dir`"
"""Where the checkout lies."""

INFANT = "kind 'ä' %d [1]"

OWN = {"wflw": "w [x] {y}", "merl_rav": "m 'q' %(s)s", "hof": 'h "%s"', "videos": "v ö;"}
"""Folders of raw data; braces are possible where Snakemake is not handed the path as a file."""


@dataclass(frozen=True)
class Odd:
    """A checkout and all that it reads, in folders of odd names."""

    checkout: Checkout
    raw: Path

    @property
    def weights(self) -> Path:
        return self.raw / "retina 'w' {f} %s.pth"

    def uncover(self, *words: str | Path) -> None:
        environment = os.environ | {"PYTHONPATH": str(self.checkout.root / "src")}
        command = [self.checkout.python, "-m", "uncover", *words]
        subprocess.run(command, cwd=self.checkout.root, env=environment, check=True, capture_output=True)


@pytest.fixture
def odd(plain_checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Odd:
    root = tmp_path / PLACE / "checkout"
    shutil.copytree(plain_checkout.root, root, symlinks=True)
    odd = Odd(Checkout(root, plain_checkout.python), tmp_path / PLACE / "raw {r} %d")
    odd.raw.mkdir()
    scratch = tmp_path / PLACE / "for a while [t]"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    odd.weights.write_bytes(b"none yet")
    (odd.raw.parent / "ex 'l' [a] %s.txt").write_text("nobody\n", encoding="utf-8")
    write_config(odd)
    return odd


def write_config(odd: Odd) -> None:
    """The tiny run, with everything that somebody can name."""
    values = yaml.safe_load(TINY)
    values |= {
        "raw": {"folder": str(odd.raw), **OWN},
        "data_sets": {"mine": {"path": "eigene 'x' {z}", "layout": "images"}},
        "baselines": {"detectors": ["viola_jones", "retinaface"]},
        "evolution": {"generations": 0},
        "finetune": {"counts": [2], "epochs": 1, "batch": 2, "freeze": [0]},
    }
    values["splits"]["exclude"] = "../ex 'l' [a] %s.txt"
    values["detectors"]["variants"] = {}
    digest = hashlib.sha256(odd.weights.read_bytes()).hexdigest()
    values["weights"] = {"retinaface": {"path": str(odd.weights), "sha256": digest}}
    text = yaml.safe_dump(values, allow_unicode=True)
    (odd.checkout.root / "config" / "tiny.yaml").write_text(text, encoding="utf-8")


def test_every_path_is_one_word_of_its_command(odd: Odd) -> None:
    for ending in (".mp4", ".csv"):
        (odd.raw / OWN["videos"]).mkdir(exist_ok=True)
        for name in (INFANT, "infant_02"):
            (odd.raw / OWN["videos"] / f"{name}{ending}").touch()
    plan = odd.checkout.snakemake("--dry-run", "--printshellcmds")
    words = [word for line in re.findall(r"^Shell command: (.+)$", plan, re.MULTILINE) for word in shlex.split(line)]
    video = odd.raw / OWN["videos"] / f"{INFANT}.mp4"
    paths = [*(odd.raw / OWN[name] for name in ("wflw", "merl_rav", "hof", "videos")), video, odd.weights]
    assert {*map(str, paths), str(odd.raw / "eigene 'x' {z}"), "../ex 'l' [a] %s.txt", INFANT} <= set(words)
    assert f"results/tiny/logs/fine_tune/{INFANT}/0/2.log" in words


def test_what_snakemake_cannot_do_is_said_in_one_line(plain_checkout: Checkout, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "a {y} b", plain_checkout.python)
    shutil.copytree(plain_checkout.root, checkout.root, symlinks=True)
    with pytest.raises(AssertionError, match=r"a \{y\} b: has a brace or a colon in its path"):
        checkout.snakemake("--dry-run")


@pytest.mark.whole_run
def test_jobs_read_and_write_in_such_folders(odd: Odd) -> None:
    import torch
    from facexlib.detection.retinaface import RetinaFace

    small = ("--size", "96", "--seed", "3")
    odd.uncover("make_synthetic", "wflw", odd.raw / OWN["wflw"], *small, "--train", "4", "--test", "6")
    odd.uncover("make_synthetic", "merl_rav", odd.raw / OWN["merl_rav"], *small, "--train", "6", "--test", "6")
    odd.uncover("make_synthetic", "hof", odd.raw / OWN["hof"], *small, "--frames", "2")
    times = ("--infants", "2", "--rate", "3", "--seconds", "2")
    odd.uncover("make_synthetic", "videos", odd.raw / OWN["videos"], *small, *times)
    for ending in (".mp4", ".csv"):
        (odd.raw / OWN["videos"] / f"infant_01{ending}").rename(odd.raw / OWN["videos"] / f"{INFANT}{ending}")
    (odd.raw / "eigene 'x' {z}").mkdir()
    for photo in (odd.raw / OWN["hof"]).glob("*.jpg"):
        shutil.copy(photo, odd.raw / "eigene 'x' {z}")
    torch.manual_seed(0)
    torch.save(RetinaFace(network_name="mobile0.25", device="cpu").state_dict(), odd.weights)
    write_config(odd)

    names = ["datasets/hof/manifest.parquet", "datasets/mine/manifest.parquet", "tables/table_01.csv"]
    names += ["predictions/rgb10/val.parquet", "predictions/retinaface/wflw.parquet", "videos/rgb/boxes.parquet"]
    names += [f"finetune/left_out/{INFANT}/freeze_0/2/weights.pt"]
    targets = [f"results/tiny/{name}" for name in names]
    odd.checkout.snakemake(*targets)
    assert all((odd.checkout.root / target).is_file() for target in targets)
    assert odd.checkout.planned(*targets) == {}
    assert odd.checkout.plan(*targets)["jobs"] == 0
