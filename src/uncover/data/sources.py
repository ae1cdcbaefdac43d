"""The raw data sets of the thesis: what each is, and whom to ask for it. Words alone, which rerun nothing."""

from __future__ import annotations

from pathlib import Path

from uncover.errors import InputError

RAW_DATA = {
    "wflw": "WFLW: WFLW_images/ and WFLW_annotations/, from https://wywu.github.io/projects/LAB/WFLW.html",
    "merl_rav": "MERL-RAV: labels from https://github.com/abhi1kumar/MERL-RAV_dataset, photos from AFLW",
    "300w": "photos with .pts files, from https://ibug.doc.ic.ac.uk/resources/300-W/",
    "aflw": "AFLW's photos, on request from TU Graz: https://www.tugraz.at/institute/icg/research/"
    "team-bischof/learning-recognition-surveillance/downloads/aflw",
    "hof": "Hand Over Face, from http://vlm1.uta.edu/~athitsos/hand_over_face/ (authors: Ghanem, Imran, Athitsos)",
    "slapi": "SLAPI is private to UMC Utrecht; any graded frames in <grade>/images, <grade>/labels will do",
    "preterm_web": "twelve web photos that the thesis does not publish; any photos of infants will do",
    "videos": "videos of the ward are private; any videos will do, each beside a CSV of its true boxes",
}
"""By layout or raw data set: what it is and whom to ask for it."""


def require_folder(raw: Path, layout: str) -> None:
    """Make sure that raw data is there.

    Raises:
        InputError: It is not; the message says where to ask for it.
    """
    if not raw.is_dir():
        raise InputError(f"{raw}: no such folder; expected {RAW_DATA.get(layout, f'a folder of {layout}')}")
