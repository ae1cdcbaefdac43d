"""Weights that cannot be fetched stop what needs them, and nothing else; once there, all is made up for."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.dag.conftest import Checkout

pytestmark = pytest.mark.whole_run

TABLE, PREDICTED = "results/tiny/tables/table_10_baselines.csv", "results/tiny/predictions/retinaface/val.parquet"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Of a RetinaFace that has learnt nothing."""
    import torch
    from facexlib.detection.retinaface import RetinaFace

    torch.manual_seed(0)
    file = tmp_path / "away" / "retinaface.pth"
    file.parent.mkdir()
    torch.save(RetinaFace(network_name="mobile0.25", device="cpu").state_dict(), file)
    return file


URL = "http://127.0.0.1:9/it.pth"
"""Where nothing answers."""


def test_what_could_not_be_fetched_is_tried_again_only_when_there_is_news(
    plain_checkout: Checkout, tmp_path: Path, weights: Path
) -> None:
    checkout = Checkout(tmp_path / "checkout", plain_checkout.python)
    shutil.copytree(plain_checkout.root, checkout.root, symlinks=True)
    place, folder = tmp_path / "its weights.pth", "results/tiny/weights/retinaface"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    entry = f"{{path: {place}, url: '{URL}', sha256: {digest}}}"
    own = f"{{detectors: [viola_jones, retinaface]}}\nweights: {{retinaface: {entry}}}"
    checkout.edit("config/tiny.yaml", "{detectors: [mtcnn, viola_jones]}", own)

    def fetched() -> bool:
        checkout.snakemake(folder)
        assert checkout.planned(folder) == {}
        return (checkout.root / folder / "weights.pt").is_file()

    one = {"fetch_weights": 1}
    assert checkout.planned(folder) == one and not fetched()
    # Asked for, the file appears, another one comes, the config says another address: each is news.
    assert checkout.planned(folder, "--forcerun", "fetch_weights") == one
    place.write_bytes(b"half of it")
    assert checkout.planned(folder) == one and not fetched()
    checkout.edit("config/tiny.yaml", URL, f"{URL}?again")
    assert checkout.planned(folder) == one and not fetched()
    shutil.copy(weights, place)
    assert checkout.planned(folder) == one and fetched()
    # Once fetched, nothing is asked of the file.
    place.unlink()
    assert checkout.planned(folder) == {}


def rows_of(checkout: Checkout, detector: str) -> pd.DataFrame:
    table = pd.read_csv(checkout.root / TABLE, dtype=str)
    return table[table["Detector"] == detector]


def test_a_table_goes_on_without_a_detector_and_takes_it_in_later(own_checkout: Checkout, weights: Path) -> None:
    place = own_checkout.root / "retinaface.pth"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert rows_of(own_checkout, "RetinaFace").iloc[0]["P"] == "not run"
    own_checkout.edit(
        "config/tiny.yaml",
        "baselines: {detectors: [mtcnn, viola_jones]}",
        "baselines: {detectors: [mtcnn, viola_jones, retinaface]}\n"
        f"weights: {{retinaface: {{path: {place}, url: 'http://127.0.0.1:9/it.pth', sha256: {digest}}}}}",
    )
    with pytest.raises(AssertionError) as stopped:
        own_checkout.snakemake("--keep-going", TABLE, PREDICTED)
    for part in (str(place), "http://127.0.0.1:9/it.pth", digest):
        assert part in str(stopped.value)
    assert not (own_checkout.root / PREDICTED).exists()
    assert rows_of(own_checkout, "RetinaFace").iloc[0]["P"] == "not run"
    assert len(rows_of(own_checkout, "MTCNN")) > 1
    assert own_checkout.planned(TABLE) == {}
    notes = (own_checkout.root / TABLE).with_suffix(".md").read_text(encoding="utf-8")
    assert "weights.retinaface" in notes and str(place) not in notes

    weights.rename(place)
    own_checkout.snakemake(TABLE, PREDICTED)
    assert "not run" not in rows_of(own_checkout, "RetinaFace").to_numpy()
    assert own_checkout.planned(TABLE, PREDICTED) == {}
