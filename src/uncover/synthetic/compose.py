"""Render a scene to a photo with its ground truth: landmarks, their visibility, boxes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.data.faces import Visibility
from uncover.synthetic import backdrops, occluders
from uncover.synthetic.head import NECK, Head
from uncover.synthetic.landmarks import landmarks
from uncover.synthetic.paint import face_texture, uv
from uncover.synthetic.render import EMPTY, Canvas, View, photograph
from uncover.synthetic.scene import Blanket, Cap, Hand, Panel, Person, Scarf, Scene
from uncover.synthetic.surfaces import (
    Array,
    Picture,
    Surface,
    apply,
    bgr,
    blurred,
    cloth,
    moved,
    plain,
    resized,
    rotation,
    scaled,
)

_SUPERSAMPLING = 2
# A point counts as hidden by a surface at least this far in front of it; smaller gaps are due to the coarse mesh.
_SELF_GAP_MM = 3.0
_COVER_GAP_MM = 2.0
_BETWEEN_PEOPLE_MM = 10_000.0
_SHADOW_GAP_MM = 40.0
# Depth of the face's plane, in front of which objects are held.
_FACE_DEPTH = 58.0


@dataclass(frozen=True)
class Truth:
    """Ground truth of one face.

    Attributes:
        wflw: (98, 2) WFLW landmarks, in pixels of the photo.
        wflw_visibility: (98,) int8 of `Visibility`.
        ibug: (68, 2) iBUG landmarks, in pixels of the photo.
        ibug_visibility: (68,) int8 of `Visibility`.
        person: Parameters of the rendered person.
    """

    wflw: Array
    wflw_visibility: NDArray[np.int8]
    ibug: Array
    ibug_visibility: NDArray[np.int8]
    person: Person

    def face_box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of jaw and brows (points 0-50 of 98), whether covered or not."""
        low, high = self.wflw[:51].min(0), self.wflw[:51].max(0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


@dataclass(frozen=True)
class Photo:
    """A rendered image, (height, width, 3) uint8 BGR, and the truth of its faces in the scene's order of people."""

    picture: NDArray[np.uint8]
    faces: tuple[Truth, ...]


def compose(scene: Scene) -> Photo:
    """Render a scene; the same scene always gives the same photo."""
    canvas = Canvas(scene.width * _SUPERSAMPLING, scene.height * _SUPERSAMPLING, scene.light)
    sightings = [_draw_person(canvas, person, rank) for rank, person in enumerate(scene.people)]
    canvas.end_picture()
    seen = canvas.depth()
    faces = []
    for person, schemes in zip(scene.people, sightings, strict=True):
        marks = [
            (pixels / _SUPERSAMPLING, _visibility(seen, pixels, depth, hidden)) for pixels, depth, hidden in schemes
        ]
        faces.append(Truth(marks[0][0], marks[0][1], marks[1][0], marks[1][1], person))
    picture = _blend(scene, canvas, seen)
    return Photo(photograph(picture, scene.lens), tuple(faces))


def _draw_person(canvas: Canvas, person: Person, rank: int) -> list[tuple[Array, Array, NDArray[np.bool_]]]:
    """Draw one person; per scheme (98, 68): points in canvas pixels, their depths, which the head itself hides."""
    rng = np.random.default_rng(person.seed)
    head = Head(person.shape, person.expression)
    turn = rotation(person.yaw, person.pitch, person.roll)
    body_turn = rotation(person.body_yaw, 0, person.body_roll)
    chin = float(head.height(-110.5))
    middle = np.array([0.0, (chin + 20) / 2, 55.0])

    def posed(points: Array) -> Array:
        return apply(turn, points - NECK) + NECK

    def bodily(points: Array) -> Array:
        return apply(body_turn, points - NECK) + NECK

    target = posed(middle)

    def before_face(points: Array) -> Array:
        return apply(rotation(0, 0, person.roll), points) + target

    view = View(
        (person.centre[0] * _SUPERSAMPLING, person.centre[1] * _SUPERSAMPLING),
        target, person.scale * _SUPERSAMPLING, person.camera_distance, rank * _BETWEEN_PEOPLE_MM,
    )  # fmt: skip
    detail = float(np.clip(view.scale * 1.1, 1.0, 4.0))
    skin = plain(scaled(person.appearance.skin, 0.97))
    canvas.draw(Surface(posed(head.skin), face_texture(person, detail, rng), uv(head.canonical), 0.10), view)
    for ear in head.ears():
        canvas.draw(Surface(posed(ear), skin), view)
    own = canvas.depth()
    schemes = []
    for scheme in (98, 68):
        points, turned = landmarks(head, scheme, person.yaw, person.pitch)
        pixels, depth = view.project(posed(points))
        outline = np.arange(scheme) < (33 if scheme == 98 else 17)
        behind = _farthest(own, pixels) < depth - _SELF_GAP_MM
        schemes.append((pixels, depth, turned | (behind & ~outline)))

    canvas.draw(Surface(bodily(head.neck()), plain(scaled(person.appearance.skin, 0.86))), view)
    shirt = cloth(rng, person.clothes, scaled(person.clothes, 0.8))
    canvas.draw(Surface(bodily(head.torso()), shirt, None, 0.02), view)
    capped = any(isinstance(item, Cap) for item in person.coverings)
    for surface in occluders.hair(head, person.hair, capped, rng):
        canvas.draw(_moved(surface, posed), view)
    for item in person.coverings:
        if isinstance(item, Hand | Panel):
            for surface in occluders.held(item, person.appearance.skin, _FACE_DEPTH):
                canvas.draw(_moved(surface, before_face), view)
        else:
            place = bodily if isinstance(item, Blanket | Scarf) else posed
            for surface in occluders.worn(head, item, rng):
                canvas.draw(_moved(surface, place), view)
    canvas.end_layer()
    return schemes


def _moved(surface: Surface, move: Callable[[Array], Array]) -> Surface:
    return replace(surface, points=move(surface.points))


def _farthest(depth: Array, pixels: Array) -> Array:
    """Largest depth in the 3 x 3 neighbourhood of each point; infinite outside the picture."""
    padded = np.pad(depth, 2, constant_values=np.inf)
    column = np.clip(np.floor(pixels[:, 0]).astype(int) + 2, 1, depth.shape[1] + 2)
    row = np.clip(np.floor(pixels[:, 1]).astype(int) + 2, 1, depth.shape[0] + 2)
    around = [padded[row + dy, column + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return np.max(around, axis=0)


def _visibility(seen: Array, pixels: Array, depth: Array, turned: NDArray[np.bool_]) -> NDArray[np.int8]:
    covered = _farthest(seen, pixels) < depth - _COVER_GAP_MM
    state = np.where(covered, Visibility.EXTERNALLY_OCCLUDED, Visibility.VISIBLE)
    return np.where(turned, Visibility.SELF_OCCLUDED, state).astype(np.int8)


def _blend(scene: Scene, canvas: Canvas, depth: Array) -> Picture:
    """Blend the people into the background, with soft contact shadows."""
    size = (scene.width, scene.height)
    people = resized(canvas.shade(), *size, cv2.INTER_AREA)
    cover = resized((canvas.keys != EMPTY).astype(np.float32), *size, cv2.INTER_AREA)
    people *= _contact_shadow(scene, depth)[..., None]
    behind = backdrops.paint(scene.backdrop, scene.width, scene.height)
    if scene.backdrop.kind == "incubator":
        scale = scene.people[0].scale if scene.people else 1.0
        away = -12 * scale * float(np.sign(scene.light.direction[0]))
        cast = blurred(moved(cover, away, 12 * scale), 9 * scale + 0.5)
        behind *= 1 - 0.5 * cast[..., None]
        behind *= 0.55 + 0.5 * scene.light.ambient
    lit = people + behind * (1 - cover[..., None])
    return np.asarray(lit * bgr(scene.light.gain), np.float32)


def _contact_shadow(scene: Scene, depth: Array) -> Picture:
    """(height, width) brightness factor, below 1 where a nearer surface blocks the light."""
    shallow = depth[::_SUPERSAMPLING, ::_SUPERSAMPLING]
    known = np.isfinite(shallow)
    if not known.any():
        return np.ones(shallow.shape, np.float32)
    rank = (np.where(known, shallow, 0) // _BETWEEN_PEOPLE_MM).astype(np.int64)
    # Reduce the distances between people for shadows: otherwise a person far behind would get none.
    own = np.array([_BETWEEN_PEOPLE_MM * k + person.camera_distance for k, person in enumerate(scene.people)])
    relief = shallow - own[rank] + _SHADOW_GAP_MM * rank
    filled = np.where(known, relief, relief[known].max() + 200).astype(np.float32)
    scale = max(person.scale for person in scene.people)
    x, y, _ = scene.light.direction
    factor = np.ones(filled.shape, np.float32)
    for reach, strength in ((5.0, 0.30), (14.0, 0.25)):
        step = 0.7 * reach * scale
        near = moved(blurred(filled, step + 0.3), -x * step, y * step)
        factor *= 1 - strength * np.clip((filled - near - 1.5) / (1.6 * reach), 0, 1)
    return factor
