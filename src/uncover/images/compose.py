"""Compose training images of photos: faces at any angle and scale, mosaics, heads on cloth, covers, light.

Boxes are those around rotated outlines (`uncover.data.outlines`), so they are tight at any angle. A seed always gives
the same image, on any machine and in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.data.outlines import Frame, Points, box_around, place
from uncover.images import covers
from uncover.images.covers import Cover, Image, cloth, cover_face, piece, unit

LEAST_WIDTH, LEAST_SEEN = 3.0, 0.3
"""Smallest labelled face: longer side and shorter side in pixels, and visible share of its box."""

LEAST_COVERED = 3.0
"""Size of a face, in pixels per unit of its frame, above which it may be covered."""

LARGEST_GAIN, LARGEST_SCENE_GAIN = 3.0, 1.3
"""Largest enlargement of a photo, around one face and as a whole, so that blur is not trained on."""

HEAD_SIDES, HEAD_HEIGHTS, HEAD_CENTRE = (2.0, 2.5), (2.9, 3.3), 0.55
"""Ellipse that is cut out as a head, in the frame: half its width, half its height, distance below the eyes."""

PADDINGS = (0, 114, 114, 128, 255)
FLAT, SCALED_PIECE, PIECE, CLOTH = "flat", "whole piece", "piece", "cloth"
BACKGROUNDS = {CLOTH: 0.4, PIECE: 0.35, SCALED_PIECE: 0.15, FLAT: 0.1}


@dataclass(frozen=True)
class DrawnFace:
    """A face in a photo.

    Attributes:
        outline: (N, 2) in pixels of the photo; its bounding box is that of the face.
        frame: Frame of eyes and mouth.
        covered: Whether the face is covered in the photo; such faces are covered half as often.
    """

    outline: Points
    frame: Frame
    covered: bool = False


@dataclass(frozen=True)
class FacePhoto:
    """A photo with known faces.

    Attributes:
        group: Name of its source, which determines how often it is drawn.
        pixels: uint8 (H, W, 3), RGB.
        faces: Faces; may be empty for whole scenes and backgrounds.
    """

    group: str
    pixels: Image
    faces: Sequence[DrawnFace]


class Photo(Protocol):
    """Photo to compose images of: a `FacePhoto`, or one that is read from a file on access."""

    @property
    def group(self) -> str: ...

    @property
    def pixels(self) -> Image: ...

    @property
    def faces(self) -> Sequence[DrawnFace]: ...


@dataclass(frozen=True)
class Shares:
    """Frequencies in the composition of images.

    Attributes:
        close: Weight of each group for images of a single face.
        scene: Weight of each group for whole photos.
        heads: Weight of each group for heads that are cut out; the first face of its photos must have landmarks.
        kinds: Weight of each kind of image.
        covered: Probabilities that a face is covered; one of them is drawn for all faces of an image.
        quarter_turns: Whether whole photos are rotated by multiples of 90 degrees only, so that boxes without an
            outline stay exact.
        smallest: Longer side of the smallest labelled face, in pixels.
    """

    close: Mapping[str, float]
    scene: Mapping[str, float]
    heads: Mapping[str, float]
    kinds: Mapping[str, float] = field(
        default_factory=lambda: {"mosaic": 0.14, "close": 0.29, "scene": 0.22, "heads": 0.29, "nothing": 0.06}
    )
    covered: tuple[float, ...] = (0.3, 0.65, 0.9)
    quarter_turns: bool = False
    smallest: float = 5.0


@dataclass
class Canvas:
    """An image under construction.

    Attributes:
        image: Its pixels.
        faces: Faces on it, in its pixels; they may extend beyond it.
    """

    image: Image
    faces: list[DrawnFace]


class Composer:
    """Composes training images."""

    def __init__(
        self, photos: Sequence[Photo], empty: Sequence[Image], covers_by_name: dict[str, Cover], shares: Shares
    ) -> None:
        """
        Args:
            photos: Photos of faces and scenes.
            empty: Photos and pieces of photos without a face, for backgrounds and textures; at least one.
            covers_by_name: Covers for faces; see `covers.DRAWN` and `covers.Pictures`.
            shares: Frequencies; their groups must exist.
        """
        self._scenes, self._groups = dict[str, list[Photo]](), dict[str, list[Photo]]()
        for photo in photos:
            self._scenes.setdefault(photo.group, []).append(photo)
            if photo.faces:
                self._groups.setdefault(photo.group, []).append(photo)
        self._empty, self._covers, self._shares = empty, covers_by_name, shares

    def __call__(self, size: int, rng: np.random.Generator) -> tuple[Image, NDArray[np.float32]]:
        """Compose an image.

        Args:
            size: Side of the image, in pixels.
            rng: Random generator.

        Returns:
            uint8 (size, size, 3), RGB; and float32 (n, 4), its boxes: xc yc w h as shares of the side.
        """
        canvas = self._one(size, size, rng, self._shares.kinds)
        limits, least = np.array([size, size]), self._shares.smallest
        seen = [box for face in canvas.faces if (box := visible_box(face.outline, limits, least)) is not None]
        boxes = np.array(seen).reshape(-1, 4) / size
        boxes = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)
        return change_light(canvas.image, rng), boxes.astype(np.float32)

    def _one(self, w: int, h: int, rng: np.random.Generator, kinds: Mapping[str, float]) -> Canvas:
        kind = _draw(kinds, rng)
        if kind == "mosaic":
            return self._mosaic(w, h, rng)
        if kind == "nothing":
            canvas = Canvas(self._background(w, h, rng), [])
            self._limbs(canvas.image, rng, int(rng.integers(0, 5)))
            return canvas
        compose = {"close": self._close, "scene": self._scene, "heads": self._heads}[kind]
        canvas = compose(w, h, rng)
        self._cover(canvas, rng)
        return canvas

    def _close(self, w: int, h: int, rng: np.random.Generator) -> Canvas:
        """One face of a photo, at any angle, from small to filling the image."""
        photo = _pick(self._groups, self._shares.close, rng)
        box = box_around(photo.faces[int(rng.integers(len(photo.faces)))].outline)
        gain, side = _scale(box, max(16, 0.09 * w), 1.1 * min(w, h), rng)
        angle = rng.uniform(-np.pi, np.pi) if rng.random() < 0.7 else rng.normal(0, 0.25)
        room = min(side / 2 * 0.8, 0.5 * min(w, h))
        to = np.array([rng.uniform(room, w - room), rng.uniform(room, h - room)])
        return self._lay(photo, draw_matrix(box, gain, angle, to, rng), w, h, rng)

    def _scene(self, w: int, h: int, rng: np.random.Generator) -> Canvas:
        """A whole photo or a part of it."""
        photo = _pick(self._scenes, self._shares.scene, rng)
        ph, pw = photo.pixels.shape[:2]
        gain = min(max(w, h) / max(ph, pw) * np.exp(rng.uniform(np.log(0.6), np.log(1.9))), LARGEST_SCENE_GAIN)
        if self._shares.quarter_turns:
            angle = rng.normal(0, 0.04) + (rng.integers(4) * np.pi / 2 if rng.random() < 0.5 else 0)
        else:
            angle = rng.normal(0, 0.12) if rng.random() < 0.65 else rng.uniform(-np.pi, np.pi)
        slack = np.abs(np.array([pw, ph]) * gain - [w, h]) / 2
        to = np.array([w, h]) / 2 + rng.uniform(-1, 1, 2) * slack
        return self._lay(photo, draw_matrix(np.array([0.0, 0, pw, ph]), gain, angle, to, rng), w, h, rng)

    def _heads(self, w: int, h: int, rng: np.random.Generator) -> Canvas:
        """Heads cut out of photos, on cloth or another background, with limbs and blankets around them."""
        canvas = Canvas(self._background(w, h, rng), [])
        self._limbs(canvas.image, rng, int(rng.integers(0, 3)))
        taken: list[tuple[Points, float]] = []
        for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
            photo = _pick(self._groups, self._shares.heads, rng)
            box = box_around(photo.faces[0].outline)
            gain, side = _scale(box, max(24, 0.1 * w), 0.8 * min(w, h), rng)
            to = np.array([rng.uniform(0.1, 0.9) * w, rng.uniform(0.1, 0.9) * h])
            if any(np.linalg.norm(to - other) < (side + size) * 0.8 for other, size in taken):
                continue
            taken.append((to, side))
            matrix = draw_matrix(box, gain, rng.uniform(-np.pi, np.pi), to, rng)
            face = _moved(photo.faces[0], matrix)
            if rng.random() < 0.45:
                covers.body(canvas.image, face.frame, rng, self._any_empty(rng), _skin(photo))
            _paste_head(canvas.image, photo, matrix, rng)
            canvas.faces.append(face)
            if rng.random() < 0.5:
                covers.cap(canvas.image, face.frame, rng, None)
            if rng.random() < 0.5:
                # A body in clothes, or a blanket, from the chin down.
                below = face.frame.copy()
                below[:, 2] += below[:, 1] * rng.uniform(1.2, 2.0)
                covers.blanket(canvas.image, below, rng, self._any_empty(rng))
        return canvas

    def _mosaic(self, w: int, h: int, rng: np.random.Generator) -> Canvas:
        """Four images around a point."""
        x, y = int(rng.uniform(0.3, 0.7) * w), int(rng.uniform(0.3, 0.7) * h)
        canvas = Canvas(np.empty((h, w, 3), np.uint8), [])
        kinds = {kind: share for kind, share in self._shares.kinds.items() if kind != "mosaic"}
        for left, top, right, low in ((0, 0, x, y), (x, 0, w, y), (0, y, x, h), (x, y, w, h)):
            part = self._one(right - left, low - top, rng, kinds)
            canvas.image[top:low, left:right] = part.image
            size, corner = np.array([right - left, low - top]), np.array([left, top])
            for face in part.faces:
                if visible_box(face.outline, size, self._shares.smallest) is not None:
                    frame = face.frame.copy()
                    frame[:, 2] += corner
                    canvas.faces.append(DrawnFace(face.outline.clip(0, size) + corner, frame, face.covered))
        return canvas

    def _lay(self, photo: Photo, matrix: NDArray[np.float64], w: int, h: int, rng: np.random.Generator) -> Canvas:
        """A photo under an affine matrix (2, 3); empty pixels are filled with a background or the extended border."""
        shrinks = abs(np.linalg.det(matrix[:, :2])) < 0.2
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        image = cv2.warpAffine(photo.pixels, matrix, (w, h), flags=how, borderMode=cv2.BORDER_REPLICATE)
        if rng.random() < 0.85:
            ph, pw = photo.pixels.shape[:2]
            corners = place(matrix, np.array([[0.0, 0], [pw, 0], [pw, ph], [0, ph]]))
            inside = np.zeros((h, w), np.uint8)
            cv2.fillConvexPoly(inside, np.rint(corners).astype(np.int32), 255)
            if not inside.all():
                background = self._background(w, h, rng)
                cv2.copyTo(image, inside, background)
                image = background
        return Canvas(np.asarray(image, np.uint8), [_moved(face, matrix) for face in photo.faces])

    def _cover(self, canvas: Canvas, rng: np.random.Generator) -> None:
        h, w = canvas.image.shape[:2]
        often = float(rng.choice(self._shares.covered))
        for face in canvas.faces:
            chance = often / 2 if face.covered else often
            if unit(face.frame) < LEAST_COVERED or rng.random() > chance:
                continue
            if visible_box(face.outline, np.array([w, h]), self._shares.smallest) is not None:
                cover_face(canvas.image, face.frame, rng, self._covers, self._any_empty(rng))

    def _limbs(self, image: Image, rng: np.random.Generator, count: int) -> None:
        """Arms, hands and tubes that belong to no face."""
        h, w = image.shape[:2]
        for _ in range(count):
            scale, angle = np.exp(rng.uniform(np.log(0.03), np.log(0.15))) * w, rng.uniform(0, 2 * np.pi)
            c, s = np.cos(angle) * scale, np.sin(angle) * scale
            frame = np.array([[c, -s, rng.uniform(0, w)], [s, c, rng.uniform(0, h)]])
            kind = rng.random()
            if kind < 0.3:
                covers.body(image, frame, rng, self._any_empty(rng))
            elif kind < 0.8:
                covers.hand(image, frame, rng, None, np.zeros(2))
            else:
                covers.tube(image, frame, rng, None)

    def _background(self, w: int, h: int, rng: np.random.Generator) -> Image:
        kind = _draw(BACKGROUNDS, rng)
        if kind == CLOTH:
            return np.clip(cloth(rng, h, w), 0, 255).astype(np.uint8)
        if kind == PIECE:
            return piece(rng, self._any_empty(rng), h, w)
        if kind == SCALED_PIECE:
            return np.asarray(cv2.resize(self._any_empty(rng), (w, h)), np.uint8)
        return np.full((h, w, 3), rng.choice(PADDINGS), np.uint8)

    def _any_empty(self, rng: np.random.Generator) -> Image:
        return self._empty[int(rng.integers(len(self._empty)))]


def _pick(groups: Mapping[str, Sequence[Photo]], shares: Mapping[str, float], rng: np.random.Generator) -> Photo:
    photos = groups[_draw(shares, rng)]
    return photos[int(rng.integers(len(photos)))]


def visible_box(outline: Points, size: NDArray[np.integer], least: float) -> NDArray[np.float64] | None:
    """Box of the visible part in an image of a width and height (2,), or None if it is too small for a label."""
    whole = box_around(outline)
    box = whole.clip(0, np.tile(size, 2))
    sides = box[2:] - box[:2]
    if sides.max() < least or sides.min() < LEAST_WIDTH:
        return None
    return box if sides.prod() >= LEAST_SEEN * (whole[2:] - whole[:2]).prod() else None


def draw_matrix(
    box: NDArray[np.float64], gain: float, angle: float, to: Points, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw a transformation: rotate and scale around the centre of a box, mirror half of the time, stretch and shear.

    Args:
        box: (4,) x1 y1 x2 y2.
        gain: Scale factor.
        angle: Rotation in radians.
        to: (2,), new position of the centre of the box.
        rng: Random generator.

    Returns:
        float64 (2, 3).
    """
    c, s = np.cos(angle) * gain, np.sin(angle) * gain
    flip = rng.choice([-1.0, 1.0])
    shear = np.array([[0, rng.normal(0, 0.04)], [rng.normal(0, 0.04), 0]])
    turn = np.array([[c, -s], [s, c]]) @ (np.diag(np.exp(rng.normal(0, 0.06, 2)) * [flip, 1]) + shear)
    return np.column_stack([turn, to - turn @ ((box[:2] + box[2:]) / 2)])


