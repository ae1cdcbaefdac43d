"""Texture of the skin: an image of the face seen from the front, in canonical coordinates."""

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.synthetic.landmarks import Curves, curves, eye_scale
from uncover.synthetic.scene import Colour, Person
from uncover.synthetic.surfaces import Array, Picture, Texture, bgr, noise, resized

# The painted region, canonical mm: left, right, bottom, top. Outside it, the border of the texture is repeated.
_LEFT, _RIGHT, _BOTTOM, _TOP = -84.0, 84.0, -124.0, 96.0
_SHIFT = 4


def uv(canonical: Array) -> Array:
    """Texture coordinates (..., 2) in 0..1 of canonical coordinates (..., 2)."""
    return np.stack([(canonical[..., 0] - _LEFT) / (_RIGHT - _LEFT), (_TOP - canonical[..., 1]) / (_TOP - _BOTTOM)], -1)


class _Sheet:
    """A texture with drawing methods in canonical mm."""

    def __init__(self, detail: float) -> None:
        self.detail = detail
        self.width, self.height = round((_RIGHT - _LEFT) * detail), round((_TOP - _BOTTOM) * detail)
        self.picture: Picture = np.zeros((self.height, self.width, 3), np.float32)

    def pixels(self, points: Array) -> Array:
        """Texture pixels (..., 2) of canonical points (..., 2)."""
        return uv(points) * np.array([self.width, self.height])

    def _fixed(self, points: Array) -> NDArray[np.int32]:
        return np.round((self.pixels(points) - 0.5) * (1 << _SHIFT)).astype(np.int32)

    def _blend(self, outlines: Array, colour: Colour, strength: float, soft: float, width: float) -> None:
        """Blend filled outlines (`width` 0) or lines of that width (mm), (n, points, 2), into the picture."""
        edge = (3 * soft + width) * self.detail + 2
        pixels = self.pixels(outlines)
        low = np.maximum(np.floor(pixels.min((0, 1)) - edge), 0).astype(int)
        high = np.minimum(np.ceil(pixels.max((0, 1)) + edge), (self.width, self.height)).astype(int)
        if (high <= low).any():
            return
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        shapes = list(self._fixed(outlines) - (low << _SHIFT).astype(np.int32))
        if width:
            thick = max(1, round(width * self.detail))
            cv2.polylines(mask, shapes, False, 255, thick, cv2.LINE_AA, _SHIFT)
        else:
            cv2.fillPoly(mask, shapes, 255, cv2.LINE_AA, _SHIFT)
        if soft:
            mask = cv2.GaussianBlur(mask, (0, 0), max(0.4, soft * self.detail))
        share = (mask.astype(np.float32) * (strength / 255))[..., None]
        patch = self.picture[low[1] : high[1], low[0] : high[0]]
        patch += share * (bgr(colour) - patch)

    def fill(self, points: Array, colour: Colour, strength: float = 1.0, soft: float = 0.0) -> None:
        """Fill an outline with a colour; `soft` blurs its edge (mm)."""
        self._blend(points[None], colour, strength, soft, 0.0)

    def line(self, points: Array, colour: Colour, width: float, strength: float = 1.0, soft: float = 0.0) -> None:
        """Draw a line (points, 2), or many at once (n, points, 2), `width` mm wide."""
        self._blend(points.reshape(-1, *points.shape[-2:]), colour, strength, soft, width)

    def oval(
        self, centre: tuple[float, float], radii: tuple[float, float], colour: Colour, strength: float = 1.0,
        soft: float = 0.0,
    ) -> None:  # fmt: skip
        """Fill an ellipse."""
        angle = np.linspace(0, 2 * np.pi, 28)
        points = np.array(centre) + np.stack([np.cos(angle), np.sin(angle)], 1) * np.array(radii)
        self.fill(points, colour, strength, soft)


