"""The filter of a face against textbook equations, and its motion against many small steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.tracking.kalman import FaceFilter, Motion, as_boxes, as_measured

MOTION = Motion()
SEEN = np.array(
    [[100, 80, 160, 150], [104, 82, 166, 150], [0, 0, 0, 0], [112, 86, 176, 160], [118, 84, 178, 158]], float
)
SURE = np.array([0.9, 0.3, 0.0, 0.7, 0.5])
STEPS = np.array([0.0, 0.2, 0.04, 0.3, 1.0])
"""The third frame has no box."""


class Textbook:
    """Kalman filter and smoother of one coordinate (place, velocity), with the matrices written out."""

    def __init__(self, value: float, noise: float, velocity_variance: float) -> None:
        self.x, self.p = np.array([value, 0.0]), np.diag([noise, velocity_variance])

    def predict(self, seconds: float, velocity_variance: float) -> tuple[np.ndarray, np.ndarray]:
        rate, left = 1 / MOTION.memory, np.exp(-seconds / MOTION.memory)
        f = np.array([[1, (1 - left) / rate], [0, left]])
        # The integral of F(s) diag(0, q) F(s)' over the step, by the rule of midpoints.
        q = np.zeros((2, 2))
        pieces = 4000
        for s in (np.arange(pieces) + 0.5) * seconds / pieces:
            g = np.array([(1 - np.exp(-rate * s)) / rate, np.exp(-rate * s)])
            q += np.outer(g, g) * 2 * rate * velocity_variance * seconds / pieces
        self.x, self.p = f @ self.x, f @ self.p @ f.T + q
        return f, q

    def update(self, value: float, noise: float) -> None:
        gain = self.p[:, 0] / (self.p[0, 0] + noise)
        self.x = self.x + gain * (value - self.x[0])
        self.p = self.p - np.outer(gain, self.p[0])


def textbook() -> tuple[np.ndarray, np.ndarray]:
    """Filtered and smoothed places (5, 4) of the fixed case; the four coordinates share the face's size only."""
    measured = np.stack(
        [
            (SEEN[:, 0] + SEEN[:, 2]) / 2,
            (SEEN[:, 1] + SEEN[:, 3]) / 2,
            np.log(np.maximum(SEEN[:, 2] - SEEN[:, 0], 1)),
            np.log(np.maximum(SEEN[:, 3] - SEEN[:, 1], 1)),
        ],
        axis=1,
    )

    def noises(confidence: float, size: float) -> list[float]:
        return [(0.05 * size) ** 2 / confidence] * 2 + [0.08**2 / confidence] * 2

    def velocities(size: float) -> list[float]:
        return [(0.5 * size) ** 2] * 2 + [0.2**2] * 2

    def size_of(axes: list[Textbook]) -> float:
        return float(np.exp((axes[2].x[0] + axes[3].x[0]) / 2))

    first = float(np.exp(measured[0, 2:].mean()))
    axes = [Textbook(*row) for row in zip(measured[0], noises(SURE[0], first), velocities(first), strict=True)]
    xs, ps, fs, qs = [[axis.x for axis in axes]], [[axis.p for axis in axes]], [None], [None]
    for place in range(1, len(SEEN)):
        size = size_of(axes)
        steps = [axis.predict(STEPS[place], v) for axis, v in zip(axes, velocities(size), strict=True)]
        if SURE[place]:
            for axis, z, r in zip(axes, measured[place], noises(SURE[place], size_of(axes)), strict=True):
                axis.update(z, r)
        xs.append([axis.x for axis in axes])
        ps.append([axis.p for axis in axes])
        fs.append([f for f, _ in steps])
        qs.append([q for _, q in steps])
    smooth = [list(row) for row in xs]
    for place in range(len(SEEN) - 2, -1, -1):
        for axis in range(4):
            f, q = fs[place + 1][axis], qs[place + 1][axis]
            ahead = f @ ps[place][axis] @ f.T + q
            gain = ps[place][axis] @ f.T @ np.linalg.inv(ahead)
            smooth[place][axis] = xs[place][axis] + gain @ (smooth[place + 1][axis] - f @ xs[place][axis])
    return np.array(xs)[..., 0], np.array(smooth)[..., 0]


def test_filter_and_smoother_are_those_of_the_textbook() -> None:
    face = FaceFilter(SEEN[0], SURE[0], MOTION)
    kept = [(face.state, face.covariance, face.F, face.Q)]
    for box, confidence, step in zip(SEEN[1:], SURE[1:], STEPS[1:], strict=True):
        face.predict(step)
        if confidence:
            face.update(box, confidence)
        kept.append((face.state, face.covariance, face.F, face.Q))
    filtered, smoothed = textbook()
    np.testing.assert_allclose(np.array([row[0] for row in kept])[:, :4], filtered, rtol=1e-5)
    np.testing.assert_allclose(face.smoothed(*map(np.array, zip(*kept, strict=True)))[:, :4], smoothed, rtol=1e-5)
    assert np.abs(filtered - smoothed).max() > 0.5  # the two are told apart


@given(first=st.floats(0, 2), second=st.floats(0, 2), size=st.floats(5, 500))
def test_a_step_is_the_same_in_one_or_in_two(first: float, second: float, size: float) -> None:
    (f1, q1), (f2, q2) = MOTION.step(first, size), MOTION.step(second, size)
    f, q = MOTION.step(first + second, size)
    np.testing.assert_allclose(f2 @ f1, f, atol=1e-12)
    np.testing.assert_allclose(f2 @ q1 @ f2.T + q2, q, atol=1e-9 * size**2)


def test_a_face_comes_to_rest_in_a_long_gap() -> None:
    face = FaceFilter(np.array([100.0, 100, 150, 150]), 0.9, MOTION)
    for place in range(1, 11):
        face.predict(0.1)
        face.update(np.array([100.0, 100, 150, 150]) + 4 * place, 0.9)
    assert 20 < face.state[4] < 40
    face.predict(5 * MOTION.memory)
    assert abs(face.state[4]) < 1


def test_distance_is_that_of_mahalanobis() -> None:
    face = FaceFilter(SEEN[0], 0.8, MOTION)
    face.predict(0.3)
    covariance = face.covariance[:4, :4] + np.diag(MOTION.noise(0.4, face.size))
    off = as_measured(SEEN[4]) - face.state[:4]
    expected = off @ np.linalg.inv(covariance) @ off
    assert face.distances(SEEN[4:5], np.array([0.4]))[0] == pytest.approx(expected)


@given(corner=st.tuples(*[st.floats(-50, 500)] * 2), sides=st.tuples(*[st.floats(1, 300)] * 2))
def test_boxes_come_back(corner: tuple[float, float], sides: tuple[float, float]) -> None:
    box = np.array([*corner, *np.add(corner, sides)])
    np.testing.assert_allclose(as_boxes(as_measured(box)), box, atol=1e-9)


def test_unsure_boxes_move_the_face_less() -> None:
    moved = []
    for confidence in (0.9, 0.3, 0.1):
        face = FaceFilter(SEEN[0], 0.9, MOTION)
        face.predict(0.04)
        face.update(SEEN[0] + 10, confidence)
        moved.append(face.box[0] - SEEN[0][0])
    assert 10 > moved[0] > moved[1] > moved[2] > 0
