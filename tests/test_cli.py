"""The command line itself: its verbs, their help, exit codes and JSON, and how little it loads."""

import json
import logging
import re
import resource
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import uncover
from tests.conftest import run_as
from uncover.cli import EVERYDAY, build_parser, main, reference, verbs
from uncover.commands._listing import FIRST, steps
from uncover.console import result, wrote
from uncover.errors import InputError

HEAVY = ("numpy", "pandas", "cv2", "PIL", "torch", "matplotlib", "pydantic", "snakemake")


def test_the_verbs_that_outsiders_rely_on_are_there() -> None:
    assert {"labels", "doctor", "read_faces", "split_photos", "label_faces", "label_frames"} <= verbs().keys()


@pytest.fixture
def level() -> Iterator[None]:
    """The level of the log is as it was before."""
    before = logging.getLogger("uncover").level
    yield
    logging.getLogger("uncover").setLevel(before)


def examples_in(help: str) -> list[list[str]]:
    """Words of the command lines at the end of a help."""
    lines = help.partition("\nexamples:\n")[2].replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("  uncover ")]


def test_every_verb_has_a_help_with_examples_that_parse() -> None:
    _, parsers = build_parser()
    seen = 0
    for verb, parser in parsers.items():
        text = parser.format_help()
        assert text.startswith(f"usage: uncover {verb} "), verb
        described = text.partition("\npositional arguments:")[0].partition("\noptions:")[0]
        assert len(described.splitlines()) > 2, verb
        found = examples_in(text)
        assert found, f"{verb}: no example"
        for words in found:
            assert " ".join(words).startswith(verb), words
            # Where the shell redirects output, the command ends.
            own = words[len(verb.split()) : words.index(">") if ">" in words else None]
            args = parser.parse_args(own)
            assert callable(args.run), words
            seen += 1
    assert seen >= len(parsers) == len(verbs())


def test_every_option_says_what_it_is() -> None:
    _, parsers = build_parser()
    bare = [
        f"{verb} {action.option_strings or action.dest}"
        for verb, parser in parsers.items()
        for action in parser._actions
        if not action.help
    ]
    assert bare == []


def test_help_of_a_verb_of_one_word_of_two_and_of_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["train", "--help"], ["help", "predict", "baseline"], ["table_10", "baselines", "-h"], ["help"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 0
        verb = " ".join(word for word in words if word not in ("--help", "-h", "help"))
        text = capsys.readouterr().out
        assert text.startswith(f"usage: uncover {verb} ".replace("  ", " ")) and len(text.splitlines()) > 9


def test_help_shows_ten_commands_first_and_steps_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    first, _, more = capsys.readouterr().out.partition("\ncommands:\n")[2].partition("\nmore commands:\n")
    assert re.findall(r"^    (\w+)  ", first, re.MULTILINE) == list(FIRST) and len(FIRST) == 10
    assert not any(re.search(rf"^    {step}  ", more, re.MULTILINE) for step in steps())
    assert main(["steps"]) == 0
    text = capsys.readouterr().out
    assert all(re.search(rf"^    {step}  ", text, re.MULTILINE) for step in steps())
    assert {*steps(), *EVERYDAY} == verbs().keys()


def test_the_reference_has_the_help_of_all_commands() -> None:
    text = reference()
    assert re.findall(r"^### (.+)$", text, re.MULTILINE) == [
        *EVERYDAY,
        *(step for step in steps() if not step.startswith(("table_", "figure_", "rescue_summary"))),
        *(step for step in steps() if step.startswith(("table_", "figure_", "rescue_summary"))),
    ]
    assert text.count("examples:\n  uncover ") == len(verbs())


def test_words_are_taken_with_hyphens_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["import-weights", "--help"])
    assert caught.value.code == 0 and capsys.readouterr().out.startswith("usage: uncover import_weights ")


def test_options_have_the_names_that_users_of_other_tools_try() -> None:
    _, parsers = build_parser(())
    for verb in ("detect", "predict", "heatmaps"):
        args = parsers[verb].parse_args(["a", "b", "--weights", "w.pt", "--imgsz", "320", "--iou", "0.3"])
        assert (args.image_size, args.nms_iou) == (320, 0.3)
        assert "--imgsz" not in parsers[verb].format_help()


def test_the_page_on_the_command_line_has_the_first_commands_and_the_keys_of_the_json_object() -> None:
    page = (Path(__file__).parents[1] / "docs/commands.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `uncover (\w+)` \|", page, re.MULTILINE) == list(FIRST)
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert list(json.loads(example))[: len(KEYS)] == KEYS
    described = page.partition("| Key | Value |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", described, re.MULTILINE) == KEYS


