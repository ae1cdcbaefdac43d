"""The page's own charts: which number stands where, what it says, and that a drawing is whole and always the same."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest

from tests.report.rescue_records import trial_row
from uncover.report.charts import (
    ABOVE,
    GROUPS,
    ROW,
    Panel,
    overview,
    read_numbers,
    rescue_chart,
    short,
    signed,
    table_chart,
)
from uncover.report.figures import style
from uncover.rescue import methods

TITLES = {"hirescam_avg": "HiResCAM (avg)", "gradcampp_avg": "GradCAM++ (avg)", "mtcnn": "MTCNN"}


def markers(panel: Panel) -> dict[str, tuple[float, float, str]]:
    """Place and colour of each marker of a drawing, by what it says."""
    return {
        title.text or "": (float(use.get("x", "")), float(use.get("y", "")), use.get("style", ""))
        for use in ElementTree.fromstring(panel.svg).iter("use")
        for title in use.iter("title")
    }


def trial() -> pd.DataFrame:
    rows = [
        trial_row("wflw", "mtcnn", "detector", 10, 20),
        trial_row("wflw", "gradcampp_avg", "heatmaps", 0, 20, share_low=0.0, share_high=0.0),
        trial_row("wflw", "hirescam_avg", "heatmaps", 5, 20),
        trial_row("merl", "hirescam_avg", "heatmaps", 4, 4),
        trial_row("merl", "gradcampp_avg", "heatmaps", 1, 4),
        trial_row("merl", "mtcnn", "detector", 0, 4, share_low=None, share_high=None),
        trial_row("hof", "mtcnn", "detector", 0, 0),
    ]
    return pd.DataFrame(rows).astype({"share_low": float, "share_high": float})


def test_methods_stand_by_group_and_by_what_they_found_and_each_share_in_its_place() -> None:
    chart = rescue_chart(trial(), TITLES, {"merl": "MERL", "wflw": "WFLW"}, 0.25)
    assert chart is not None and "at 0.25 false positives" in chart.label
    assert [row.title for row in chart.rows] == ["HiResCAM (avg)", "GradCAM++ (avg)", "MTCNN"]
    assert [panel.title for panel in chart.panels] == ["MERL", "WFLW"]
    assert [panel.about for panel in chart.panels] == ["4 faces, 4 photos", "20 faces, 20 photos"]
    merl, wflw = map(markers, chart.panels)
    assert set(wflw) == {
        "HiResCAM (avg), WFLW: 5 of 20 (25 % [15, 35])",
        # All draws of photos are alike where nothing was found.
        "GradCAM++ (avg), WFLW: 0 of 20 (0 % [0, 16])",
        "MTCNN, WFLW: 10 of 20 (50 % [40, 60])",
    }
    assert "MTCNN, MERL: 0 of 4 (0 %)" in merl
    by_row = sorted(wflw.values(), key=lambda place: place[1])
    assert [y for _, y, _ in by_row] == [ABOVE + ROW * (row + 0.5) for row in range(3)]
    (quarter, _, thesis), (zero, _, _), (half, _, other) = by_row
    assert half - zero == pytest.approx(2 * (quarter - zero))
    assert "var(--heatmaps)" in thesis and "var(--detector)" in other
    assert set(GROUPS) == set(methods.GROUPS)
    assert rescue_chart(trial(), TITLES, {"hof": "Hand Over Face"}, 0.25) is None


def compared(**columns: list[object]) -> pd.DataFrame:
    given = {"table": "table_04", "row": "Val", "column": "F1", "low": np.nan, "high": np.nan, "note": ""}
    count = len(next(iter(columns.values())))
    return read_numbers(pd.DataFrame(given | {"comparable": True} | columns, index=range(count)))


def test_a_table_has_a_ring_for_the_thesis_and_a_dot_for_what_this_run_has() -> None:
    numbers = compared(
        row=["Val", "Test", "Val"],
        column=["F1", "F1", "Count"],
        published=[0.5, 1.0, 400],
        ours=[0.25, "n/a", 100],
        low=[0.2, np.nan, np.nan],
        high=[0.3, np.nan, np.nan],
    )
    chart = table_chart("table_04", numbers)
    assert [row.title for row in chart.rows] == ["Val", "Test"]
    assert [panel.title for panel in chart.panels] == ["F1", "Count"]
    assert "Val, F1: thesis 0.5, ours 0.25 [0.2, 0.3], −0.25" in chart.panels[0].svg
    assert "Test, F1: thesis 1, not made in this run" in chart.panels[0].svg
    uses = [use for use in ElementTree.fromstring(chart.panels[0].svg).iter("use") if list(use)]
    assert len(uses) == 3 and sum("var(--thesis)" in use.get("style", "") for use in uses) == 2


def test_all_numbers_stand_in_the_overview_shares_in_percent_and_others_by_size() -> None:
    numbers = compared(
        table=["table_04", "table_08", "table_11", "text", "text", "table_07"],
        row=["Val", "Grad++", "Hard", "best_f1_confidence", "hof_missed", "Val"],
        column=["F1", "Coverage (Test Set)", "Total", "value", "value", "F1"],
        published=[0.5, 50, 210, 0.5, 400, 0.9],
        ours=[0.25, 25, 21, 0.25, 0, "n/a"],
    )
    assert numbers["share"].fillna(0).tolist() == [100, 1, 0, 100, 0, 100]
    shares, others = map(markers, overview(numbers).panels)
    # The same share, however it is written, stands at one place.
    assert len(shares) == 3 and len({place[:2] for place in shares.values()}) == 1
    assert set(others) == {
        "table 11, Hard, Total: thesis 210, ours 21, −189",
        "text, hof_missed: thesis 400, ours 0, −400",
    }
    assert "table 7" not in "".join(panel.svg for panel in overview(numbers).panels)


def test_a_drawing_is_the_same_each_time_and_can_stand_beside_others() -> None:
    one = rescue_chart(trial(), TITLES, {"merl": "MERL", "wflw": "WFLW"}, 0.25)
    # Whatever was drawn before, and in whatever style.
    style.new_figure(3, 3)
    matplotlib.rcParams.update({"xtick.labelsize": 3, "axes.grid": True})
    two = rescue_chart(trial(), TITLES, {"merl": "MERL", "wflw": "WFLW"}, 0.25)
    assert one == two and one is not None
    names = [re.findall(r' id="([^"]+)"', panel.svg) for panel in one.panels]
    assert names[0] and not set(names[0]) & set(names[1])
    for panel in one.panels:
        assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', panel.svg)) and "http" not in panel.svg
        assert not re.search("#[0-9a-f]{6}", re.sub(r"#rescue\d-\w+", "", panel.svg)), "a colour that is not the page's"


@pytest.mark.parametrize(
    ("value", "text"), [(0.12345, "0.123"), (12, "12"), (14580.4, "14580"), (0.0000001, "1e-07"), (float("nan"), "")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text


def test_differences_have_a_sign() -> None:
    assert signed({"ours": 0.5, "published": 0.75}) == "−0.25" and signed({"ours": 3.0, "published": 1.0}) == "+2"
    assert signed({"ours": 1.0, "published": 1.0}) == "0" and signed({"ours": float("nan"), "published": 1.0}) == ""
