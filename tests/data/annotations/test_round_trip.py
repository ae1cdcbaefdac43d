"""What goes out to a tool and comes back unchanged is what was there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.annotations.sets import Known, states_of, write_set
from uncover.data.annotations.annotated import FrameState
from uncover.data.annotations.cvat import write_cvat
from uncover.data.annotations.importing import import_annotations
from uncover.data.annotations.label_studio import LOCAL_FILES, write_label_studio
from uncover.data.picked import UNGRADED

SIZE = (203, 151)


@st.composite
def boxes(draw: st.DrawFn) -> list[float]:
    """A box of half a pixel and more, somewhere in the frame, its edges on fractions of pixels."""
    x1 = draw(st.floats(0, SIZE[0] - 1))
    y1 = draw(st.floats(0, SIZE[1] - 1))
    return [x1, y1, draw(st.floats(x1 + 0.5, SIZE[0])), draw(st.floats(y1 + 0.5, SIZE[1]))]


known = st.one_of(
    st.just((UNGRADED, None)),
    st.tuples(st.just(UNGRADED), st.lists(boxes(), min_size=1, max_size=3)),
    st.tuples(st.sampled_from(["none", "easy", "hard", "very-hard"]), st.lists(boxes(), max_size=3)),
)


@pytest.mark.parametrize("tool", ["cvat", "label-studio"])
@settings(max_examples=15)
@given(frames=st.lists(known, min_size=1, max_size=4))
def test_a_round_trip_loses_no_grade_and_half_a_pixel_at_most(tool: str, frames: list[Known]) -> None:
    if tool == "label-studio":
        # Its boxes of ungraded frames are predictions, which are no answer: only what people said comes back.
        frames = [*frames, ("easy", [[1, 2, 30, 40]])]
    else:
        frames = [*frames, (UNGRADED, [[1, 2, 30, 40]])]
    with TemporaryDirectory() as place:
        root = write_set(Path(place, "frames"), frames, size=SIZE)
        before = states_of(root)
        file = Path(place, "out.xml" if tool == "cvat" else "out.json")
        if tool == "cvat":
            write_cvat(before, "frames", file)
        else:
            write_label_studio(before, f"{LOCAL_FILES}frames/", file)
        forgotten = Path(place, "forgotten")
        shutil.copytree(root, forgotten)
        forget(forgotten, tool)
        for folder in (root, forgotten):
            imported, rejected = import_annotations(folder, file, "face")
            assert not rejected and imported.spoilt == 0
            after = states_of(folder)
            assert before.keys() == after.keys()
            for name, state in before.items():
                reviewed = file.name if is_reviewed(state, tool) else ""
                assert after[name].frame == replace(state.frame, reviewed=reviewed) and after[name].size == SIZE
                assert np.abs(state.shown - after[name].shown).max(initial=0) <= 0.5
                assert (after[name].boxes is not None) == is_reviewed(state, tool)
            assert imported.unchanged == imported.updated or folder == forgotten


def forget(root: Path, tool: str) -> None:
    """Spoil the labels that the file knows, so that they can come from nowhere else."""
    for label in root.glob("*/*/*.txt"):
        if tool == "cvat" or label.parts[-3] != UNGRADED:
            label.write_text("0 0.5 0.5 0.25 0.25\n")


def is_reviewed(state: FrameState, tool: str) -> bool:
    """Proposals come back from CVAT as boxes of the task; Label Studio's predictions are no answer."""
    return state.boxes is not None or (tool == "cvat" and state.proposals is not None)
