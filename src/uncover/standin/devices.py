"""Medical devices on an infant's face: feeding tube with tape, CPAP."""

import numpy as np

from uncover.standin.head import Head
from uncover.standin.scene import Colour, Cpap, FeedingTube
from uncover.standin.surface import Surface, ellipsoid_points, plain, spline, tube_points


def _patch(head: Head, centre: tuple[float, float], radii: tuple[float, float], colour: Colour) -> Surface:
    """A tape stuck on the skin."""
    u, v = np.meshgrid(np.linspace(-1, 1, 13), np.linspace(1, -1, 11))
    points = head.place(centre[0] + u * radii[0], centre[1] + v * radii[1], 1.6)
    return Surface(points, plain(colour), None, 0.06, two_sided=True)


def feeding_tube(head: Head, item: FeedingTube) -> list[Surface]:
    """Tube from the nose or mouth over the cheek, tape on it."""
    s = float(item.side)
    half = float(head.sections(-30.0)[1])
    start = (s * 13, -64.0) if item.oral else (s * 7, -46.0)
    on_skin = np.array([start, (s * 14, -51), (s * 28, -44), (s * 44, -35), (s * 0.93 * half, -22)])
    if item.oral:
        on_skin[1] = (s * 24, -62)
    path = np.concatenate(
        [
            head.place(on_skin[:, 0], on_skin[:, 1], item.radius * 0.8),
            np.array(
                [
                    [s * (half + 5), -2, 10],
                    [s * (half + 12), 14, -40],
                    [s * (half + 45), -40, -95],
                    [s * (half + 130), -120, -110],
                ]
            ),
        ]
    )
    dense = spline(np.arange(len(path), dtype=float), path, np.linspace(0, len(path) - 1, 44))
    tube = Surface(tube_points(dense, np.full(len(dense), item.radius), 7), plain(item.colour), None, 0.35)
    size = item.tape_size
    return [tube, _patch(head, (s * 37, -39), (14 * size, 9 * size), item.tape)]


def cpap(head: Head, item: Cpap) -> list[Surface]:
    """Nose piece, two corrugated hoses, straps over the cheeks."""
    k = item.size
    nose = head.place(0.0, -36.0)
    box = ellipsoid_points(nose + np.array([0, -2, 2.0]), np.array([19, 15, 15]) * k, 3.2)
    surfaces = [Surface(box, plain(item.colour), None, 0.3)]
    top = float(head.height(60.0))
    for side in (-1.0, 1.0):
        start = nose + np.array([side * 13 * k, 2, 9 * k])
        if item.upwards:
            brow, crown = head.place(side * 9, 22, 9 * k), head.place(side * 13, 70, 13 * k)
            knots = np.array([start, start + np.array([0, 14, 7]), brow, crown, (side * 18, top + 66, 30)])
        else:
            cheek = head.place(side * 52, -38, 8 * k)
            away = np.array([[side * 34, -26, -60], [side * 120, -90, -90]])
            knots = np.array([start, start + np.array([side * 14, -4, 0]), cheek, *(cheek + away)])
        path = spline(np.arange(5.0), knots, np.linspace(0, 4, 60))
        radii = 7.0 * k * (1 + 0.09 * np.sin(np.arange(60) * 2.1))
        surfaces.append(Surface(tube_points(path, radii, 9), plain(item.colour), None, 0.2))
        half = float(head.sections(-30.0)[1])
        u = np.linspace(0.16, 0.95, 14)
        strap = np.stack([head.place(side * u * half, -36 + 26 * u + dy, 2.5) for dy in (5, 0, -5)])
        surfaces.append(Surface(strap, plain(item.strap), None, 0.03, two_sided=True))
    return surfaces
