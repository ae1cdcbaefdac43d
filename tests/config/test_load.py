"""Configs: what loads, and how what does not is explained."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from uncover.config.load import check_config, load_config, whole_values
from uncover.config.model import Config
from uncover.config.raw import Parts
from uncover.config.values import as_pairs, may_be_told, merged, read_pairs
from uncover.errors import InputError

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["demo", "thesis", "as_released", "real_sample", "real", "hundredfold"])
def test_every_config_of_the_repository_loads_under_its_own_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert load_config(Path("config", f"{name}.yaml")).run == name


def test_thesis_has_the_settings_of_table_3_and_of_the_released_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    config = load_config(Path("config/thesis.yaml"))
    rgb10 = config.detectors.rgb10
    found = rgb10.hyperparameters
    assert (found.lr0, rgb10.optimizer, found.iou_t) == (0.0072, "SGD", 0.2)
    assert (found.hsv_h, found.hsv_v, found.hsv_s) == (0.0107, 0.42373, 0.52782)
    assert (found.translate, found.scale) == (0.07382, 0.48072)
    assert (rgb10.rectangular, config.detectors.hirescam_avg.rectangular) == (True, False)
    assert config.detectors.rgb1 == rgb10.model_copy(update={"classes": "whole_face"})
    assert config.detectors.gradcampp_10 == config.detectors.hirescam_10
    assert (config.splits.wflw.train, config.splits.wflw.val, config.splits.wflw.test) == (6000, 125, 794)
    assert (config.splits.merl_rav.train, config.splits.merl_rav.val, config.splits.merl_rav.test) == (8601, 1656, 804)


def test_as_released_differs_from_thesis_only_where_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    thesis, released = (load_config(Path("config", name)).model_dump() for name in ("thesis.yaml", "as_released.yaml"))
    changed = {key for key in thesis if thesis[key] != released[key]}
    assert changed == {"run", "labels", "splits", "detectors", "heatmaps"}
    assert released["labels"]["parts"] == "released"
    assert released["detectors"]["rgb10"]["hyperparameters"] == thesis["detectors"]["rgb10"]["hyperparameters"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"run": "a", "splits": {"sed": 3}}, "key splits.sed is unknown; did you mean splits.seed?"),
        ({"run": "a", "slits": {}}, "key slits is unknown; did you mean splits?"),
        ({"run": "a", "zzz": 1}, "key zzz is unknown; known keys: run, raw,"),
        ({}, "key run is missing; add it"),
        ({"run": "../a"}, "key run: expected text that matches"),
        ({"run": 5}, "key run: expected text; found 5"),
        ({"run": "a", "data_sets": ["b"]}, "key data_sets: expected keys with values; found ['b']"),
        ({"run": "a", "splits": {"seed": 1.5}}, "key splits.seed: expected a whole number; found 1.5"),
        ({"run": "a", "splits": {"strict": "maybe"}}, "key splits.strict: expected true or false; found 'maybe'"),
        (
            {"run": "a", "detectors": {"rgb1": {"batch": "many"}}},
            "key detectors.rgb1.batch: expected a whole number or 'auto'; found 'many'",
        ),
        (
            {"run": "a", "raw": {"grades": {"mild": "1"}}},
            "key raw.grades.mild: expected 'none', 'easy', 'medium' or 'hard'; found 'mild'",
        ),
        ({"run": "a", "cluster": {"container": "my image.sif"}}, "key cluster.container: expected letters, digits"),
        ({"run": "a", "cluster": {"container": "x.sif;rm"}}, "key cluster.container: expected letters, digits"),
        ({"run": "a", "labels": {"parts": "right"}}, "key labels.parts: expected 'corrected' or 'released'"),
        ({"run": "a", "synthetic": {"size": 10}}, "key synthetic.size: expected a number greater than or equal to 64"),
        ({"run": "a", "splits": {"wflw": {"train": -1}}}, "key splits.wflw.train: expected a number greater"),
        (
            {"run": "a", "detectors": {"rgb10": {"image_size": 333}}},
            "key detectors.rgb10.image_size: expected a multiple of 32; found 333",
        ),
        ({"run": "a", "splits": None}, "key splits: expected keys with values; found None"),
        ({"run": "a", "heatmaps": {"methods": ["cam"]}}, "key heatmaps.methods.0: expected 'gradcampp', 'hires"),
        ({"run": "a", "heatmaps": {"layers": []}}, "key heatmaps.layers: expected a list of at least 1; found []"),
        (
            {"run": "a", "heatmaps": {"methods": [], "variants": None}},
            "methods and variants are empty; give at least one",
        ),
        (
            {"run": "a", "heatmaps": {"variants": {"hirescam": {"method": "gradcam"}}}},
            "key heatmaps: variant 'hirescam' has the name of a method in heatmaps.methods; choose another name",
        ),
        (
            {"run": "a", "heatmaps": {"variants": {"a/b": {"method": "gradcam"}}}},
            "key heatmaps.variants: variant 'a/b': expected a name of lower-case letters, digits and _",
        ),
        (
            {"run": "a", "rescue": {"missed_nms_iou": 0.5}},
            "key rescue.missed_nms_iou: expected the value of prediction.nms_iou, 0.6; found 0.5; remove",
        ),
        ({"run": "a", "rescue": {"false_positives_per_photo": []}}, "key rescue.false_positives_per_photo: "),
        (
            {"run": "a", "rescue": {"false_positives_per_photo": [1, 1.0]}},
            "expected rates of at least 0, each only once",
        ),
        (
            {"run": "a", "rescue": {"false_positives_per_photo": [0.1, -1]}},
            "expected rates of at least 0, each only once",
        ),
        (
            {"run": "a", "labels": {"merge": {"wflw": False}}},
            "key labels.merge: false requires splits.procedure: released",
        ),
    ],
)
def test_a_wrong_key_or_value_is_one_line_that_names_it(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        check_config(values, "my.yaml")
    assert str(error.value).startswith("my.yaml: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_former_key_of_the_overlap_may_say_the_same() -> None:
    values = {"run": "a", "prediction": {"nms_iou": 0.55}, "rescue": {"missed_nms_iou": 0.55}}
    assert check_config(values).prediction.nms_iou == 0.55


@pytest.mark.parametrize(("rates", "rate"), [((0.1, 0.25, 0.5), 0.25), ((0.4, 0.2), 0.4), ([1], 1), ((3, 1, 2, 0), 2)])
def test_methods_are_ranked_by_the_middle_rate(rates: Sequence[float], rate: float) -> None:
    assert check_config({"run": "a", "rescue": {"false_positives_per_photo": rates}}).rescue.rate == rate


def test_all_wrong_keys_are_named_at_once() -> None:
    with pytest.raises(InputError) as error:
        check_config({"run": "x", "a": 1, "labels": {"b": 2}})
    assert "key a is unknown" in str(error.value) and "key labels.b is unknown" in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"run: a\n  b: 1\n", r"config\.yaml, line 2: is not YAML \(mapping values are not allowed"),
        (b"run: \0", r"config\.yaml: is not YAML"),
        (b"- 1\n", "has no keys"),
        (b"", "has no keys"),
        (b"run: \xff", "is not UTF-8 text; expected a config file such as config/demo.yaml"),
        ("folder", r"cannot be read \(Is a directory\)"),
        (None, "does not exist"),
    ],
)
def test_a_file_that_is_no_config(tmp_path: Path, content: bytes | str | None, message: str) -> None:
    path = tmp_path / "config.yaml"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        path.mkdir()
    with pytest.raises(InputError, match=message) as error:
        load_config(path)
    assert "\n" not in str(error.value)


def test_extending_changes_some_values_and_keeps_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text("run: base\nsplits: {seed: 1, wflw: {train: 5, val: 6}}\n")
    Path("mine.yaml").write_text("extends: base.yaml\nrun: mine\nsplits: {wflw: {val: 7}}\n")
    config = load_config(Path("mine.yaml"))
    assert (config.run, config.splits.seed) == ("mine", 1)
    assert (config.splits.wflw.train, config.splits.wflw.val) == (5, 7)


def test_extending_is_relative_to_the_file_that_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, seed in (("configs", 1), ("elsewhere", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "base.yaml").write_text(f"run: base\nsplits: {{seed: {seed}}}\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    mine = tmp_path / "configs" / "mine.yaml"
    mine.write_text("extends: base.yaml\nrun: mine\n")
    assert load_config(mine).splits.seed == 1
    # Of several files, the one that says it; a section for an imported workflow says it too.
    other, outer = tmp_path / "elsewhere" / "other.yaml", tmp_path / "configs" / "outer.yaml"
    other.write_text("run: other\n")
    outer.write_text("samples: 3\nfaces: {extends: base.yaml}\n")
    for files in ([mine, other], [other, mine], [outer, other]):
        assert check_config({"extends": "base.yaml"}, files=files).splits.seed == 1
    # On the command line of Snakemake, where no file says it.
    assert check_config({"extends": "base.yaml"}, files=[other]).splits.seed == 2
    with pytest.raises(InputError, match=r"key extends: .*configs/none.yaml does not exist"):
        mine.write_text("extends: none.yaml\n")
        load_config(mine)


def test_extending_in_a_circle_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("extends: b.yaml\nrun: a\n")
    Path("b.yaml").write_text("extends: a.yaml\nrun: b\n")
    with pytest.raises(InputError, match="key extends: circular"):
        load_config(Path("a.yaml"))


def test_a_report_tells_no_paths_of_somebody_s_machine() -> None:
    told = ["run=a", "raw.synthetic=true", "rescue.true_iou=0.6", "report.privacy=publish"]
    kept_back = ["raw.folder=/home/me", "weights.yolov5n.path=/home/me/w.pt", "report.released=/home/me/released"]
    assert [pair for pair in (*told, *kept_back) if may_be_told(pair)] == told


def test_null_can_be_given_on_the_command_line_of_snakemake() -> None:
    values = {"run": "a", "cluster": {"most_mem_mb": "null", "rules": {"train": {"mem_mb": "5"}}}}
    cluster = check_config(values).cluster
    assert cluster.most_mem_mb is None and cluster.rules["train"].mem_mb == 5


def test_null_takes_away_what_the_extended_file_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    file = tmp_path / "fewer.yaml"
    file.write_text("extends: config/thesis.yaml\nrun: fewer\nweights: {yolo11m: null}\n")
    assert load_config(file).weights.keys() == load_config(Path("config/thesis.yaml")).weights.keys() - {"yolo11m"}


VARIANT, KIND = {"heatmaps": "hirescam", "input": "mean"}, {"method": "layercam"}
SECTIONS = {
    "data_sets": ({"path": "a", "layout": "yolo"}, {"path": "b", "layout": "coco"}),
    "weights": ({"path": "a.pt"}, {"path": "b.pt"}),
    "detectors.variants": (VARIANT, VARIANT),
    "heatmaps.variants": (KIND, KIND),
    "heatmaps.shards": (2, 3),
    "cluster.rules": ({"mem_mb": 2}, {"mem_mb": 3}),
    "packaged.sources": ({"path": "a"}, {"path": "b"}),
    "packaged.detectors": ({"seed": 1}, {"seed": 2}),
}
"""Sections of entries by name, and two entries; those of `OTHERS` have no names of a user's own."""
OTHERS = ("raw.grades", "raw.blocks", "packaged.crossed")


