"""Videos against what pixels, physics and the plan of events say; files read back with PyAV and the csv module."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncover.data.video_truth import read_video_truth
from uncover.errors import InputError
from uncover.synthetic.compose import compose
from uncover.synthetic.events import AdultVisit, BlanketVisit, Span, timeline
from uncover.synthetic.scene import rng_of
from uncover.synthetic.videos import VideoCounts, VideoPlan, incubator_video, write_videos

EVENTS = {"still", "movement", "hand", "nurse", "dim", "away"}
SECONDS = 12.0


def plan_of(index: int, size: int = 96) -> VideoPlan:
    return incubator_video(rng_of(4, "test", index), size, SECONDS)


def span_of(plan: VideoPlan, event: str) -> Span:
    return next(span for span in plan.spans if span.event == event)


def middle(span: Span) -> float:
    return (span.start + span.stop) / 2


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), seconds=st.floats(1, 90))
def test_events_fill_the_video(seed: int, seconds: float) -> None:
    spans = timeline(np.random.default_rng(seed), seconds)
    assert spans[0].start == 0 and spans[-1].stop == pytest.approx(seconds)
    for one, other in pairwise(spans):
        assert one.stop == other.start and (one.event == "still") != (other.event == "still")
    events = {span.event for span in spans}
    assert events <= EVENTS and len(events) >= 2
    assert seconds < 10 or events == EVENTS
    assert seconds < 10 or min(span.stop - span.start for span in spans if span.event != "still") > 0.6


def green_share(plan: VideoPlan, second: float) -> tuple[float, float]:
    """Shares of pixels of the infant's skin inside the truth's box, and in a frame of half its width around it.

    The infant is painted in a green that nothing else has, without noise and colour casts.
    """
    infant = plan.movement.person
    green = replace(
        infant, appearance=replace(infant.appearance, skin=(0.05, 0.8, 0.05), blush=0.0), clothes=(0.5, 0.5, 0.5)
    )
    painted = replace(plan, movement=replace(plan.movement, person=green))
    picture = painted.frame_at(second, 0).photo.picture.astype(int)
    box = painted.frame_at(second, 0).box
    assert box is not None
    skin = picture[..., 1] > 2 * np.maximum(picture[..., 0], picture[..., 2]) + 12
    x1, y1, x2, y2 = (round(value) for value in box)
    inside = skin[y1:y2, x1:x2]
    wide, high = (x2 - x1) // 2, (y2 - y1) // 2
    around = skin[max(y1 - high, 0) : y2 + high, max(x1 - wide, 0) : x2 + wide]
    return float(inside.mean()), float((around.sum() - inside.sum()) / (around.size - inside.size))


@pytest.mark.parametrize("index", range(5))
def test_the_box_is_where_the_skin_is_and_a_nurse_hides_it(index: int) -> None:
    plan = plan_of(index)
    open_inside, open_around = green_share(plan, 0.05)
    assert open_inside > 0.6 and open_inside > 1.8 * open_around
    hidden_inside, _ = green_share(plan, middle(span_of(plan, "nurse")))
    assert hidden_inside < 0.62 * open_inside


def test_both_ways_of_nursing_are_drawn() -> None:
    plans = [plan_of(index) for index in range(12)]
    assert any(isinstance(visit, AdultVisit) for plan in plans for visit in plan.visits)
    assert any(isinstance(visit, BlanketVisit) for plan in plans for visit in plan.visits)


@pytest.mark.parametrize("index", range(2))
def test_visible_features_lie_in_the_box(index: int) -> None:
    plan = plan_of(index, 64)
    for second in np.linspace(0.1, SECONDS - 0.1, 12):
        frame = plan.frame_at(float(second), 0)
        if frame.box is None:
            continue
        inner = frame.photo.faces[-1].wflw[60:96]
        inside = (inner >= 0).all(1) & (inner <= (plan.scene.width, plan.scene.height)).all(1)
        low, high = np.array(frame.box[:2]), np.array(frame.box[2:])
        assert (inner[inside] >= low - 0.01).all() and (inner[inside] <= high + 0.01).all()


@pytest.mark.whole_run
def test_movement_is_smooth_and_only_who_is_carried_is_away() -> None:
    plan = plan_of(0, 64)
    rate = 4
    frames = [plan.frame_at(k / rate, k) for k in range(int(SECONDS * rate))]
    away = span_of(plan, "away")
    fastest: dict[str, float] = {}
    for k, (one, other) in enumerate(pairwise(frames)):
        second = (k + 1) / rate
        # Being carried may take half a step more on either side.
        if away.start - 1 / rate <= second <= away.stop + 1 / rate:
            continue
        assert one.box is not None and other.box is not None and one.event != "away"
        a, b = np.array(one.box), np.array(other.box)
        face = a[3] - a[1]
        speed = float(np.abs((a[:2] + a[2:] - b[:2] - b[2:]) / 2).max()) * rate / face
        event = one.event if one.event == other.event else "between"
        fastest[event] = max(fastest.get(event, 0.0), speed)
    assert max(fastest.values()) < 2.5 and fastest["still"] < 0.5
    assert fastest["movement"] > 1.5 * fastest["still"]
    gone = [frame for frame in frames if frame.box is None]
    assert len(gone) >= 3 and {frame.event for frame in gone} == {"away"}
    assert all(frame.event == "away" for frame in frames if not frame.photo.faces)


def test_nothing_but_the_noise_differs_from_frame_to_frame() -> None:
    plan = plan_of(1)
    quiet = replace(plan, scene=replace(plan.scene, lens=replace(plan.scene.lens, noise=0.0)))
    for second in (0.1, middle(span_of(plan, "hand")), middle(span_of(plan, "away"))):
        assert np.array_equal(quiet.frame_at(second, 0).photo.picture, quiet.frame_at(second, 9).photo.picture)
        noisy = plan.frame_at(second, 0).photo.picture, plan.frame_at(second, 9).photo.picture
        assert 0.5 < np.abs(noisy[0].astype(int) - noisy[1]).mean() < 12
        # The skin, cloth and backdrop of a millisecond later are the same too.
        later = quiet.frame_at(second + 0.001, 0).photo.picture.astype(int)
        assert np.abs(later - quiet.frame_at(second, 0).photo.picture).mean() < 1.5


def test_the_incubator_is_the_same_when_its_infant_is_away() -> None:
    plan = plan_of(0)
    scene = plan.scene_at(middle(span_of(plan, "away")), 0)
    assert scene.people == () and compose(scene).faces == ()
    still = plan.frame_at(0.05, 0).photo.picture.astype(int)
    empty = plan.frame_at(middle(span_of(plan, "away")), 0).photo.picture.astype(int)
    same = (np.abs(still - empty).max(2) < 25).mean()
    assert 0.1 < same < 0.9


@pytest.mark.parametrize("index", range(6))
def test_dimmed_is_dark_but_not_black(index: int) -> None:
    plan = plan_of(index)
    light = plan.frame_at(0.05, 0).photo.picture.mean()
    dark = plan.frame_at(middle(span_of(plan, "dim")), 1)
    assert 0.14 * light < dark.photo.picture.mean() < 0.45 * light
    assert dark.event == "dim" and dark.grade in ("medium", "hard") and dark.box is not None


def test_only_quick_movement_is_blurred() -> None:
    plan = plan_of(2)
    blurs = {
        event: max(
            plan.scene_at(float(second), 0).lens.motion
            for second in np.linspace(span_of(plan, event).start + 0.01, span_of(plan, event).stop - 0.01, 30)
        )
        for event in EVENTS
    }
    assert 1 < blurs.pop("movement") <= 0.03 * plan.scene.width
    assert set(blurs.values()) == {0.0}


SMALL = {"seconds": 3, "rate": 3, "size": 64}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, VideoCounts]:
    root = tmp_path_factory.mktemp("videos")
    return root, write_videos(root, infants=2, seed=3, **SMALL)


def test_same_seed_same_bytes_and_more_infants_change_nothing(
    written: tuple[Path, VideoCounts], tmp_path: Path
) -> None:
    write_videos(tmp_path / "one", infants=1, seed=3, **SMALL)
    write_videos(tmp_path / "other", infants=1, seed=4, **SMALL)
    for name in ("infant_01.mp4", "infant_01.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (written[0] / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (written[0] / name).read_bytes()


def test_each_frame_has_its_row(written: tuple[Path, VideoCounts]) -> None:
    root, counts = written
    assert sorted(path.name for path in root.iterdir()) == [
        "infant_01.csv", "infant_01.mp4", "infant_02.csv", "infant_02.mp4",
    ]  # fmt: skip
    faces = 0
    for number in (1, 2):
        with av.open(str(root / f"infant_{number:02}.mp4")) as container:
            frames = list(container.decode(video=0))
        with (root / f"infant_{number:02}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == ["frame", "second", "x1", "y1", "x2", "y2", "grade", "event"]
        assert len(frames) == len(rows) == 9 and (frames[0].width, frames[0].height) == (64, 48)
        assert [float(frame.time) for frame in frames] == pytest.approx(
            [float(row["second"]) for row in rows], abs=1e-4
        )
        faces += sum(bool(row["x1"]) for row in rows)
        read = read_video_truth(root / f"infant_{number:02}.csv")
        assert read["frame"].tolist() == list(range(9)) and read["event"].tolist() == [row["event"] for row in rows]
    assert counts == VideoCounts(2, 18, faces)


def test_the_video_shows_what_was_drawn(written: tuple[Path, VideoCounts]) -> None:
    plan = incubator_video(rng_of(3, "videos", 1), 64, 3)
    with av.open(str(written[0] / "infant_02.mp4")) as container:
        shown = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    for index in (0, 4):
        drawn = plan.frame_at(index / 3, index).photo.picture
        # Colours have half the resolution, so brightness is compared.
        error = shown[index].astype(float).mean(2) - drawn.astype(float).mean(2)
        assert np.sqrt((error**2).mean()) < 4


def test_bad_arguments_name_the_argument(tmp_path: Path) -> None:
    for name, value in (("infants", -1), ("seconds", 0), ("rate", 0), ("size", 63)):
        arguments = {"infants": 1, "seed": 1, **SMALL, name: value}
        with pytest.raises(InputError, match=f"--{name} {value}"):
            write_videos(tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()
