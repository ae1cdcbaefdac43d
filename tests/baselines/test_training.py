"""The command that trains another detector."""

import json

import pytest

from uncover.baselines import retinanet
from uncover.baselines.fetched import Fetched, write_fetched
from uncover.baselines.weights import BaselineWeights, save_baseline
from uncover.cli import main

QUICK = ["--device", "cpu", "--set", "network=mobilenet_v3_large", "image_size=32", "epochs=1", "batch=8"]


def run(capsys, *words: object) -> tuple[int, str]:
    code = main(["train", "baseline", *map(str, words)])
    lines = capsys.readouterr().err.splitlines()
    return code, [line for line in lines if not line.startswith("wrote ")][-1]


def test_it_trains_from_fetched_weights(faces, tmp_path, capsys):
    state = retinanet.build("mobilenet_v3_large", 32, True).state_dict()
    folder = tmp_path / "fetched"
    save_baseline(folder / "weights.pt", BaselineWeights(state, {"source": "coco.pth", "sha256": "0" * 64}))
    write_fetched(folder, Fetched("", 1))
    code, last = run(capsys, "retinanet", faces, tmp_path / "out", "--start", folder, *QUICK)
    assert code == 0 and last.startswith("epoch 1/1: ")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["start"] == {"source": "coco.pth", "sha256": "0" * 64}


def test_the_reason_why_weights_are_not_there_is_passed_on(faces, tmp_path, capsys):
    write_fetched(tmp_path / "fetched", Fetched("yolo11m: no weights: offline", 1))
    code, last = run(capsys, "yolo11", faces, tmp_path / "out", "--start", tmp_path / "fetched")
    assert code == 2 and last == "uncover train baseline: error: yolo11m: no weights: offline"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["mtcnn"], "mtcnn: cannot be trained; expected one of yolo11, retinanet, faster_rcnn"),
        (["ssd"], "ssd: no such detector; expected one of mtcnn"),
        (["retinanet", "--set", "epoch=3"], "key epoch is unknown; did you mean epochs?"),
        (["yolo11", "--set", "network=yolo11z"], "key network: expected 'yolo11n'"),
        (["retinanet", "--device", "tpu"], "device tpu: unknown"),
        (["retinanet", "--start", "gone.pt"], "gone.pt: does not exist"),
        (["retinanet"], "weights=coco needs initial weights; pass --weights WEIGHTS or --set weights=scratch"),
    ],
)
def test_bad_words_are_said_in_a_line(faces, tmp_path, capsys, words, says):
    name, *rest = words
    code, last = run(capsys, name, faces, tmp_path / "out", *rest)
    assert code == 2 and says in last and not (tmp_path / "out").exists()


def test_bad_data_are_said_in_a_line(faces, tmp_path, capsys):
    scratch = ["--device", "cpu", "--set", "weights=scratch"]
    code, last = run(capsys, "retinanet", tmp_path / "nothing", tmp_path / "out", *scratch)
    assert code == 2 and "train/data.yaml: no such file; expected a data set" in last
    for name in ("train", "val"):
        (tmp_path / name).symlink_to(faces / name)
    (tmp_path / "train").unlink()
    (tmp_path / "train/labels").mkdir(parents=True)
    (tmp_path / "train/images").symlink_to(faces / "train/images")
    (tmp_path / "train/data.yaml").symlink_to(faces / "train/data.yaml")
    code, last = run(capsys, "yolo11", tmp_path, tmp_path / "out", *scratch)
    assert code == 2 and "train: no box of whole face in the labels of 8 images" in last