def _tinted(colour: Colour, factor: float, red: float = 0.0) -> Colour:
    b, g, r = colour
    return (b * factor * (1 - red), g * factor * (1 - red), r * factor)


def face_texture(person: Person, detail: float, rng: np.random.Generator) -> Texture:
    """Paint the texture of a face.

    Args:
        person: The person.
        detail: Texture pixels per mm.
        rng: Random generator for pores, freckles and hairs.

    Returns:
        (height, width, 3) uint8 BGR.
    """
    appearance, shape = person.appearance, person.shape
    lines = curves(shape, person.expression)
    sheet = _Sheet(detail)
    _skin(sheet, person, rng)
    _nose(sheet, appearance.skin, shape.nose_width, shape.nose_size)
    _mouth(sheet, person, lines)
    for side in (-1.0, 1.0):
        _eye(sheet, person, lines, side)
        _brow(sheet, person, lines, side, rng)
    if appearance.freckles > 0:
        spots = rng.normal((0, -18), (30, 11), (round(70 * appearance.freckles), 1, 2))
        sheet.line(np.concatenate([spots, spots + 0.1], 1), _tinted(appearance.skin, 0.62), 1.1, 0.55)
    return np.clip(sheet.picture * 255, 0, 255).astype(np.uint8)


def _skin(sheet: _Sheet, person: Person, rng: np.random.Generator) -> None:
    """Ground colour with blush, shadows, blotches and pores."""
    appearance, shape = person.appearance, person.shape
    adult = 1 - shape.age
    rows, columns = round(_TOP - _BOTTOM), round(_RIGHT - _LEFT)
    ground = _Sheet(1.0)
    ground.picture[:] = appearance.skin
    skin = appearance.skin
    # The border is repeated outside the painted region, so marks on it would become streaks.
    inner = 1 - np.linspace(-1, 1, columns) ** 8
    blotches = 0.035 * noise(rng, rows, columns, (26, 26)) + 0.02 * noise(rng, rows, columns, (8, 8))
    ground.picture *= (1 + inner * blotches)[..., None]
    eye = 31.4 * shape.eye_distance
    for side in (-1.0, 1.0):
        ground.oval((side * 44, -32), (19, 15), _tinted(skin, 0.95, 0.2), 0.75 * appearance.blush, 9)
        ground.oval((side * eye, 5), (18, 10), _tinted(skin, 0.72, 0.05), 0.45 * adult + 0.2, 6)
        ground.oval((side * (eye - 3), -9), (12, 4), _tinted(skin, 0.74, 0.06), 0.4 * adult + 0.22, 3)
        ground.oval((side * 70, -70), (14, 30), _tinted(skin, 0.84), 0.4, 10)
        fold = np.array([[side * 17, -44], [side * 26, -54], [side * 30, -66]])
        smile = 0.3 * person.expression.smile
        ground.line(fold, _tinted(skin, 0.66), 3.0, 0.16 * adult + smile, 1.8)
    ground.oval((0, -38), (12, 9), _tinted(skin, 0.98, 0.12), 0.35 * appearance.blush + 0.1, 5)
    ground.oval((0, -83.5), (14, 3.5), _tinted(skin, 0.7), 0.4, 3.5)
    ground.oval((0, -106), (26, 4), _tinted(skin, 0.72), 0.35, 5)
    ground.oval((0, 0), (3.5, 14), _tinted(skin, 1.06), 0.3, 4)
    if appearance.stubble > 0:
        beard = np.array(
            [[-62, -30], [-46, -58], [-27, -54], [0, -53], [27, -54], [46, -58], [62, -30], [62, -90], [30, -122],
             [-30, -122], [-62, -90]]
        )  # fmt: skip
        ground.fill(beard, person.hair.colour, 0.75 * appearance.stubble, 4)
    sheet.picture = resized(ground.picture, sheet.width, sheet.height)
    pores = rng.normal(0, 0.012, (sheet.height // 2, sheet.width // 2)).astype(np.float32)
    pores *= 1 - np.linspace(-1, 1, pores.shape[1]) ** 8
    sheet.picture *= 1 + resized(pores, sheet.width, sheet.height)[..., None]


def _nose(sheet: _Sheet, skin: Colour, width: float, size: float) -> None:
    dark = _tinted(skin, 0.3, 0.1)
    for side in (-1.0, 1.0):
        sheet.oval((side * 6.6 * width, -45.2), (3.3 * width, 1.3 * size), dark, 0.7, 0.8)
        wing = np.array([[side * 14, -37], [side * 17.6, -41], [side * 15, -45.5], [side * 11, -46]]) * (
            width,
            1,
        )
        sheet.line(wing, _tinted(skin, 0.6, 0.05), 1.2, 0.5, 0.9)
        sheet.line(
            np.array([[side * 8, 6], [side * 7.5, -10], [side * 11, -30]]) * (width, 1),
            _tinted(skin, 0.78),
            3,
            0.3,
            2.2,
        )
    sheet.oval((0, -34), (3.2, 6), _tinted(skin, 1.12), 0.45, 2.2)
    sheet.oval((0, -48), (9, 2.2), _tinted(skin, 0.66), 0.4, 1.6)


def _mouth(sheet: _Sheet, person: Person, lines: Curves) -> None:
    skin, make_up = person.appearance.skin, person.appearance.make_up
    pink = np.array(_tinted(skin, 0.82, 0.26)) * (1 - make_up) + np.array([0.18, 0.14, 0.66]) * make_up
    lip: Colour = (float(pink[0]), float(pink[1]), float(pink[2]))
    outer_up, inner_up, inner_low, outer_low = lines.lips
    sheet.fill(np.concatenate([outer_up, outer_low[::-1]]), lip, 0.9 - 0.3 * person.shape.age, 0.5)
    upper = np.concatenate([outer_up, inner_up[::-1]])
    sheet.fill(upper, _tinted(lip, 0.8), 0.55 - 0.25 * person.shape.age, 0.7)
    middle = outer_low[8:17] * 0.55 + inner_low[8:17] * 0.45
    sheet.line(middle, _tinted(lip, 1.28), 2.0, 0.4, 1.0)
    inside = np.concatenate([inner_up, inner_low[::-1]])
    gap = float((inner_up[12] - inner_low[12])[1])
    if gap > 1.0:
        sheet.fill(inside, (0.10, 0.07, 0.20), 1.0, 0.3)
        if person.shape.age < 0.5:
            depth = min(0.55, 4.0 / gap) + 0.35 * person.expression.smile
            teeth = np.concatenate([inner_up[3:-3], (inner_up + (inner_low - inner_up) * min(depth, 0.9))[3:-3][::-1]])
            sheet.fill(teeth, (0.82, 0.88, 0.90), 0.95, 0.4)
        elif gap > 4:
            low = float(inner_low[12, 1])
            sheet.oval((0, low + gap * 0.25), (9, gap * 0.28), (0.35, 0.33, 0.68), 0.9, 1.2)
    sheet.line(inner_up, _tinted(lip, 0.38), 0.9, 0.85, 0.4)
    for side in (0, -1):
        x, y = outer_up[side]
        sheet.oval((x, y), (2.2, 1.5), _tinted(skin, 0.45), 0.5, 1.0)


def _eye(sheet: _Sheet, person: Person, lines: Curves, side: float) -> None:
    mirror = np.array([side, 1.0])
    upper, lower = lines.upper_lid * mirror, lines.lower_lid * mirror
    skin, appearance, openness = person.appearance.skin, person.appearance, person.expression.eye_open
    size = eye_scale(person.shape)
    middle = lines.upper_lid[:, 0].mean()
    x = side * middle + lines.pupil[0] - middle
    y = float(lines.pupil[1])
    outline = np.concatenate([upper, lower[::-1]])
    if openness > 0.12:
        ball = _Sheet(sheet.detail)
        low = np.floor(ball.pixels(np.array([[outline[:, 0].min(), outline[:, 1].max()]]))[0] - 3).astype(int)
        high = np.ceil(ball.pixels(np.array([[outline[:, 0].max(), outline[:, 1].min()]]))[0] + 3).astype(int)
        window = (slice(low[1], high[1]), slice(low[0], high[0]))
        ball.picture[window] = (0.84, 0.87, 0.89)
        inner = lines.upper_lid[0] * mirror
        ball.oval((inner[0] + side * 1.5, inner[1]), (2.4, 1.8), (0.5, 0.52, 0.82), 0.8, 0.8)
        iris = 6.1 * size
        ball.oval((x, y), (iris, iris), _tinted(appearance.iris, 0.55), 1.0, 0.25)
        ball.oval((x, y - 0.4), (iris * 0.8, iris * 0.8), appearance.iris, 0.9, 0.7)
        ball.oval((x, y), (iris * 0.43, iris * 0.43), (0.03, 0.03, 0.03), 1.0, 0.2)
        ball.line(upper + np.array([0, -0.8]), (0.25, 0.25, 0.28), 2.2, 0.5, 0.9)
        ball.oval((x - 1.9, y + 2.1), (1.15, 1.15), (1, 1, 1), 0.95, 0.15)
        mask = np.zeros(sheet.picture.shape[:2], np.uint8)
        cv2.fillPoly(mask, [sheet._fixed(outline)], 255, cv2.LINE_AA, _SHIFT)
        share = mask[window][..., None].astype(np.float32) / 255
        sheet.picture[window] += share * (ball.picture[window] - sheet.picture[window])
    lash = _tinted(person.hair.colour, 0.35) if person.shape.age < 0.5 else _tinted(skin, 0.36, 0.05)
    width = 1.3 + 0.6 * appearance.make_up if openness > 0.12 else 0.9
    sheet.line(upper, lash, width, 0.9, 0.3)
    tail = np.array([upper[-1], upper[-1] + np.array([side * 2.5, 0.8])])
    sheet.line(tail, lash, 0.9, 0.6, 0.4)
    sheet.line(lower, _tinted(skin, 0.52, 0.08), 0.7, 0.55, 0.4)
    crease = upper + np.array([0, 3.4 * size * (0.6 + 0.4 * openness)])
    sheet.line(crease[3:-1], _tinted(skin, 0.56, 0.03), 0.9, 0.55, 0.6)
    if appearance.make_up > 0:
        sheet.line((upper + crease) / 2, (0.35, 0.25, 0.25), 3.0, 0.35 * appearance.make_up, 1.2)


def _brow(sheet: _Sheet, person: Person, lines: Curves, side: float, rng: np.random.Generator) -> None:
    mirror = np.array([side, 1.0])
    top, bottom = lines.brow_top * mirror, lines.brow_bottom * mirror
    infant = person.shape.age
    skin = np.array(person.appearance.skin)
    mixed = np.array(person.hair.colour) * 0.8 * (1 - 0.55 * infant) + skin * 0.6 * 0.55 * infant
    colour: Colour = (float(mixed[0]), float(mixed[1]), float(mixed[2]))
    sheet.fill(np.concatenate([top, bottom[::-1]]), colour, 0.62 - 0.3 * infant, 0.9)
    count = round(46 * (1 - 0.5 * infant))
    along, up = rng.uniform(0, 1, count), rng.uniform(0, 0.8, count)
    knots = np.linspace(0, 1, len(top))
    low, high = (np.stack([np.interp(along, knots, edge[:, k]) for k in (0, 1)], 1) for edge in (bottom, top))
    roots = low + up[:, None] * (high - low)
    tips = roots + np.stack([side * (1.0 + 4.0 * along), 3.6 - 4.0 * along], 1)
    sheet.line(np.stack([roots, tips], 1), colour, 0.5, 0.65 - 0.25 * infant)
