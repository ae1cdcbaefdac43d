"""Times foretold from times measured, and how much work a job is."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflow.planned import planned
from uncover.config.load import check_config, load_config
from uncover.errors import InputError
from uncover.workflow.costs import (
    PROCESSOR,
    Costs,
    Measured,
    fit,
    measured_jobs,
    read_speeds,
    seconds_at_work,
    spent_by_rule,
)
from uncover.workflow.engine import Plan
from uncover.workflow.run_record import begin_record
from uncover.workflow.work import Work

REPOSITORY = Path(__file__).parents[2]
DEMO = check_config(
    {
        "run": "a",
        "raw": {"synthetic": True},
        "splits": {"wflw": {"val": 20, "test": 40}, "merl_rav": {"val": 30, "test": 10}},
        "detectors": {"rgb10": {"epochs": 10, "model": "yolov5n", "image_size": 320}},
    }
)


def measured(work: float, seconds: float, name: str = "train/rgb1", device: str = PROCESSOR) -> Measured:
    return Measured("demo", name, name.split("/")[0], work, seconds, device)


def test_the_work_of_networks_is_images_epochs_pixels_and_operations() -> None:
    work = Work(DEMO)
    assert work.photos["train"] == 400 and work.photos["val"] == 50 and work.photos["slapi_hard"] == 210
    # A quarter of the pixels of 640, 4.5 of yolov5m's 49 operations; a training step is three looks.
    each = 0.25 * 4.5 / 49
    assert work.of("train", {"model": "rgb10"}) == pytest.approx(10 * (3 * 400 + 50) * each)
    seen = {rule: sum(work.photos[name] for name in work.sets_of(rule)) for rule in ("predict", "predict_rgb_tables")}
    assert sum(seen.values()) == sum(count for name, count in work.photos.items() if name != "train")
    assert seen["predict_rgb_tables"] == sum(work.photos[name] for name in ("val", "merl", "wflw"))
    for rule, count in seen.items():
        assert work.of(rule, {"model": "rgb10"}) == work.of_name(f"{rule}/rgb10") == pytest.approx(count * each)
    assert work.of_name("predict_train/rgb10") == pytest.approx(400 * each)
    whole = sum(work.photos[name] for name in work.run.labelled_sets)
    assert work.of_name("evaluate_rgb1/rgb1") == whole
    assert work.of_name("evaluate/rgb10") == whole + seen["predict_rgb_tables"]
    assert work.of_name("evaluate_rgb_tables/rgb10") == 2 * seen["predict_rgb_tables"]
    assert work.of_name("make_heatmaps_learned") == pytest.approx((400 + 50) * each)
    tested = sum(count for name, count in work.photos.items() if name not in ("train", "val"))
    assert work.of_name("make_heatmaps_tested") == pytest.approx(tested * each)
    # A version ago each set had a job.
    assert math.isnan(work.of_name("predict/rgb10/val")) and math.isnan(work.of_name("predict/rgb10/val/1-of-2"))
    assert work.of_name("table_07") == work.of_name("train/nobody") == 1


def test_the_work_of_videos_is_their_frames(tmp_path: Path) -> None:
    each = 0.25 * 4.5 / 49
    made = DEMO.model_dump(mode="json") | {"synthetic": {"videos": {"infants": 3, "seconds": 200, "rate": 5}}}
    work = Work(check_config(made))
    assert work.of("detect_videos", {"steps": "rgb"}) == pytest.approx(3000 * each)
    assert work.of_name("detect_videos/rgb") == work.of("detect_videos", {"steps": "rgb"})
    assert work.of("make_synthetic", {"source": "videos"}) == 3000
    (tmp_path / "a.mp4").touch()
    (tmp_path / "a.csv").write_text("frame,second\n" + "0,0\n" * 500)
    downloaded = made | {"raw": {"folder": str(tmp_path), "videos": "."}}
    assert Work(check_config(downloaded)).of("detect_videos", {"steps": "rgb"}) == pytest.approx(500 * each)


def test_the_work_of_fine_tuning_is_images_of_its_epochs_and_the_frames_scored() -> None:
    wished = {"epochs": 5, "least_images": 40, "frames_per_video": 20}
    each = 4.5 / 49 * (320 / 640) ** 2
    detectors = {"rgb1": {"model": "yolov5n", "image_size": 320, "classes": "whole_face"}}
    work = Work(check_config({"run": "a", "detectors": detectors, "finetune": wished}))
    # 25 frames stand twice in an epoch, 100 once; each epoch also looks at them as they are.
    for amount, shown in ((0, 0), (25, 50), (100, 100)):
        expected = max(1, (5 * (3 * shown + amount) + 20) * each)
        assert work.of_name(f"fine_tune/infant_01/10/{amount}") == pytest.approx(expected)


def test_shares_of_a_set_are_as_much_work_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    thesis = load_config(Path("config/thesis.yaml"))
    assert Work(thesis).photos["train"] == 6000 + 8601 and Work(thesis).photos["hof"] == 4384
    assert 8 * Work(thesis).of("make_heatmaps", {"set": "train", "shard": "1", "shards": "8"}) == pytest.approx(14601)


@given(st.floats(0, 100), st.floats(0.01, 10), st.lists(st.floats(1, 1e4), min_size=2, max_size=8))
def test_a_start_and_a_speed_are_found_again(start: float, each: float, works: list[float]) -> None:
    speed = fit([measured(work, start + each * work) for work in works])
    assert speed.start >= 0 and speed.each > 0
    if max(works) > 2.1 * min(works) and start > 1e-3:
        assert speed.seconds(5e4) == pytest.approx(start + each * 5e4, rel=1e-3)


def test_the_same_job_is_foretold_by_itself_and_another_by_the_line() -> None:
    costs = Costs([measured(1249 * 0.25 * 4.5 / 49, 999.0, "train/rgb10"), measured(100, 30.0), measured(1000, 210.0)])
    work = Work(DEMO.model_copy(update={"run": "elsewhere"}))
    own = work.of("train", {"model": "rgb10"})
    known = Costs([measured(own, 77.0, "train/rgb10"), measured(10 * own, 999.0)])
    assert known.of(planned("train/rgb10", model="rgb10"), work).seconds == 77
    other = costs.of(planned("train/gradcampp_avg", model="gradcampp_avg"), work)
    assert other.seconds is None and other.basis == "far larger than 3 jobs of demo, processor"
    near = Costs([measured(100, 30.0), measured(work.of("train", {"model": "gradcampp_avg"}) / 2, 210.0)])
    other = near.of(planned("train/gradcampp_avg", model="gradcampp_avg"), work)
    assert other.seconds is not None and other.seconds > 210 and other.basis == "2 jobs of demo, processor"
    assert costs.of(planned("figure_15"), work).seconds is None


def test_a_job_of_a_gpu_is_foretold_from_gpus_where_there_were_any() -> None:
    work = Work(DEMO)
    costs = Costs([measured(100, 500.0), measured(100, 5.0, "train/x", "NVIDIA A100")])
    cost = costs.of(planned("train/rgb10", model="rgb10", gpus=1), work)
    assert cost.basis.endswith("NVIDIA A100")
    assert cost.seconds == pytest.approx(work.of("train", {"model": "rgb10"}) * 5 / 100)


def test_a_detector_of_other_people_says_nothing_of_another() -> None:
    costs = Costs([measured(502, 9.0, "predict_baseline/viola_jones")])
    assert costs.of(planned("predict_baseline/mtcnn", baseline="mtcnn"), Work(DEMO)).basis == "never measured"
    assert costs.of(planned("predict_baseline/viola_jones", baseline="viola_jones"), Work(DEMO)).seconds is not None


def test_what_goes_through_all_photos_grows_with_them() -> None:
    work = Work(DEMO)
    photos = sum(work.photos[name] for name in work.run.tried_sets)
    assert work.of("rescue_trial", {}) == work.of_name("evaluate_second/hirescam_avg") == photos > 100


def test_stated_speeds_come_first_and_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "speeds.yaml"
    file.write_text("train: {start: 60, each: 0.01}\n")
    cost = Costs([measured(1, 1.0)], read_speeds(file)).of(planned("train/rgb10", model="rgb10"), Work(DEMO))
    assert cost.seconds == pytest.approx(60 + 0.01 * Work(DEMO).of("train", {"model": "rgb10"}))
    file.write_text("'table_*': {start: 4, each: 0}\ntable_09: {start: 9, each: 0}\n")
    patterns = Costs([], read_speeds(file))
    assert [patterns.of(planned(name), Work(DEMO)).seconds for name in ("table_01", "table_09", "figure_15")] == [
        4,
        9,
        None,
    ]
    file.write_text("train: 3\n")
    with pytest.raises(InputError, match=r"speeds.yaml: train: expected \{start: seconds, each: seconds\}; found 3"):
        read_speeds(file)


def test_jobs_of_all_runs_with_a_record_are_read(tmp_path: Path) -> None:
    results = tmp_path / "results"
    for run in ("a", "without_record"):
        file = results / run / "benchmarks" / "train" / "rgb10.tsv"
        file.parent.mkdir(parents=True)
        file.write_text("s\th:m:s\n12.5\t0:00:12\n")
    (results / "a" / "benchmarks" / "cut.tsv").write_text("s\th:m:s\n1")
    log = results / "a" / "logs" / "train" / "rgb10.log"
    log.parent.mkdir(parents=True)
    log.write_text("GPU: NVIDIA A100, at most 3.00 GB of its memory\n")
    begin_record(results / "a", DEMO, tmp_path, {})
    found = measured_jobs(Plan(DEMO.model_copy(update={"run": "b"}), []), results)
    work = Work(DEMO).of("train", {"model": "rgb10"})
    assert Measured("a", "train/rgb10", "train", work, 12.5, "NVIDIA A100") in found
    assert {each.run for each in found} == {"a"}


def write_benchmark(path: Path, seconds: float, ended: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\n{seconds}\t0:00:00\n", encoding="utf-8")
    os.utime(path, (ended, ended))


def test_time_by_the_clock_counts_jobs_side_by_side_once_and_pauses_not_at_all(tmp_path: Path) -> None:
    write_benchmark(tmp_path / "train" / "rgb10.tsv", 60, 1060)
    write_benchmark(tmp_path / "train" / "rgb1.tsv", 30, 1070)
    write_benchmark(tmp_path / "predict" / "rgb1" / "val.tsv", 5, 1050)
    write_benchmark(tmp_path / "table_01.tsv", 2.5, 90_000)
    assert seconds_at_work(tmp_path) == pytest.approx(70 + 2.5)
    assert spent_by_rule(tmp_path) == {"predict": (1, 5, 0), "table_01": (1, 2.5, 0), "train": (2, 90, 0)}


def test_a_run_without_benchmarks_took_no_time(tmp_path: Path) -> None:
    assert seconds_at_work(tmp_path / "benchmarks") == 0


def test_seconds_by_the_clock_and_of_processors_are_added_up_by_rule(tmp_path: Path) -> None:
    (tmp_path / "label_faces").mkdir()
    (tmp_path / "label_faces" / "train.tsv").write_text("s\tcpu_time\n1.5\t0.75\n")
    (tmp_path / "label_faces" / "val.tsv").write_text("s\tcpu_time\n2.0\t2.5\n")
    (tmp_path / "table_01.tsv").write_text("s\tcpu_time\n0.25\tNA\n")
    assert spent_by_rule(tmp_path) == {"label_faces": (2, 3.5, 3.25), "table_01": (1, 0.25, 0)}
