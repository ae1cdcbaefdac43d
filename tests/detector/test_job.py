"""Where a training finds its sets, and what makes it another training."""

import pandas as pd
import pytest
from map_sets import make_map_set
from squares import make_set

from uncover.detector.job import read_job
from uncover.errors import InputError


@pytest.fixture
def sets(tmp_path):
    make_set(tmp_path / "data" / "train", 3, seed=1)
    make_set(tmp_path / "data" / "val", 2, seed=2)
    return tmp_path / "data"


@pytest.mark.parametrize("given", [".", "train", "train/data.yaml"])
def test_both_sets_are_found(sets, given):
    job = read_job(sets / given, None, [])
    assert (len(job.training), len(job.validation)) == (3, 2)


def test_one_set_may_name_its_two_parts(tmp_path):
    make_set(tmp_path, 4, seed=1)
    (tmp_path / "train.txt").write_text("images/0.png\nimages/1.png\nimages/3.png\n")
    (tmp_path / "val.txt").write_text("images/2.png\n")
    (tmp_path / "data.yaml").write_text("path: .\ntrain: train.txt\nval: val.txt\nnames: [light, dark]\n")
    job = read_job(tmp_path, None, [])
    assert [path.name for path in job.training.paths] == ["0.png", "1.png", "3.png"]
    assert [path.name for path in job.validation.paths] == ["2.png"]


def test_a_set_alone_is_one_line(tmp_path):
    make_set(tmp_path / "alone", 2, seed=1)
    with pytest.raises(InputError, match=r"does not say what to validate on.*--val DATA"):
        read_job(tmp_path / "alone", None, [])


def test_val_is_never_the_training_set_itself(tmp_path):
    make_set(tmp_path / "val", 2, seed=1)
    with pytest.raises(InputError, match="does not say what to validate on"):
        read_job(tmp_path / "val", None, [])


def test_the_identity_knows_settings_labels_and_photos(sets):
    first = read_job(sets, None, ["epochs=3"]).identity()
    assert read_job(sets, None, ["epochs=3"]).identity() == first
    assert read_job(sets, None, ["epochs=4"]).identity() != first
    assert read_job(sets, None, ["epochs=3"], channels=3, padding=0).identity() != first
    label = sets / "train" / "labels" / "0.txt"
    label.write_text("\n".join(label.read_text().splitlines()[:1]) + "\n")
    assert read_job(sets, None, ["epochs=3"]).identity() != first


def test_one_heatmap_set_may_hold_all_photos(tmp_path):
    """As `uncover heatmaps` makes it of the whole data set, of which lists say what to train and to validate on."""
    data = tmp_path / "data"
    make_set(data, 4, seed=1)
    (data / "train.txt").write_text("images/0.png\nimages/1.png\nimages/3.png\n")
    (data / "val.txt").write_text("images/2.png\n")
    (data / "data.yaml").write_text("path: .\ntrain: train.txt\nval: val.txt\nnames: [light, dark]\n")
    make_map_set(data, tmp_path / "maps")
    job = read_job(data, None, [], heatmaps=tmp_path / "maps", input="classes")
    names = [[path.name for path in part.paths] for part in (job.training, job.validation)]
    assert names == [["0.tif", "1.tif", "3.tif"], ["2.tif"]]


def test_heatmaps_made_anew_are_another_training(sets, tmp_path):
    def job(**changes):
        maps = tmp_path / "maps"
        for name in ("train", "val"):
            make_map_set(sets / name, maps / name, **changes)
        return read_job(sets, None, [], heatmaps=maps, input="classes")

    first = job()
    assert (first.channels, first.padding, first.input) == (10, 0, "classes")
    assert first.maps["model"] == "0" * 64 and first.training.paths[0].name == "0.tif"
    assert job().identity() == first.identity() != job(model="1" * 64).identity()
    assert read_job(sets, None, [], heatmaps=tmp_path / "maps", input="mean").identity() != first.identity()
    assert read_job(sets, None, [], input="grey").identity() != read_job(sets, None, [], channels=3).identity()


def test_images_that_nobody_annotated_are_not_learnt_as_without_a_face(sets, capsys):
    """A trainer takes an image without a label file for one without a face; the manifest tells them apart."""
    images = sorted(path.name for path in (sets / "train/images").iterdir())
    for place in ("train", "val"):
        names = sorted((sets / place / "images").iterdir())
        manifest = {"photo": [path.stem for path in names], "image": [f"images/{path.name}" for path in names]}
        known = [place == "val" or path.name != images[1] for path in names]
        pd.DataFrame(manifest | {"labelled": known}).to_parquet(sets / place / "manifest.parquet")
    job = read_job(sets, None, [])
    assert [path.name for path in job.training.paths] == [images[0], images[2]] and len(job.validation) == 2
    assert "1 of 3 frames are not annotated" in capsys.readouterr().err
