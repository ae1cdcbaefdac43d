"""State of a training: round trip, another training's state, a spoilt file."""

import json

import pytest
import torch

from uncover.detector.training_state import TrainingState, check_finished, load_state, save_state, state_folder
from uncover.errors import InputError


def test_state_comes_back_as_it_was(tmp_path):
    state = TrainingState(
        epoch=3,
        network={"a": torch.arange(3.0)},
        optimizer={"state": {0: {"momentum_buffer": torch.ones(2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        rows=[{"epoch": 0, "x/lr0": 0.1}],
        best={"a": torch.zeros(3)},
        best_epoch=1,
        last_step=17,
    )
    save_state(tmp_path, state)
    again = load_state(tmp_path)
    assert again is not None
    assert torch.equal(again.network["a"], state.network["a"])
    assert torch.equal(again.optimizer["state"][0]["momentum_buffer"], torch.ones(2))
    assert (again.epoch, again.rows, again.best_epoch, again.last_step) == (3, state.rows, 1, 17)


def test_no_state_is_no_error(tmp_path):
    assert load_state(tmp_path / "nowhere") is None


def test_a_truncated_state_is_never_used(tmp_path, capsys):
    save_state(tmp_path, TrainingState(epoch=2, network={"a": torch.rand(500)}))
    file = tmp_path / "state.pt"
    whole = file.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert load_state(tmp_path) is None, length
        assert "starting anew" in capsys.readouterr().err


def test_a_foreign_pickle_is_never_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'sprung')!r}, 'w')",))

    torch.save({"epoch": Trap()}, tmp_path / "state.pt")
    assert load_state(tmp_path) is None
    assert not (tmp_path / "sprung").exists()


def test_whatever_changes_the_result_changes_the_folder(tmp_path):
    base = {"settings": {"seed": 0, "epochs": 3}, "start": None}
    folders = {
        state_folder(tmp_path, identity)
        for identity in (base, base | {"start": "abc"}, base | {"settings": {"seed": 1, "epochs": 3}})
    }
    assert len(folders) == 3
    assert state_folder(tmp_path, dict(reversed(base.items()))) == state_folder(tmp_path, base)


TOLD = {"model": "yolov5n", "train_images": 4, "settings": {"epochs": 3, "hyperparameters": {"lr0": 0.01}}}


@pytest.mark.parametrize(
    ("wanted", "other"),
    [
        (TOLD, None),
        (TOLD | {"digests": {"training": "a"}, "classes": {"0": "x"}}, None),  # of what the old one says nothing
        (TOLD | {"model": "yolov5s"}, r"settings \(model: yolov5n there, yolov5s here\)"),
        (TOLD | {"train_images": 5}, r"data \(train_images: 4 there, 5 here\)"),
        (TOLD | {"settings": {"hyperparameters": {"lr0": 0.1}}}, r"settings \(lr0: 0.01 there, 0.1 here\)"),
        (TOLD | {"settings": {"new_setting": 1}}, None),
    ],
)
def test_a_finished_model_stays_unless_it_is_of_the_same_training(tmp_path, wanted, other):
    check_finished(tmp_path, wanted, tmp_path / "state")
    (tmp_path / "weights.pt").touch()
    with pytest.raises(InputError, match=r"no summary\.json that says of what; give another name, or remove it first"):
        check_finished(tmp_path, wanted, tmp_path / "state")
    (tmp_path / "summary.json").write_text(json.dumps(TOLD))
    if other is None:
        check_finished(tmp_path, wanted, tmp_path / "state")
        return
    with pytest.raises(InputError, match=f"holds a trained model of other {other}; give another name"):
        check_finished(tmp_path, wanted, tmp_path / "state")


@pytest.mark.parametrize("name", ["training", "validation", "maps", "start"])
def test_digests_tell_other_data_and_other_start_weights(tmp_path, name):
    (tmp_path / "weights.pt").touch()
    (tmp_path / "summary.json").write_text(json.dumps({"digests": {name: "a"}}))
    with pytest.raises(InputError, match="of other " + ("start weights;" if name == "start" else "data;")):
        check_finished(tmp_path, {"digests": {name: "b"}}, tmp_path / "state")
