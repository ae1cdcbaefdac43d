"""Completion of the command line: the candidates, and what bash, zsh and fish make of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from uncover.cli import EVERYDAY, main
from uncover.commands.completion import FILES, VARIABLE
from uncover.weights import names


def complete(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Candidates for the last word, with their descriptions."""
    monkeypatch.setenv(VARIABLE, "1")
    assert main(words) == 0
    return dict(line.partition("\t")[::2] for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(
    ("words", "some", "files"),
    [
        ([""], {"detect", "heatmaps", "table_07", "completion"}, False),
        (["tr"], {"train"}, False),
        (["help", "evalu"], {"evaluate"}, False),
        (["predict", ""], {"baseline", "sets", "collect"}, True),
        (["predict", "base"], {"baseline"}, True),
        (["--json", "predict", "x", "--we"], {"--weights"}, False),
        (["predict", "x", "y.parquet", "--weights", ""], set(names()), True),
        (["predict", "x", "y.parquet", "--weights", "n"], {"nicu"}, True),
        (["predict", "x", "y.parquet", "--format", "c"], {"csv"}, False),
        (["predict", "x", "--precision", ""], {"float32", "float16", "bfloat16"}, False),
        (["predict", "x", "--precision=float"], {"--precision=float32", "--precision=float16"}, False),
        (["predict", "baseline", "yu"], {"yunet"}, False),
        (["predict", "baseline", "yunet", ""], set(), True),
        (["labels", "raw", "out", "--layout", "v"], {"voc"}, False),
        (["detect", "--rescue", "t"], {"turns", "turns8"}, False),
        (["completion", ""], {"bash", "zsh", "fish"}, False),
        (["evaluate", "x.parquet", "--bootstrap", ""], set(), False),
        (["train", "--device", "c"], {"cpu", "cuda:0"}, False),
        (["nonsense", ""], set(), False),
        (["table_03", "--tr"], {"--training"}, False),
    ],
)
def test_what_may_stand_there_is_offered(
    words: list[str],
    some: set[str],
    files: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = complete(words, monkeypatch, capsys)
    assert (FILES in found) == files
    offered = found.keys() - {FILES}
    assert some <= offered and (words == [""] or offered == some), offered


def test_the_first_commands_come_first(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = complete([""], monkeypatch, capsys)
    assert list(found)[:5] == list(EVERYDAY)[:5] and found["detect"].startswith("find faces")
    assert not any(" " in word for word in found)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two files and a folder, and `uncover` on the path."""
    program = tmp_path / "bin" / "uncover"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m uncover "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    work = tmp_path / "work"
    (work / "photos").mkdir(parents=True)
    (work / "my photo.jpg").touch()
    (work / "best.pt").touch()
    return work


def run(shell: str, program: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What a program of a shell prints, with the completion script beside its folder."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    assert main(["completion", shell]) == 0
    (folder.parent / "script").write_text(capsys.readouterr().out)
    environment = {**os.environ, "HOME": str(folder)}
    done = subprocess.run([shell, "-c", program], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


BASH = """
source ../script
for line in "uncover tr" "uncover predict --weights " "uncover labels --layout v" "uncover detect my"
do
    read -ra COMP_WORDS <<< "$line"
    [[ $line == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
    _uncover
    printf '%s|' "${COMPREPLY[@]}"
    echo
done
complete -p uncover
"""


def test_bash(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands, weights, layout, files, registered = run("bash", BASH, folder, capsys).splitlines()
    assert commands == "train|" and layout == "voc|"
    assert {"general", "nicu", "best.pt", "photos"} <= set(weights.split("|"))
    assert files == "my photo.jpg|" and registered == "complete -F _uncover uncover"


FISH = """
source ../script
for line in "uncover tr" "uncover predict --weights " "uncover detect my"
    string join "|" (complete -C $line)
end
true
"""


def test_fish(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands, weights, files = run("fish", FISH, folder, capsys).splitlines()
    assert commands.startswith("train\t") and "|" not in commands
    assert {"general", "nicu", "best.pt", "photos/"} <= {each.partition("\t")[0] for each in weights.split("|")}
    assert files.rstrip("|") == "my photo.jpg"


ZSH = """
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "module_path=($module_path); fpath=($fpath); PROMPT=; autoload -Uz compinit; compinit -u -D"
zpty -w z "source ../script; bindkey '^I' list-choices; setopt no_always_last_prompt; echo re''ady"
zpty -r -m z line '*ready*'
for typed expected in 'uncover tr' '*train*-- train or*' 'uncover predict --weights ' '*general*nicu*best.pt*'
do
    zpty -w -n z "$typed"$'\\t'
    zpty -r -m z line "$expected"
    zpty -w -n z $'\\x15'
done
echo done
"""


def test_zsh(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("zsh", ZSH, folder, capsys).endswith("done\n")
