"""Raw data sets of the thesis: their content and where to request them. Used in messages only; changes rerun no job."""

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
    "slapi": "SLAPI is private to UMC Utrecht; use any graded frames in <grade>/images, <grade>/labels instead",
    "preterm_web": "twelve web photos that the thesis does not publish; use any photos of infants instead",
    "videos": "videos of the ward are private; use any videos instead, each beside a CSV of its true boxes",
}
"""By layout or raw data set: its content and where to request it."""


def require_folder(raw: Path, layout: str) -> None:
    """Check that the folder of raw data exists.

    Raises:
        InputError: It does not exist; the error says where to request the data.
    """
    if not raw.is_dir():
        raise InputError(f"{raw}: no such folder; expected {RAW_DATA.get(layout, f'a folder of {layout}')}")
