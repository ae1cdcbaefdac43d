"""Where a training finds its sets, and what makes it another training."""

import shutil

import pandas as pd
import pytest

from tests.yolov5.map_sets import make_map_set
from tests.yolov5.squares import make_set
from uncover.errors import InputError
from uncover.weights import find_weights
from uncover.yolov5.finetune import is_picked
from uncover.yolov5.job import read_job
from uncover.yolov5.network import build_network
from uncover.yolov5.weights import Header, save_weights


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
    with pytest.raises(InputError, match=r"no validation set.*--val DATA"):
        read_job(tmp_path / "alone", None, [])


def test_val_is_never_the_training_set_itself(tmp_path):
    make_set(tmp_path / "val", 2, seed=1)
    with pytest.raises(InputError, match="no validation set"):
        read_job(tmp_path / "val", None, [])


def test_the_network_is_that_of_the_start_weights_unless_one_is_named(sets, tmp_path, capsys):
    header = Header(model="yolov5n", channels=3, class_names=("light",), class_ids=(0,), image_size=64)
    save_weights(tmp_path / "start.pt", build_network("yolov5n", 3, 1).state_dict(), header)
    assert read_job(sets, None, ["epochs=3"], tmp_path / "start.pt").settings.model == "yolov5n"
    assert f"network: yolov5n, as in {tmp_path / 'start.pt'}" in capsys.readouterr().err
    assert read_job(sets, None, ["model=yolov5s"], tmp_path / "start.pt").settings.model == "yolov5s"
    assert read_job(sets, None, []).settings.model == "yolov5m"


def test_training_on_sets_starts_from_packaged_weights_too(sets):
    assert read_job(sets, None, ["epochs=3"], find_weights("general")).settings.model == "scrfd_2.5g"
    with pytest.raises(InputError, match=r"model: expected 'yolov5n', .*; found 'scrfd_2.5g'"):
        read_job(sets, None, ["model=scrfd_2.5g"])


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


@pytest.fixture
def export(sets):
    """The sets as Roboflow exports them: valid/ for val/, and one data.yaml above both."""
    root = sets.parent / "export"
    for name, part in (("train", "train"), ("val", "valid")):
        shutil.copytree(sets / name, root / part)
        (root / part / "data.yaml").unlink()
    return root


YAML = "train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['light', 'dark']\n"
LISTS = "path: .\ntrain: [train/images, more.txt]\nvalid: [val.txt]\nnames: {0: light, 1: dark}\n"


@pytest.mark.parametrize(
    ("name", "content", "given", "val", "training"),
    [
        ("data.yaml", YAML, ".", None, 3),
        ("data.yaml", YAML, "data.yaml", None, 3),
        ("data.yaml", YAML, "train", "valid", 3),
        ("data.yaml", YAML, "train", None, 3),
        ("faces.yaml", YAML, ".", None, 3),
        ("faces.yml", YAML, "faces.yml", None, 3),
        ("data.yaml", LISTS, ".", None, 4),
        ("faces.yaml", "nc: 2\n" + YAML.replace("nc: 2\n", ""), "train", "valid", 3),
    ],
)
def test_sets_are_found_as_roboflow_and_ultralytics_leave_them(export, name, content, given, val, training):
    (export / name).write_bytes(content.encode("utf-8-sig"))
    shutil.copytree(export / "valid", export / "elsewhere")
    (export / "elsewhere/images/0.png").rename(export / "elsewhere/images/0.PNG")
    (export / "elsewhere/labels/0.txt").rename(export / "elsewhere/labels/0.TXT")
    (export / "more.txt").write_bytes(b"\xef\xbb\xbf./elsewhere/images/0.PNG\r\n")
    (export / "val.txt").write_text("data\\valid\\images\\0.png\n./valid/images/1.png\n")
    assert not is_picked(export / given)
    job = read_job(export / given, val and export / val, [])
    assert (len(job.training), len(job.validation)) == (training, 2)
    assert job.training.class_names == ("light", "dark") and job.training.class_ids == (0, 1)
    assert all(len(labels) == 2 for labels in (*job.training.labels, *job.validation.labels))