def _draw(shares: Mapping[str, float], rng: np.random.Generator) -> str:
    weights = np.array(list(shares.values()))
    return list(shares)[int(rng.choice(len(weights), p=weights / weights.sum()))]


def _scale(box: NDArray[np.float64], least: float, most: float, rng: np.random.Generator) -> tuple[float, float]:
    """Scale factor that gives a box a random size from a range, and that size.

    Half of the time sizes are uniform on a logarithmic scale, half of the time on a linear scale: on a logarithmic
    scale alone large faces are rare, and detectors then miss them.
    """
    side, most = float(np.sqrt((box[2:] - box[:2]).clip(2).prod())), max(most, least)
    octaves = rng.random() < 0.5
    wanted = np.exp(rng.uniform(np.log(least), np.log(most))) if octaves else rng.uniform(least, most)
    gain = min(float(wanted) / side, LARGEST_GAIN)
    return gain, side * gain


def _moved(face: DrawnFace, matrix: NDArray[np.float64]) -> DrawnFace:
    turn = matrix[:, :2]
    frame = np.column_stack([turn @ face.frame[:, :2], turn @ face.frame[:, 2] + matrix[:, 2]])
    return DrawnFace(place(matrix, face.outline), frame, face.covered)


def _skin(photo: Photo) -> NDArray[np.float64] | None:
    """Colour beside the nose of a photo's first face, or None if that is outside the photo."""
    h, w = photo.pixels.shape[:2]
    x, y = np.rint(place(photo.faces[0].frame, np.array([[0.5, 1.0]]))[0]).astype(int)
    if not (2 <= x < w - 2 and 2 <= y < h - 2):
        return None
    return photo.pixels[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(0)


def _paste_head(image: Image, photo: Photo, matrix: NDArray[np.float64], rng: np.random.Generator) -> None:
    """Cut out the head of a photo's first face and paste it onto an image, sometimes in the light of that image."""
    h, w = image.shape[:2]
    face = photo.faces[0]
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    ring = np.column_stack([np.cos(angles) * rng.uniform(*HEAD_SIDES), np.sin(angles) * rng.uniform(*HEAD_HEIGHTS)])
    stencil = np.zeros(photo.pixels.shape[:2], np.uint8)
    cv2.fillPoly(stencil, [np.rint(place(face.frame, ring + np.array([0, HEAD_CENTRE]))).astype(np.int32)], (255,))
    cv2.fillConvexPoly(stencil, cv2.convexHull(np.rint(face.outline).astype(np.int32)), (255,))
    x, y, bw, bh = cv2.boundingRect(stencil)
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ [x, y]
    head = cv2.warpAffine(photo.pixels[y : y + bh, x : x + bw], moved, (w, h))
    mask = cv2.warpAffine(stencil[y : y + bh, x : x + bw], moved, (w, h))
    soft = cv2.blur(cv2.erode(mask, np.ones((3, 3), np.uint8)), (3, 3))
    if rng.random() < 0.5:
        light = np.clip(image.mean((0, 1)) / 150 * 0.4 + 0.6, 0.5, 1.3)
        head = np.clip(head * light, 0, 255).astype(np.uint8)
    left, top, bw, bh = cv2.boundingRect(mask)
    part = np.s_[top : top + bh, left : left + bw]
    alpha = soft[part][..., None].astype(np.uint16)
    image[part] = ((image[part] * (255 - alpha) + head[part] * alpha) // 255).astype(np.uint8)


PLAIN = 0.4
"""Share of images whose light is nearly unchanged."""
RAMP = np.linspace(0, 1, 256, dtype=np.float32)


def change_light(image: Image, rng: np.random.Generator) -> Image:
    """Simulate light, colours, sharpness and noise of other cameras and rooms, e.g. phototherapy, dusk and glare.

    Args:
        image: uint8 (H, W, 3), RGB; not changed.
        rng: Random generator.
    """
    plain = rng.random() < PLAIN
    strength = 0.4 if plain else 1.0
    gamma, contrast = np.exp(rng.normal(0, 0.25 * strength)), np.exp(rng.normal(-0.08, 0.22) * strength)
    offset, gains = rng.normal(0, 16) * strength, np.exp(rng.normal(0, 0.07 * strength, 3))
    kind = 1.0 if plain else rng.random()
    if kind < 0.05:  # phototherapy
        gains = np.array([rng.uniform(0.25, 0.7), rng.uniform(0.6, 1.0), rng.uniform(1.2, 1.9)])
    elif kind < 0.10:  # bulbs
        gains = np.array([rng.uniform(1.0, 1.15), rng.uniform(0.85, 1.0), rng.uniform(0.55, 0.85)])
    elif kind < 0.14:  # dusk
        contrast, offset = contrast * rng.uniform(0.25, 0.55), offset - rng.uniform(10, 60)
    elif kind < 0.18:  # too much light
        contrast, offset = contrast * rng.uniform(1.2, 1.5), offset + rng.uniform(0, 35)
    table = ((RAMP**gamma * 255 - 120) * contrast + 120 + offset)[:, None] * gains
    image = np.asarray(cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)[None]), np.uint8)
    saturation = 0.0 if not plain and rng.random() < 0.06 else rng.uniform(0.3, 1.4)
    if rng.random() < 0.6:
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        image = np.asarray(cv2.addWeighted(image, saturation, grey, 1 - saturation, 0), np.uint8)
    return image if plain else _spoil(_light_from_somewhere(image, rng), rng)