def nested(place: str, value: object) -> dict[str, Any]:
    for key in reversed(place.split(".")):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def entries(config: Config, place: str) -> dict[str, Any]:
    found: Any = config
    for key in place.split("."):
        found = getattr(found, key)
    return found if isinstance(found, dict) else {}


def test_all_sections_of_entries_by_name_are_tested() -> None:
    def found(schema: dict[str, Any], known: dict[str, Any], prefix: str) -> Iterator[str]:
        for name, field in schema.get("properties", {}).items():
            kinds = [field, *field.get("anyOf", ())]
            if any(isinstance(kind.get("additionalProperties"), dict) for kind in kinds):
                yield f"{prefix}{name}"
            for reference in {kind["$ref"] for kind in kinds if "$ref" in kind}:
                yield from found(known[reference.rpartition("/")[2]], known, f"{prefix}{name}.")

    schema = Config.model_json_schema()
    assert set(found(schema, schema["$defs"], "")) == {*SECTIONS, *OTHERS}


@pytest.mark.parametrize("place", SECTIONS)
def test_entries_join_those_of_the_extended_file_and_the_defaults(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = SECTIONS[place]
    of_itself = entries(check_config({"run": "a"}), place).keys()
    base = nested(place, {"first": first})
    if place == "heatmaps.variants":
        base |= {"detectors": {"variants": None}}  # which need the ones that are taken away
    Path("base.yaml").write_text(yaml.safe_dump({"run": "base", **base}))
    Path("mine.yaml").write_text(yaml.safe_dump({"extends": "base.yaml", **nested(place, {"second": second})}))

    def given(values: object) -> Config:
        whole = merged(yaml.safe_load(Path("mine.yaml").read_text()), nested(place, values))
        return check_config(whole, "config", [Path("mine.yaml")], nested(place, values))

    both = load_config(Path("mine.yaml"))
    assert entries(both, place).keys() == {*of_itself, "first", "second"}
    assert entries(given({"third": second}), place).keys() == {*of_itself, "first", "second", "third"}
    assert entries(given({"first": None, "second": "null"}), place).keys() == of_itself
    assert entries(given(None), place) == entries(given({}), place) == entries(given({"*": None}), place) == {}
    assert entries(given({"*": None, "third": first}), place).keys() == {"third"}
    # Whatever is there, what is written down reads back, as pairs and as a file.
    for config in (both, given({"first": None}), given({"*": None, "third": first})):
        assert check_config(read_pairs(as_pairs(config))) == config == check_config(whole_values(config))


def test_an_entry_keeps_what_is_not_said_anew() -> None:
    values = {
        "raw": {"grades": {"hard": "3"}},
        "heatmaps": {"variants": {"gradcampp_t1": {"layers": [23]}}},
        "detectors": {"variants": {"feature_head": {"epochs": 3}}},
        "synthetic": {"wflw": {"train": 5}},
    }
    config = check_config({"run": "a", **values})
    assert config.raw.grades == {"none": "none", "easy": "easy", "medium": "medium", "hard": "3"}
    changed = config.heatmaps.variants["gradcampp_t1"]
    assert (changed.method, changed.layers, changed.target) == ("gradcampp", (23,), "T1")
    head = config.detectors.variants["feature_head"]
    assert (head.role, head.like, head.start, head.epochs) == ("control", "rgb1", "rgb10", 3)
    assert config.synthetic.wflw == Parts(train=5, test=100)


def test_of_files_laid_over_each_other_each_takes_away_what_the_lower_ones_have(tmp_path: Path) -> None:
    """Snakemake merges them beforehand, and puts what is said first first."""
    lower, upper = tmp_path / "lower.yaml", tmp_path / "upper.yaml"
    lower.write_text(yaml.safe_dump({"run": "a", "detectors": {"variants": {"*": None, "lower": VARIANT}}}))
    upper.write_text(yaml.safe_dump({"detectors": {"variants": None}}))
    given = {"detectors": {"variants": {"*": None, "given": VARIANT}}}
    layers = [yaml.safe_load(lower.read_text()), yaml.safe_load(upper.read_text()), given]
    for above in (given, {"detectors": {"variants": {"given": VARIANT}}}):
        layers[-1] = above
        whole = functools.reduce(merged, layers)
        assert check_config(whole, "config", [lower, upper], above).detectors.variants.keys() == {"given"}
    whole = functools.reduce(merged, layers)
    del whole["detectors"]["variants"]
    # Another workflow may hand over what stands in no file: then it is taken as it is.
    assert len(check_config(whole, "config", [lower, upper], given).detectors.variants) == 14


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"detectors": {"variants": {"gradcamp_mean": None}}},
            "key detectors.variants.gradcamp_mean: null removes an entry, but none has this name; did you mean gradc",
        ),
        (
            {"weights": {"yolo11m": None}},
            "key weights.yolo11m: null removes an entry, but none has this name; existing entries: none",
        ),
        ({"detectors": {"rgb1": None}}, "key detectors.rgb1: expected keys with values"),
        (
            {"heatmaps": {"variants": {"hirescam_t1": None}}},
            r"detector hirescam_t1_avg uses heatmaps 'hirescam_t1', which are not in the run.*"
            r"or remove the detectors: detectors: {variants: {hirescam_t1_avg: null}}",
        ),
        (
            {"heatmaps": {"variants": {"hirescam_multiscale": None}}},
            r"detectors: {variants: {hirescam_multiscale_avg: null, hirescam_multiscale_10: null}}",
        ),
        (
            {"heatmaps": {"methods": ["hirescam"]}},
            "detector gradcampp_avg uses heatmaps .*; add gradcampp to heatmaps.methods",
        ),
        (
            {"detectors": {"variants": {"rgb1_occlusion": None}}, "rescue": {"scales_of": "rgb1_occlusion"}},
            "rescue.scales_of: rgb1_occlusion is not a detector with input: photo in this run; .*or remove it",
        ),
        (
            {"detectors": {"variants": {"rgb1_occlusion": None}}, "finetune": {"start": "rgb1_occlusion"}},
            r"finetune.start: rgb1_occlusion is not a detector.* turn fine-tuning off \(finetune: {counts: \[\]}\)",
        ),
    ],
)
def test_what_takes_nothing_away_or_leaves_others_without_what_they_need_is_one_line(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        check_config({"run": "a", **values})
    assert "\n" not in str(error.value)
