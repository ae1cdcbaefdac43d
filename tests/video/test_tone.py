"""Tone curves against published values, and against the curves of the recommendations written out once more."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.video import frame as tone
from uncover.video.frame import HLG, PEAK, PQ, tone_curve


@pytest.mark.parametrize(
    ("value", "light"),
    # ITU-R BT.2100 and BT.2408: signal, candelas per square metre.
    [(0.0, 0.0), (0.508, 100.0), (0.581, 203.0), (0.752, 1000.0), (1.0, 10_000.0)],
)
def test_pq_has_its_published_light(value: float, light: float) -> None:
    assert tone._pq(np.array([value]))[0] == pytest.approx(light, rel=0.02)


@given(st.floats(0, 10_000))
def test_pq_undoes_its_inverse(light: float) -> None:
    """The inverse EOTF, with the decimals of SMPTE ST 2084 instead of the fractions."""
    power = (light / 10_000) ** 0.1593017578125
    value = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    assert tone._pq(np.array([value]))[0] == pytest.approx(light, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "light"),
    # BT.2408: reference white is 75 %, and 38 % is 18 % grey, on a screen of 1000 candelas per square metre.
    [(0.0, 0.0), (0.38, 26.0), (0.75, 203.0), (1.0, 1000.0)],
)
def test_hlg_has_its_published_light(value: float, light: float) -> None:
    assert tone._hlg(np.array([value]))[0] == pytest.approx(light, rel=0.02)


def test_srgb_has_its_published_values() -> None:
    """Middle grey of 18 % is 118 of 255, and half the light 188."""
    values = 255 * tone._srgb(np.array([0.0, 0.0031308, 0.18, 0.5, 1.0]))
    assert values == pytest.approx([0, 10.31, 117.6, 187.5, 255], abs=0.1)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_brighter_stays_brighter(transfer: int) -> None:
    curve = tone_curve(transfer)
    assert curve is not None and curve.shape == (256,) and curve.dtype == np.uint8
    steps = np.diff(curve.astype(int))
    assert (steps >= 0).all() and steps.max() <= 8
    assert curve[0] == 0 and curve[-1] == 255


def test_light_to_half_of_the_reference_white_is_only_scaled() -> None:
    """Faces under ordinary light: 50 of 203 candelas are a quarter of the light, and 137 of 255 in sRGB."""
    for transfer, light in ((PQ, tone._pq), (HLG, tone._hlg)):
        curve = tone_curve(transfer)
        assert curve is not None
        nearest = np.argmin(np.abs(light(np.linspace(0, 1, 256)) - 203 / 4))
        assert abs(int(curve[nearest]) - 137) <= 4


def test_reference_white_is_light_and_what_is_brighter_still_differs() -> None:
    curve = tone_curve(PQ)
    assert curve is not None
    white, bright, peak = (int(curve[round(255 * value)]) for value in (0.581, 0.65, 0.752))
    assert 215 <= white < bright < peak <= 255 and peak >= 250
    assert tone._pq(np.array([0.752]))[0] == pytest.approx(PEAK, rel=0.02)


@pytest.mark.parametrize("transfer", [None, 0, 1, 2, 6, 13, 14, 15, 17])
def test_ordinary_range_has_no_curve(transfer: int | None) -> None:
    assert tone_curve(transfer) is None