def _light_from_somewhere(image: Image, rng: np.random.Generator) -> Image:
    h, w = image.shape[:2]
    if rng.random() < 0.2:
        angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.6)
        x, y = np.linspace(-1, 1, w, dtype=np.float32), np.linspace(-1, 1, h, dtype=np.float32)
        slope = 1 + strength * (np.cos(angle) * x[None] + np.sin(angle) * y[:, None])
        image = np.clip(image * slope[..., None], 0, 255).astype(np.uint8)
    if rng.random() < 0.06:
        spots = np.zeros((max(h // 4, 1), max(w // 4, 1)), np.uint8)
        for _ in range(int(rng.integers(1, 4))):
            centre = (int(rng.uniform(0, w / 4)), int(rng.uniform(0, h / 4)))
            most = max(w / 40, 1.0)
            axes = (int(rng.uniform(1, most)) + 1, int(rng.uniform(1, most)) + 1)
            cv2.ellipse(spots, centre, axes, rng.uniform(0, 180), 0, 360, (255,), -1)
        glare = cv2.resize(cv2.GaussianBlur(spots, (0, 0), rng.uniform(1, 6)), (w, h))
        image = np.asarray(cv2.add(image, cv2.merge([glare] * 3)), np.uint8)
    return image


def _spoil(image: Image, rng: np.random.Generator) -> Image:
    """Blur, noise and compression, none of them in most images."""
    h, w = image.shape[:2]
    kind = rng.random()
    spoilt: NDArray = image
    if kind < 0.14:
        spoilt = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.0))
    elif kind < 0.2:
        spoilt = cv2.filter2D(image, -1, _smear(int(rng.integers(3, 10)), rng.uniform(0, np.pi)))
    elif kind < 0.28:
        gain = rng.uniform(0.35, 0.8)
        small = (max(round(w * gain), 1), max(round(h * gain), 1))
        spoilt = cv2.resize(cv2.resize(image, small, interpolation=cv2.INTER_AREA), (w, h))
    if rng.random() < 0.15:
        noise = rng.normal(0, rng.uniform(2, 14), (h, w, 3)).astype(np.int8)
        spoilt = cv2.add(spoilt, noise, dtype=cv2.CV_8U)
    if rng.random() < 0.2:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 80))]
        return np.asarray(cv2.imdecode(cv2.imencode(".jpg", spoilt, quality)[1], cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(spoilt, np.uint8)


def _smear(size: int, angle: float) -> NDArray[np.float32]:
    """Kernel of motion blur along a line: float32 (size, size), of sum 1."""
    kernel = np.zeros((size, size), np.float32)
    middle, step = size / 2 - 0.5, np.array([np.cos(angle), np.sin(angle)]) * size / 2
    ends = [(round(middle + sign * step[0]), round(middle + sign * step[1])) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], (1.0,))
    return kernel / max(float(kernel.sum()), 1.0)
