"""Heatmap sets: what is in them, how shards share them, and that nothing is made twice."""

from __future__ import annotations

import copy
import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.cam.reference import Pair
from tests.cam.sets import EMPTY, NAMES, RECIPE, VARIANTS, contents, make, make_set_of_maps, pictures
from uncover.cam import engine, shards
from uncover.cam.engine import Explainer
from uncover.cam.heatmaps import MAP, NO_DETECTION, NOT_FINITE
from uncover.cam.store import collect, read_manifest
from uncover.config.heatmaps import Variant
from uncover.errors import InputError
from uncover.images.inputs import Shard
from uncover.images.maps import read_maps
from uncover.yolov5.inference import FramedImages
from uncover.yolov5.network import Network


@pytest.fixture(scope="module")
def network(learned: Pair) -> Network:
    return learned.ours


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return pictures(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def made(network: Network, images: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of two variants, made in one go; not to be changed."""
    out = tmp_path_factory.mktemp("made")
    make_set_of_maps(network, images, out)
    return out


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "copied")


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, set[str]]]:
    """Of each batch that the network is asked about from now on: images, and variants explained."""
    found: list[tuple[int, set[str]]] = []
    ask = Explainer.__call__

    def note(explainer: Explainer, batch: torch.Tensor) -> engine.Explanation:
        explanation = ask(explainer, batch)
        found.append((len(batch), set(explanation.maps)))
        return explanation

    monkeypatch.setattr(Explainer, "__call__", note)
    return found


def changed(before: dict[str, bytes], folder: Path) -> set[str]:
    after = contents(folder)
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_files_hold_what_the_network_says_of_each_image(network: Network, images: dict[str, Path], made: Path) -> None:
    explain = Explainer(network, VARIANTS, RECIPE.confidence, RECIPE.nms_iou)
    for name, path in images.items():
        file = Path(name).with_suffix(".tif")
        framed = FramedImages([path], np.array([[60, 90] if name == EMPTY else [96, 72]]), 64, 3, 114)
        explanation = explain(torch.from_numpy(framed[0][None]).float() / 255)
        for variant, (expected,) in explanation.maps.items():
            classes = read_maps(made / variant / "images" / file, 2)
            joint = read_maps(made / variant / "joint" / file, 1)
            found = np.concatenate([classes.native(), joint.native()])
            tolerance = 1e-4 * expected.values.max((1, 2), keepdims=True, initial=0)
            assert (np.abs(found - expected.values) <= tolerance).all()
            assert classes.frame == joint.frame == framed.frames[0]
            assert [*classes.about["status"], *joint.about["status"]] == list(expected.status)
            boxes = np.array(classes.about["detections"]).reshape(-1, 6)
            np.testing.assert_allclose(boxes, explanation.detections[0].numpy(), atol=0.006)


def test_files_say_how_they_were_made(images: dict[str, Path], made: Path) -> None:
    keys = set()
    for variant, wanted in VARIANTS.items():
        for folder, names in (("images", list(NAMES)), ("joint", ["joint"])):
            about = read_maps(made / variant / folder / "0.tif").about
            assert about["class_names"] == names and about["method"] == wanted.method
            assert tuple(about["layers"]) == wanted.layers and about["target"] == "T2"
            assert about["model"] == RECIPE.model and about["variant"] == variant
        keys |= {read_maps(made / variant / "images" / f"{number}.tif").about["key"] for number in range(6)}
    assert len(keys) == 6 * len(VARIANTS)


def test_the_manifest_has_every_image_and_says_which_maps_are_blank(images: dict[str, Path], made: Path) -> None:
    for variant in VARIANTS:
        manifest = read_manifest(made / variant / "manifest.parquet")
        table = manifest.table.set_index("image")
        assert list(table.index) == sorted(images) and manifest.settings["class_names"] == list(NAMES)
        assert [tuple(size) for size in table[["width", "height"]].to_numpy()] == [(96, 72)] * 6 + [(60, 90)]
        for name, path in images.items():
            assert table.at[name, "sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        nothing = table.loc[EMPTY]
        assert list(nothing["status"]) == [NO_DETECTION] * 3 and list(nothing["detections"]) == [0, 0]
        assert list(nothing["saturated"]) == list(nothing["inverted"]) == [None] * 3
        assert not read_maps(made / variant / "images" / nothing["file"]).values.any()
    # The network has learned its squares: without maps there would be nothing to test here.
    assert sum(status == MAP for statuses in table["status"] for status in statuses) >= 12


def test_a_second_run_makes_nothing(
    network: Network, images: dict[str, Path], copied: Path, passes: list[tuple[int, set[str]]]
) -> None:
    before = contents(copied)
    summary = make(network, images, copied)
    assert (summary.images, summary.made, passes) == (7, 0, [])
    assert not changed(before, copied)


def test_blank_maps_are_counted(network: Network, images: dict[str, Path], copied: Path) -> None:
    summary = make(network, images, copied)
    assert summary.maps == 7 * len(NAMES)
    for variant, blank in summary.blank.items():
        statuses = read_manifest(copied / variant / "shards/1-of-1.parquet").table["status"]
        assert blank == sum(status != MAP for own in statuses for status in own[:-1])


def lose_joint(folder: Path, images: dict[str, Path]) -> None:
    (folder / "fine/joint/2.tif").unlink()


def lose_classes(folder: Path, images: dict[str, Path]) -> None:
    (folder / "fine/images/2.tif").unlink()


def cut_off(folder: Path, images: dict[str, Path]) -> None:
    path = folder / "fine/images/2.tif"
    path.write_bytes(path.read_bytes()[:-100])


def garbage(folder: Path, images: dict[str, Path]) -> None:
    (folder / "fine/joint/2.tif").write_bytes(b"")


def of_another_key(folder: Path, images: dict[str, Path]) -> None:
    path = folder / "fine/images/2.tif"
    path.write_bytes(re.sub(rb'"key": "\w{8}', b'"key": "00000000', path.read_bytes()))


@pytest.mark.parametrize("spoil", [lose_joint, lose_classes, cut_off, garbage, of_another_key])
def test_what_is_missing_or_spoilt_is_made_anew_and_nothing_else(
    network: Network,
    images: dict[str, Path],
    copied: Path,
    passes: list[tuple[int, set[str]]],
    spoil: Callable[[Path, dict[str, Path]], None],
) -> None:
    before = contents(copied)
    times = {path: path.stat().st_mtime_ns for path in copied.rglob("*.tif")}
    spoil(copied, images)
    assert make(network, images, copied).made == 1
    assert [variants for _, variants in passes] == [{"fine"}]
    # Down to the last bit, as in the run before.
    assert not changed(before, copied)
    touched = {path for path, time in times.items() if path.stat().st_mtime_ns != time}
    assert touched <= {copied / "fine" / part / "2.tif" for part in ("images", "joint")}


@pytest.mark.parametrize(
    "changes",
    [
        {"confidence": 0.2},
        {"nms_iou": 0.5},
        {"image_size": 96},
        {"model": "1" * 64},
        {"variants": {name: variant.model_copy(update={"target": "T1"}) for name, variant in VARIANTS.items()}},
    ],
)
def test_other_settings_make_all_anew(
    network: Network, images: dict[str, Path], copied: Path, changes: dict[str, Any]
) -> None:
    assert make(network, images, copied, **changes).made == 7


def test_an_image_of_other_content_is_made_anew(
    network: Network, images: dict[str, Path], copied: Path, tmp_path: Path
) -> None:
    other = shutil.copy(images["4.png"], tmp_path / "2.png")
    assert make(network, {**images, "2.png": Path(other)}, copied).made == 1
    two, four = (read_maps(copied / f"fine/images/{number}.tif") for number in (2, 4))
    assert two.values.tobytes() == four.values.tobytes()


def test_shards_share_a_set(network: Network, images: dict[str, Path], tmp_path: Path) -> None:
    for out, count in ((tmp_path / "one", 1), (tmp_path / "three", 3)):
        for number in range(1, count + 1):
            summary = make(network, images, out, Shard(number, count), batch=1)
            assert summary.images == (7 if count == 1 else (3, 2, 2)[number - 1])
        for variant in VARIANTS:
            collect(out / variant)
    for variant in VARIANTS:
        one, three = (contents(tmp_path / name / variant) for name in ("one", "three"))
        assert three.keys() - one.keys() == {f"shards/{number}-of-3.parquet" for number in (1, 2, 3)}
        same = [name for name in one if name.endswith((".tif", ".csv"))]
        assert len(same) == 15 and all(one[name] == three[name] for name in same)
        tables = [read_manifest(tmp_path / name / variant / "manifest.parquet").table for name in ("one", "three")]
        assert tables[0].to_json() == tables[1].to_json()


def test_more_shards_than_images(network: Network, images: dict[str, Path], tmp_path: Path) -> None:
    few = {"0.png": images["0.png"]}
    for number in (1, 2):
        make(network, few, tmp_path, Shard(number, 2))
    assert len(collect(tmp_path / "fine").manifest.table) == 1


def test_another_number_of_shards_forgets_the_records_of_the_old(
    network: Network, images: dict[str, Path], copied: Path
) -> None:
    # What a killed process leaves of a record is none.
    (copied / "fine/shards/.2-of-2.99.tmp.parquet").write_bytes(b"")
    make(network, images, copied, Shard(1, 2))
    with pytest.raises(InputError, match=r"2-of-2\.parquet: does not exist; run .*--shard 2/2"):
        collect(copied / "fine")
    make(network, images, copied, Shard(2, 2))
    assert len(collect(copied / "fine").manifest.table) == 7


def test_a_record_says_that_its_shard_is_done(
    network: Network, images: dict[str, Path], copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that does not reach its end leaves no record behind, not even the one of the run before."""

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shards, "write_files", fail)
        with pytest.raises(OSError, match="No space left"):
            make(network, images, copied, confidence=0.2)
    with pytest.raises(InputError, match="no record of a shard"):
        collect(copied / "fine")


@pytest.mark.parametrize("at", [0, 1, 5])
def test_a_full_disk_keeps_what_is_done(
    network: Network, images: dict[str, Path], made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    write, calls = shards.write_files, iter(range(1000))

    def fill_up(*arguments: Any) -> None:
        if next(calls) >= at:
            raise OSError(28, "No space left on device")
        write(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(shards, "write_files", fill_up)
        with pytest.raises(OSError, match="No space left"):
            make(network, images, tmp_path)
    assert len(list(tmp_path.glob("*/images/**/*.tif"))) == at
    make_set_of_maps(network, images, tmp_path)
    assert not changed(contents(made), tmp_path)


def test_two_images_of_one_stem_are_refused_before_anything_is_written(
    network: Network, images: dict[str, Path], tmp_path: Path
) -> None:
    twice = {"a.jpg": images["0.png"], "a.png": images["1.png"]}
    with pytest.raises(InputError, match=r"a\.png: its heatmaps would be a\.tif, like those of a\.jpg; rename one"):
        make(network, twice, tmp_path)
    # Nor does it help that they are in different shards.
    with pytest.raises(InputError, match=r"a\.tif"):
        make(network, twice, tmp_path, Shard(1, 2))
    assert not list(tmp_path.rglob("*.tif"))


def test_what_overflows_is_blank_and_flagged(network: Network, images: dict[str, Path], tmp_path: Path) -> None:
    spoilt = copy.deepcopy(network)
    with torch.no_grad():
        spoilt.model[23].cv3.conv.weight.mul_(1e38)
    variants = {"T1": Variant(method="gradcam", target="T1"), "T2": Variant(method="hirescam")}
    sets = make_set_of_maps(spoilt, images, tmp_path, variants=variants)
    for name, found in sets.items():
        statuses = {status for own in found.manifest.table["status"] for status in own}
        assert MAP not in statuses and (name == "T2" or NOT_FINITE in statuses)
        assert (found.lint["blank"] == 1).all() and (name == "T2" or found.lint["not_finite"].min() > 0)
        assert not any(read_maps(path).values.any() for path in (tmp_path / name / "images").rglob("*.tif"))