KEYS = ["uncover", "command", "exit_code", "seconds", "outputs", "warnings", "error"]


def test_json_is_one_object_with_the_same_keys_for_all_ends(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], level: None
) -> None:
    def write(_: object) -> int:
        print("a table for people")
        result({"answer": 42, "warnings": ["a warning"]})
        subprocess.run(["sh", "-c", "echo a program of somebody else"], check=True)
        logging.getLogger("uncover.x").warning("a warning")
        wrote(Path("a.csv"), "3 rows", rows=3, share=float("nan"))
        return 3

    run_as(write, monkeypatch)
    for words in (["--json", "doctor"], ["doctor", "--json"]):
        assert main(words) == 3
        streams = capfd.readouterr()
        values = json.loads(streams.out)
        assert list(values) == [*KEYS, "answer"] and values["command"] == "doctor" and values["exit_code"] == 3
        assert values["outputs"] == [{"path": "a.csv", "rows": 3, "share": None}]
        assert values["warnings"] == ["a warning"] and values["error"] is None and values["seconds"] >= 0
        assert "a table for people" in streams.err and "a program of somebody else" in streams.err
        assert re.search(r"^wrote a\.csv: 3 rows, 0\.\d s$", streams.err, re.MULTILINE)

    def fail(_: object) -> int:
        raise InputError("a.txt: is empty")

    run_as(fail, monkeypatch)
    assert main(["doctor", "--json"]) == 2
    streams = capfd.readouterr()
    assert list(json.loads(streams.out)) == KEYS and json.loads(streams.out)["error"] == "a.txt: is empty"
    assert streams.err == "uncover doctor: error: a.txt: is empty\n"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("doctr --json", 'uncover: no command "doctr"; did you mean "doctor"?'),
        ("doctor --zzz --json", 'uncover doctor: no option "--zzz"'),
        ("--json labels raw", "the following arguments are required: OUT, --layout"),
        ("--json", "the following arguments are required: COMMAND"),
    ],
)
def test_json_has_errors_of_the_words_too(words: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words.split())
    assert caught.value.code == 2
    values = json.loads(capsys.readouterr().out)
    assert list(values) == KEYS and values["exit_code"] == 2 and values["error"].startswith(why)


def test_our_own_mistakes_are_in_the_json_object_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> int:
        raise ValueError("ours")

    run_as(fail, monkeypatch)
    with pytest.raises(ValueError, match="ours"):
        main(["doctor", "--json"])
    values = json.loads(capsys.readouterr().out)
    assert values["exit_code"] == 1 and values["error"] == "ValueError: ours"


def test_quiet_and_verbose_stand_before_or_after_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], level: None
) -> None:
    def log(_: object) -> int:
        logger = logging.getLogger("uncover.x")
        logger.debug("a detail")
        logger.info("a line")
        logger.warning("a warning")
        return 0

    run_as(log, monkeypatch)
    shown = {
        "doctor": ["a line", "warning: a warning"],
        "doctor -q": ["warning: a warning"],
        "--quiet doctor": ["warning: a warning"],
        "doctor -v": ["uncover ", "a detail", "a line", "warning: a warning"],
        "--verbose doctor": ["uncover ", "a detail", "a line", "warning: a warning"],
    }
    for words, lines in shown.items():
        assert main(words.split()) == 0
        found = capsys.readouterr().err.splitlines()
        if "v" in words.replace("--verbose", "v").split("doctor")[0] + words.split("doctor")[1]:
            assert all(re.match(r"\[ +\d+\.\d{3} s\] ", line) for line in found), words
            found = [re.sub(r"^\[.*?\] ", "", line) for line in found]
        assert len(found) == len(lines) and all(map(str.startswith, found, lines)), (words, found)
    with pytest.raises(SystemExit):
        main(["doctor", "-q", "-v"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_table_named_after_another_is_a_verb_of_two_words() -> None:
    assert verbs()["table_10 baselines"] == "table_10_baselines" and "table_10_baselines" not in verbs()
    # There is no verb "table".
    assert "table_01" in verbs()


def test_a_verb_of_two_words_runs_its_own_function(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["heatmaps", "collect", "nowhere"]) == 2
    assert capsys.readouterr().err.startswith("uncover heatmaps collect: error: nowhere: ")


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


def test_help_takes_less_than_half_a_second_of_a_processor() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "uncover", "--help"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


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
