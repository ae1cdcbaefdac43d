"""What is found live equals what a run stores of the same pictures: one detector, one meaning."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.video.live_run import HEATMAP_DETECTORS, SET, LiveRun, of_class
from uncover.cam.store import read_manifest
from uncover.images.maps import StoredMaps
from uncover.images.reading import COLOURS, read_image
from uncover.video.batches import letterboxed
from uncover.video.decode import Frame
from uncover.video.detected_frames import DETECTOR, RESCUE, DetectedFrame
from uncover.video.detection import detect_batch, rescue_batch
from uncover.video.load_networks import load_networks
from uncover.video.options import NetworkOptions
from uncover.video.rescue import LiveMaps, Missed
from uncover.yolov5.device import Precision

PIXEL, SURE = 1e-3, 1e-5
NO_BOXES = np.zeros((0, 5), np.float32)
STRATEGIES = ("lower_threshold", "part_fusion", "face_and_part_fusion", "box_fusion", "multi_scale", "heatmap_boxes")
QUICK_HEATMAPS = ("gradcampp_10", "gradcampp_whole_face", "hirescam_t1_avg", "early_10")
STORED_AS = {"one_class": "rgb1"}


def look_at_pictures(
    run: LiveRun,
    rescue: str,
    confidence: float | None = None,
    batch: int = 3,
    precision: Precision = "float32",
    covered: bool = False,
) -> dict[str, DetectedFrame]:
    """What is detected in the pictures, by name."""
    options = NetworkOptions(
        run.folder,
        None,
        rescue,
        confidence=confidence or run.confidence,
        device="cpu",
        precision=precision,
        covered=covered,
    )
    networks = load_networks(options)
    frames = [Frame(number, np.nan, read_image(path, COLOURS)) for number, path in enumerate(run.images.values())]
    pictures = list(letterboxed(frames, networks.detector.image_size, networks.detector.header.padding))
    detected = [
        frame
        for start in range(0, len(frames), batch)
        for frame in rescue_batch(detect_batch(pictures[start : start + batch], networks), networks)
    ]
    return dict(zip(run.images, detected, strict=True))


def boxes_of(frame: DetectedFrame, found_by: int) -> NDArray[np.float32]:
    own = frame.detections[frame.found_by == found_by]
    return np.column_stack([own.boxes, own.confidence])


def assert_same(found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    assert len(found) == len(expected)
    np.testing.assert_allclose(found[:, 4], expected[:, 4], rtol=0, atol=SURE)
    np.testing.assert_allclose(found[:, :4], expected[:, :4], rtol=0, atol=PIXEL)


def test_the_detector_finds_what_it_predicts(live_run: LiveRun) -> None:
    detected, stored = look_at_pictures(live_run, "none"), live_run.stored("rgb10")
    for image, found in detected.items():
        assert (found.found_by == DETECTOR).all()
        assert_same(boxes_of(found, DETECTOR), of_class(stored, image))
    assert sum(len(found.detections) for found in detected.values()) > len(detected)


@pytest.mark.parametrize("name", ["rgb1_occlusion", "grey", "parts", "one_class", *STRATEGIES])
def test_a_rescue_finds_what_is_stored_of_it(live_run: LiveRun, name: str) -> None:
    detected, stored = look_at_pictures(live_run, name), live_run.stored(STORED_AS.get(name, name))
    missed = set(missed_pictures(live_run))
    assert 0 < len(missed) < len(detected)
    for image, found in detected.items():
        assert_same(boxes_of(found, DETECTOR), of_class(live_run.stored("rgb10"), image))
        # Where there is a face already, nothing looks again.
        assert_same(boxes_of(found, RESCUE), of_class(stored, image) if image in missed else NO_BOXES)
    assert any((found.found_by == RESCUE).any() for found in detected.values())


@pytest.mark.parametrize("name", ["none", "rgb1_occlusion", "parts", "multi_scale", "heatmap:gradcampp_10"])
def test_whatever_any_network_said_is_covered(live_run: LiveRun, name: str) -> None:
    """Stored predictions, made by another way, begin at a lower confidence, and at that of a cover none may be bare."""
    stored = {"none": [], "multi_scale": ["rgb1_occlusion", "rgb1_occlusion_scale1"]}.get(name, [name.split(":")[-1]])
    missed = set(missed_pictures(live_run))
    plain = look_at_pictures(live_run, name)
    for image, detected in look_at_pictures(live_run, name, covered=True).items():
        height, width = read_image(live_run.images[image], COLOURS).shape[:2]
        assert detected.cover is not None and plain[image].cover is None
        assert (detected.detections.boxes == plain[image].detections.boxes).all()
        mask = detected.cover.mask(width, height)
        for method in ["rgb10", *(stored if image in missed else [])]:
            boxes = live_run.stored(method).boxes.query("image == @image and confidence > 0.01")
            assert len(boxes)
            for x1, y1, x2, y2 in boxes[["x1", "y1", "x2", "y2"]].to_numpy():
                own = mask[int(max(y1, 0)) : int(np.ceil(y2)), int(max(x1, 0)) : int(np.ceil(x2))]
                assert own.all()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in QUICK_HEATMAPS else pytest.mark.whole_run) for name in HEATMAP_DETECTORS],
)
def test_a_heatmap_detector_finds_what_it_predicts_on_a_heatmap_set(live_run: LiveRun, name: str) -> None:
    # All in one batch, as the set was made: beside other pictures, last bits of a map would differ, and rounded to
    # levels of 255 they may become more than last bits.
    detected, stored = (
        look_at_pictures(live_run, f"heatmap:{name}", confidence=1, batch=len(live_run.images)),
        live_run.stored(name),
    )
    blank = blank_pictures(live_run, name)
    assert len(blank) < len(detected)
    for image, found in detected.items():
        assert_same(boxes_of(found, RESCUE), of_class(stored, image) if image not in blank else NO_BOXES)
    assert any((found.found_by == RESCUE).any() for found in detected.values())


def test_a_heatmap_detector_looks_at_missed_pictures_only(live_run: LiveRun) -> None:
    detected = look_at_pictures(live_run, "gradcampp_multiscale_avg")
    rescued = {image for image, found in detected.items() if (found.found_by == RESCUE).any()}
    assert rescued and rescued <= set(missed_pictures(live_run))


@pytest.mark.parametrize("name", ["gradcampp_10", "hirescam_t1_avg", "early_10"])
def test_heatmaps_are_the_same_bits_whatever_the_precision_of_the_detector(
    live_run: LiveRun, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[Precision, list[StoredMaps]] = {"float32": [], "bfloat16": []}
    found = {}
    make = LiveMaps.make
    for precision, own in seen.items():

        def note(maps: LiveMaps, missed: Missed, own: list[StoredMaps] = own) -> list[StoredMaps]:
            made = make(maps, missed)
            own += made
            return made

        monkeypatch.setattr(LiveMaps, "make", note)
        # All are missed, so that the same pictures are in a batch: beside others, last bits would differ.
        found[precision] = look_at_pictures(live_run, f"heatmap:{name}", 1, precision=precision)
    assert len(seen["float32"]) == len(live_run.images)
    for one, other in zip(seen["float32"], seen["bfloat16"], strict=True):
        assert np.array_equal(one.values, other.values) and np.array_equal(one.scales, other.scales)
        assert one.about == other.about
    assert any(maps.values.any() for maps in seen["float32"])
    # The detector itself does compute in another precision.
    image = next(iter(live_run.images))
    first, second = (boxes_of(found[precision][image], DETECTOR) for precision in seen)
    assert first.shape != second.shape or np.abs(first - second).max() > PIXEL


def missed_pictures(run: LiveRun) -> list[str]:
    """Those in which the detector's predictions hold no face."""
    stored = run.stored("rgb10")
    return [image for image in run.images if not len(of_class(stored, image, run.confidence))]


def blank_pictures(run: LiveRun, name: str) -> set[str]:
    """Those in whose heatmaps there is nothing to see."""
    variant, kind = HEATMAP_DETECTORS[name]
    table = read_manifest(run.folder / "heatmaps" / variant / SET / "manifest.parquet").table
    status = [
        each[-1:] if kind == "joint" else each[2:3] if kind == "whole_face" else each[:-1] for each in table["status"]
    ]
    return {image for image, own in zip(table["image"], status, strict=True) if "map" not in set(own)}
