"""The command line itself: its verbs, its exit codes, and how little it loads."""

import subprocess
import sys
from pathlib import Path

import pytest

import uncover
from tests.conftest import run_as
from uncover.cli import EVERYDAY, main, verbs
from uncover.errors import InputError

HEAVY = ("numpy", "pandas", "cv2", "PIL", "torch", "matplotlib", "pydantic", "snakemake")


def test_the_verbs_that_outsiders_rely_on_are_there() -> None:
    assert {"labels", "doctor", "read_faces", "split_photos", "label_faces", "label_frames"} <= verbs().keys()


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*verb.split(), "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: uncover {verb} ") and len(text.splitlines()) > 3


def test_help_lists_every_verb_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert all(f"    {verb}" in text for verb in verbs())


def test_a_table_named_after_another_is_a_verb_of_two_words() -> None:
    assert verbs()["table_10 baselines"] == "table_10_baselines" and "table_10_baselines" not in verbs()
    # There is no verb "table".
    assert "table_01" in verbs()


def test_a_verb_of_two_words_runs_its_own_function(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["heatmaps", "collect", "nowhere"]) == 2
    assert capsys.readouterr().err.startswith("uncover heatmaps collect: error: nowhere: ")


def test_everyday_verbs_come_first_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    places = [text.index(f"\n    {verb} ") for verb in (*EVERYDAY, "comparison", "table_01")]
    assert places == sorted(places) and len(set(EVERYDAY)) == len(EVERYDAY)
    # No verb stands twice, and those that the README begins with are everyday ones.
    assert all(text.count(f"\n    {verb}  ") == 1 for verb in verbs())
    assert {"labels", "train", "predict", "heatmaps", "detect", "frames import", "doctor"} <= set(EVERYDAY)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("tran my_faces out", 'uncover: no command "tran"; did you mean "train"? `uncover --help` lists all'),
        ("lables", 'uncover: no command "lables"; did you mean "labels"? `uncover --help` lists all'),
        ("predict baselin mtcnn", 'uncover: no command "predict baselin"; did you mean "predict baseline"? `uncover -'),
        ("frames exprt", 'uncover: no command "frames exprt"; did you mean "frames export"? `uncover --help`'),
        ("frmes export x", 'uncover: no command "frmes export"; did you mean "frames export"? `uncover --help`'),
        (
            "predict-baseline x",
            'uncover: no command "predict-baseline"; did you mean "predict baseline"? `uncover --help`',
        ),
        ("table 01 out", 'uncover: no command "table 01"; did you mean "table_01"? `uncover --help` lists all'),
        ("xyzzy", 'uncover: no command "xyzzy"; `uncover --help` lists all'),
        ("heatmaps --wieghts x", 'uncover heatmaps: no option "--wieghts"; did you mean "--weights"? `uncover heatma'),
        ("train a b --device=cpu --sett x", 'uncover train: no option "--sett"; did you mean "--set"? `uncover tra'),
        (
            "predict baseline mtcnn a --ouput=x",
            'uncover predict baseline: no option "--ouput"; did you mean "--out"? `un',
        ),
        ("doctor --zzz", 'uncover doctor: no option "--zzz"; `uncover doctor --help` lists all'),
    ],
)
def test_a_mistyped_verb_or_option_is_one_line_that_says_what_was_meant(
    words: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(words.split())
    assert caught.value.code == 2
    streams = capsys.readouterr()
    assert streams.err.startswith(line) and streams.err.count("\n") == 1 and streams.out == ""


@pytest.mark.parametrize(
    "words",
    [
        # A folder that is there is one, however much its name is like a verb's second word; so is a path.
        ["predict", "baselines", "found.parquet", "--weights", "absent.pt"],
        ["predict", "./baselins", "found.parquet", "--weights", "absent.pt"],
        ["predict", "photos", "found.parquet", "--weights", "absent.pt"],
        # Options may be cut short, as argparse has it, and what follows -- is no option.
        ["predict", "photos", "found.parquet", "--weig", "absent.pt", "--conf", "0.5"],
        ["predict", "--weights", "absent.pt", "--", "photos", "found.parquet"],
    ],
)
def test_what_only_looks_mistyped_is_none(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "baselines").mkdir()
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("uncover predict: error: absent.pt: does not exist")


@pytest.mark.parametrize("arguments", [[], ["labels"], ["--verbose"], ["labels", "--layout"]])
def test_wrong_arguments_are_exit_code_2_with_one_line_after_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    streams = capsys.readouterr()
    assert streams.out == "" and streams.err.startswith("usage: uncover")
    assert "error: " in streams.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("a.txt, row 3: 4 values; expected 5"), 2, "error: a.txt, row 3: 4 values; expected 5"),
        (PermissionError(13, "Permission denied", "a.txt"), 2, "error: a.txt: Permission denied"),
        (OSError(28, "No space left on device"), 2, "error: No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            ModuleNotFoundError("No module named 'facexlib.detection'", name="facexlib.detection"),
            2,
            "error: needs the package facexlib, which is not installed; run: pip install --no-deps 'facexlib==0.3.0'",
        ),
        (
            ModuleNotFoundError("No module named 'sklearn'", name="sklearn"),
            2,
            "error: needs the Python module sklearn, which is not installed; `uncover doctor` lists what is missing",
        ),
    ],
)
def test_what_a_user_can_cause_is_one_line(
    error: BaseException,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(args: object) -> int:
        raise error

    run_as(fail, monkeypatch)
    assert main(["doctor"]) == code
    streams = capsys.readouterr()
    assert streams.err == f"uncover doctor: {line}\n" and streams.out == ""


@pytest.mark.parametrize(
    "error",
    [
        ValueError("ours"),
        OSError("no errno: not the system's"),
        ModuleNotFoundError("No module named 'uncover.lost'", name="uncover.lost"),
    ],
)
def test_our_own_mistakes_keep_their_traceback(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(args: object) -> int:
        raise error

    run_as(fail, monkeypatch)
    with pytest.raises(type(error)):
        main(["doctor"])


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from uncover.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]" and done.stdout.startswith("usage: uncover")


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "uncover", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"uncover {uncover.__version__}\n"


@pytest.mark.parametrize(("device", "taken"), [("auto", [3]), ("cpu", []), ("cuda:1", [])])
def test_a_verb_that_may_choose_takes_as_many_gpus_as_it_has_processes(
    device: str, taken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    monkeypatch.setattr("uncover.cli.take_gpus", found.append)
    monkeypatch.setattr("uncover.cli.launch_processes", lambda processes, words, parent: 7 if processes == 3 else 0)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert main(["train", "data", "out", "--device", device, "--set", "processes=3"]) == 7
    assert found == taken


def test_a_process_of_a_group_neither_takes_gpus_nor_starts_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr("uncover.cli.take_gpus", lambda count: pytest.fail("took GPUs"))
    assert main(["train", "nowhere", "out", "--set", "processes=2"]) == 2
