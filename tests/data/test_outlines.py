"""Outlines with a forehead, and frames: boxes that stay right under rotation."""

from __future__ import annotations

import numpy as np
import pytest

from uncover.data.outlines import (
    FOREHEAD,
    box_around,
    frame_of_box,
    frame_of_eyes_and_mouth,
    frame_of_landmarks,
    outline_of_box,
    outline_of_landmarks,
    place,
)


def drawn_face() -> np.ndarray:
    """68 points of a frontal face: eyes at height 100, chin at 200, jaw 40 to 160 across."""
    points = np.zeros((68, 2))
    angles = np.linspace(np.pi, 0, 17)
    points[:17] = np.column_stack([100 + 60 * np.cos(angles), 100 + 100 * np.sin(angles)])
    points[17:27] = np.column_stack([np.linspace(55, 145, 10), np.full(10, 82.0)])
    points[27:36] = np.column_stack([np.full(9, 100.0), np.linspace(105, 140, 9)])
    points[36:42] = [70, 100]
    points[42:48] = [130, 100]
    points[48:68] = [100, 165]
    return points


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points - 100) @ rotation.T + 100


def test_forehead_rises_above_the_brows_and_the_rest_stays() -> None:
    box = box_around(outline_of_landmarks(drawn_face()))
    np.testing.assert_allclose(box, [40, 100 - FOREHEAD * 100, 160, 200], atol=1e-6)


@pytest.mark.parametrize("degrees", [0, 37, 90, 143, 180, -61])
def test_outline_turns_with_the_face(degrees: float) -> None:
    face = drawn_face()
    np.testing.assert_allclose(
        outline_of_landmarks(turned(face, degrees)), turned(outline_of_landmarks(face), degrees), atol=1e-6
    )


@pytest.mark.parametrize("degrees", [0, 45, 90, 200])
def test_box_of_a_turned_face_is_tighter_than_the_box_around_its_turned_box(degrees: float) -> None:
    outline = outline_of_landmarks(drawn_face())
    x1, y1, x2, y2 = box_around(outline)
    corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
    exact, loose = (box_around(turned(points, degrees)) for points in (outline, corners))
    assert (exact[:2] >= loose[:2] - 1e-6).all() and (exact[2:] <= loose[2:] + 1e-6).all()
    if degrees == 45:
        assert np.prod(exact[2:] - exact[:2]) < 0.8 * np.prod(loose[2:] - loose[:2])


def test_outline_of_a_box_fills_it() -> None:
    np.testing.assert_allclose(box_around(outline_of_box(np.array([10.0, 20.0, 50.0, 80.0]))), [10, 20, 50, 80])


@pytest.mark.parametrize("degrees", [0, 90, 211])
def test_eyes_and_mouth_have_fixed_places_in_the_frame(degrees: float) -> None:
    face = turned(drawn_face(), degrees)
    frame = frame_of_landmarks(face)
    seen = place(frame, np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0]]))
    np.testing.assert_allclose(seen, [face[36], face[42], face[48]], atol=1e-6)


def test_eyes_behind_one_another_still_span_a_frame() -> None:
    frame = frame_of_eyes_and_mouth(np.array([50.0, 50.0]), np.array([50.0, 50.0]), np.array([50.0, 90.0]))
    assert np.linalg.det(frame[:, :2]) > 100


def test_frame_of_a_box_lies_in_it() -> None:
    places = place(frame_of_box(np.array([10.0, 20.0, 50.0, 80.0])), np.array([[-1.0, 0], [1, 0], [0, 2], [0, 3.1]]))
    assert (places > [10, 20]).all() and (places < [50, 80]).all()
