"""Random rendered videos of an infant in an incubator, each with a CSV file of ground truth per frame."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from uncover.config.values import check_number
from uncover.data.faces import Visibility
from uncover.data.video_truth import TRUTH_COLUMNS, Event
from uncover.progress import track
from uncover.synthetic import infants
from uncover.synthetic.compose import Photo, Truth, compose
from uncover.synthetic.events import (
    AdultVisit,
    BlanketVisit,
    HandVisit,
    Movement,
    Span,
    Visit,
    sample_carry,
    sample_hand_visit,
    sample_movement,
    sample_nurse_visit,
    timeline,
    visiting,
)
from uncover.synthetic.infants import Grade
from uncover.synthetic.scene import (
    Blanket,
    Cap,
    Covering,
    FeedingTube,
    Person,
    Rng,
    Scene,
    around,
    happens,
    pick,
    rng_of,
)
from uncover.synthetic.surfaces import Array, scaled
from uncover.video.encode import VideoWriter

Box = tuple[float, float, float, float]

_SHUTTER_SECONDS = 1 / 25
# Share of the frame's width, as in single photos.
_LONGEST_BLUR = 0.03
# Minimum share of the infant's face box inside the frame for a face to be labelled.
_LEAST_SEEN = 1 / 3
# Hidden shares of brows, nose, eyes and mouth that separate the grades, as in single photos.
_MEDIUM_FROM, _HARD_FROM = 0.1, 0.5
_DIM_BELOW = 0.6
_FEATURES = slice(33, 96)

_MOST_INFANTS = 99
_MOST_SECONDS, _MOST_RATE = 3600, 60
# Low enough that a frame of 320 px keeps its noise.
_QUALITY = 14


@dataclass(frozen=True)
class VideoFrame:
    """A frame of a video.

    Attributes:
        photo: The rendered frame.
        box: Left, top, right, bottom of the whole face, covered or not, clipped to the frame; None if the infant is
            away.
        grade: Grade of occlusion.
        event: Current event.
    """

    photo: Photo
    box: Box | None
    grade: Grade
    event: Event


@dataclass(frozen=True)
class VideoPlan:
    """Plan of a video before rendering.

    Attributes:
        scene: The empty incubator with its light and lens.
        movement: The infant and its movement.
        spans: Events, from the first second to the last.
        visits: Objects that cover the face; a `BlanketVisit` lasts for the whole video.
        darkest: Remaining share of light in each of `spans`, 1 except for `dim`.
    """

    scene: Scene
    movement: Movement
    spans: tuple[Span, ...]
    visits: tuple[Visit, ...]
    darkest: tuple[float, ...]

    def frame_at(self, second: float, index: int) -> VideoFrame:
        """Render the frame at a time; `index` determines only its noise."""
        scene = self.scene_at(second, index)
        photo = compose(scene)
        number = self._number(second)
        event = self.spans[number].event
        truth = photo.faces[-1] if photo.faces else None
        box = None if truth is None else _box_inside(truth, scene)
        if event == "away" and box is not None:
            event = "nurse"  # an adult is carrying the infant out or in
        if truth is None or box is None:
            return VideoFrame(photo, None, "none", "away")
        return VideoFrame(photo, box, _grade(truth, scene, self._light(second)), event)

    def scene_at(self, second: float, index: int) -> Scene:
        """The scene at a time: without people, or with the infant as the last person."""
        span = self.spans[self._number(second)]
        infant = self.movement.at(second, span)
        covers: list[Covering] = list(infant.coverings)
        blankets: list[Blanket] = []
        adults: tuple[Person, ...] = ()
        for visit in self.visits:
            match visit:
                case HandVisit():
                    covers += visit.at(second)
                case BlanketVisit():
                    blankets.append(visit.at(second))
                case AdultVisit():
                    adults += visit.at(second)
        # There is one blanket, at the highest of its positions. It comes last: coverings drawn before it use the same
        # random generator.
        infant = replace(infant, coverings=(*covers, *sorted(blankets, key=lambda item: item.top)[-1:]))
        light = self._light(second)
        right, down = self.movement.speed(second, span)
        # The camera is fixed: only fast head movements cause motion blur.
        blur = float(np.hypot(right, down)) * _SHUTTER_SECONDS if span.event == "movement" else 0.0
        lens = replace(
            self.scene.lens, motion=min(blur, _LONGEST_BLUR * self.scene.width),
            motion_angle=float(np.degrees(np.arctan2(down, right))), noise=self.scene.lens.noise * (3 - 2 * light),
            glare=self.scene.lens.glare * light, grain=self.scene.lens.seed + index,
        )  # fmt: skip
        lit = replace(self.scene.light, gain=scaled(self.scene.light.gain, light))
        gone = self.movement.is_out(second, span)
        return replace(self.scene, people=() if gone else (*adults, infant), light=lit, lens=lens)

    def _number(self, second: float) -> int:
        ends = [span.stop for span in self.spans[:-1]]
        return int(np.searchsorted(ends, second, side="right"))

    def _light(self, second: float) -> float:
        """Share of the normal light."""
        number = self._number(second)
        return 1 - (1 - self.darkest[number]) * visiting(self.spans[number].share(second), 0.3)


def _box_inside(truth: Truth, scene: Scene) -> Box | None:
    """The box of a whole face, clipped to the frame; None if too little of it is inside."""
    left, top, right, bottom = truth.face_box()
    inside = np.clip([left, top, right, bottom], 0, [scene.width, scene.height] * 2)
    seen = max(inside[2] - inside[0], 0) * max(inside[3] - inside[1], 0)
    if seen < _LEAST_SEEN * (right - left) * (bottom - top):
        return None
    return float(inside[0]), float(inside[1]), float(inside[2]), float(inside[3])


def _grade(truth: Truth, scene: Scene, light: float) -> Grade:
    """Grade of occlusion, from the share of facial features that are hidden or outside the frame."""
    points: Array = truth.wflw
    outside = (points < 0).any(1) | (points > (scene.width, scene.height)).any(1)
    unseen = (truth.wflw_visibility == Visibility.EXTERNALLY_OCCLUDED) | outside
    hidden = float(unseen[_FEATURES].mean())
    if hidden >= _HARD_FROM:
        return "hard"
    # In dim light, a frame is at least medium.
    if hidden >= _MEDIUM_FROM or light < _DIM_BELOW:
        return "medium"
    worn = any(isinstance(item, Cap | FeedingTube) for item in truth.person.coverings)
    return "easy" if worn or unseen.any() else "none"


def incubator_video(rng: Rng, size: int, seconds: float) -> VideoPlan:
    """Draw a video plan: an infant with or without cap and tube who moves, is covered, cared for and carried out."""
    worn: Literal["none", "easy"] = "none" if happens(rng, 0.35) else "easy"
    scene = infants.incubator(rng, size, worn)
    turn = float(rng.uniform(-35, 35))
    infant = scene.people[0]
    infant = replace(infant, roll=infant.roll + turn, body_roll=infant.body_roll + turn)
    frame = (scene.width, scene.height)
    face = infant.scale * infants.FACE_MM
    spans = timeline(rng, seconds)
    # A hand is outside the frame if it is farther away than the farthest corner.
    corner = max(
        float(np.hypot(infant.centre[0] - x, infant.centre[1] - y)) for x in (0, frame[0]) for y in (0, frame[1])
    )
    way = 1.15 * corner / infant.scale + 180
    blanket = None
    if happens(rng, 0.45):
        pattern = str(rng.choice(["weave", "stripes", "checks", "dots"]))
        blanket = Blanket(pick(rng, infants.PASTELS), pick(rng, infants.PASTELS), -104.0, around(rng, 0.04, 0), pattern)
    visits: list[Visit] = [] if blanket is None else [BlanketVisit(blanket, blanket.top, Span("still", 0.0, seconds))]
    darkest = []
    for span in spans:
        darkest.append(float(rng.uniform(0.20, 0.34)) if span.event == "dim" else 1.0)
        if span.event == "hand":
            visits += sample_hand_visit(rng, span, way, infant.clothes)
        elif span.event == "nurse":
            visits += sample_nurse_visit(rng, span, way, infant, frame, blanket)
        elif span.event == "away":
            visits += sample_carry(rng, span, way)
    movement = sample_movement(rng, infant, face, frame)
    return VideoPlan(replace(scene, people=()), movement, spans, tuple(visits), tuple(darkest))


@dataclass(frozen=True)
class VideoCounts:
    """Numbers of written videos, frames, and frames with a face."""

    videos: int
    frames: int
    faces: int


def _row(index: int, second: float, frame: VideoFrame) -> list[str]:
    corners = ["", "", "", ""] if frame.box is None else [f"{value:.2f}" for value in frame.box]
    return [str(index), f"{second:.6f}", *corners, frame.grade, frame.event]


def write_videos(root: Path, *, infants: int, seconds: int, rate: int, size: int, seed: int) -> VideoCounts:
    """Write videos `infant_01.mp4`, ..., each with a CSV file `infant_01.csv` with the columns `TRUTH_COLUMNS`.

    Args:
        root: New or empty folder.
        infants: Number of videos, each of a different infant in a different incubator.
        seconds: Duration of each video, in seconds.
        rate: Frames a second.
        size: Longest side of a frame, in pixels.
        seed: Random seed; the same seed gives the same bytes, and more infants do not change the first ones.

    Returns:
        Videos, frames, and frames with a face.

    Raises:
        InputError: A number is out of range.
    """
    check_number("--infants", infants, 0, _MOST_INFANTS)
    check_number("--seconds", seconds, 1, _MOST_SECONDS)
    check_number("--rate", rate, 1, _MOST_RATE)
    check_number("--size", size, 64)
    root.mkdir(parents=True, exist_ok=True)
    faces = 0
    for number in range(infants):
        name = f"infant_{number + 1:02}"
        plan = incubator_video(rng_of(seed, "videos", number), size, seconds)
        rows = []
        path = root / f"{name}.mp4"
        with VideoWriter(path, plan.scene.width, plan.scene.height, rate, quality=_QUALITY) as video:
            for index in track(range(seconds * rate), name):
                frame = plan.frame_at(index / rate, index)
                video.write(np.ascontiguousarray(frame.photo.picture[..., ::-1]), index / rate)
                rows.append(_row(index, index / rate, frame))
                faces += frame.box is not None
        with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([TRUTH_COLUMNS, *rows])
    return VideoCounts(infants, infants * seconds * rate, faces)