def test_classes_are_learnt_by_name_whatever_their_ids(export):
    (export / "data.yaml").write_text(YAML)
    job = read_job(export, None, [], chosen=["Dark"])
    assert (job.training.class_names, job.training.class_ids) == (("dark",), (1,))
    assert all(labels[:, 0].tolist() == [0] for labels in job.training.labels)
    with pytest.raises(InputError, match=r"has no class 'ear' .*; its classes are light, dark"):
        read_job(export, None, [], chosen=["ear"])


def test_a_detector_of_whole_faces_learns_the_class_that_is_the_face(export):
    (export / "data.yaml").write_text(YAML)
    with pytest.raises(InputError, match=r"the classes light, dark; none of them .* pass --class NAME"):
        read_job(export, None, ["classes=whole_face"])
    for content, chosen in ((YAML, ["dark"]), (YAML.replace("dark", "infant face"), [])):
        (export / "data.yaml").write_text(content)
        job = read_job(export, None, ["classes=whole_face"], chosen=chosen)
        assert (job.training.class_names, job.training.class_ids) == (("whole face",), (1,))
    both = read_job(export, None, ["classes=whole_face"], chosen=["light", "infant face"])
    assert all(labels[:, 0].tolist() == [0, 0] for labels in both.training.labels)


def test_images_that_a_list_names_and_nobody_has_are_all_told(export, capsys):
    (export / "data.yaml").write_text(LISTS)
    (export / "more.txt").write_text("./gone.png\n./train/images/0.png\n./lost.png\n")
    with pytest.raises(InputError, match=r"data\.yaml: 2 problems; .* the first: .*more\.txt, row 1: \./gone\.png"):
        read_job(export, None, [])
    assert "more.txt, row 3: ./lost.png: does not exist" in capsys.readouterr().err


def test_bad_rows_of_both_sets_are_told_once_each(export, capsys):
    (export / "data.yaml").write_text(YAML)
    spoilt = [next((export / part / "labels").iterdir()) for part in ("train", "valid")]
    for path in spoilt:
        path.write_text("nobody\nnothing\n")
    with pytest.raises(InputError) as failed:
        read_job(export, None, [])
    told = capsys.readouterr().err.splitlines()
    assert len([line for line in told if line.startswith("problem: ")]) == len(told) == 4
    assert all(any(f"{path}, row {row}:" in line for line in told) for path in spoilt for row in (1, 2))
    assert str(failed.value).count("2 problems") == 2 and all(str(path) in str(failed.value) for path in spoilt)


def test_labels_beside_the_images_are_read_too(export):
    """As in a folder of Darknet, with a data.yaml above."""
    for part in ("train", "valid"):
        for folder in ("images", "labels"):
            for path in (export / part / folder).iterdir():
                path.rename(export / part / path.name)
            (export / part / folder).rmdir()
    (export / "data.yaml").write_text("train: train\nval: valid\nnames: [light, dark]\n")
    for given, val in ((export, None), (export / "train", export / "valid")):
        job = read_job(given, val, [])
        assert sum(map(len, job.training.labels)) == 6 and sum(map(len, job.validation.labels)) == 4


def test_annotations_of_another_kind_are_told_where_there_is_no_yaml(export):
    (export / "train/_annotations.coco.json").write_text("{}")
    with pytest.raises(InputError, match=r"_annotations\.coco\.json: `uncover labels --layout graded` converts"):
        read_job(export / "train", export / "valid", [])
    shutil.rmtree(export / "valid")
    with pytest.raises(InputError, match=r"no validation set; .* _annotations\.coco\.json: `uncover"):
        read_job(export / "train", None, [])


def test_a_yaml_file_that_is_not_there_is_no_data_set(export):
    with pytest.raises(InputError, match=r"faces\.yaml: no such folder; expected a data set .* or its YAML file"):
        read_job(export / "faces.yaml", None, [])
    (export / "faces.yaml").write_text("train: nope\nvalid: nada\nnames: [face]\n")
    with pytest.raises(InputError, match=r"train: nope: no such folder or file.*; .*val: nada: no such folder or file"):
        read_job(export / "faces.yaml", None, [])


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
    assert "left out 1 of 3 frames that are not annotated" in capsys.readouterr().err
