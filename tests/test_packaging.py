"""What is published: the wheel, its requirements and metadata, and the files that a public repository shows."""

from __future__ import annotations

import ast
import datetime
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import uncover
from tests.installs import DATA, PYTHONS, ROOT, check_files
from uncover.extras import DISTRIBUTIONS, WITHOUT_DEPENDENCIES

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ABOUT = PROJECT["project"]
GITHUB = ROOT / ".github"
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def name_of(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0]


def imported() -> set[str]:
    """Distributions whose modules the package imports, at the top or within a function."""
    found = set()
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            found |= {name.partition(".")[0] for name in names}
    found -= {"uncover", *sys.stdlib_module_names}
    return {DISTRIBUTIONS.get(module, module.replace("_", "-")) for module in found}


def test_everything_that_is_imported_is_required_and_the_core_has_nothing_else() -> None:
    core = set(map(name_of, ABOUT["dependencies"]))
    extras = {name_of(each) for some in ABOUT["optional-dependencies"].values() for each in some}
    used = imported()
    # pydantic and snakemake bring parts of their own under names of their own.
    parts = {"pydantic-core", "snakemake-interface-executor-plugins"}
    assert used - parts <= core | extras | WITHOUT_DEPENDENCIES.keys()
    assert core <= used


def test_every_requirement_has_a_lower_bound() -> None:
    some = [*ABOUT["dependencies"], *(each for extra in ABOUT["optional-dependencies"].values() for each in extra)]
    assert [each for each in some if ">=" not in each and name_of(each) != "uncover"] == []


def test_all_is_every_other_extra() -> None:
    extras = ABOUT["optional-dependencies"]
    (whole,) = extras["all"]
    assert set(re.findall(r"[\w-]+", whole.partition("[")[2])) == extras.keys() - {"all"}
    assert {"workflow", "baselines", "annotate"} < extras.keys()


def test_the_version_stands_in_one_place() -> None:
    assert ABOUT["dynamic"] == ["version"] and "version" not in ABOUT
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "uncover.__version__"}
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == uncover.__version__
    assert datetime.date.fromisoformat(citation["date-released"])
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    changes = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert changes[0] == uncover.__version__


def test_classifiers_name_the_pythons_that_are_tested() -> None:
    named = {each.rpartition(" ")[2] for each in ABOUT["classifiers"] if re.search(r":: 3\.\d+$", each)}
    assert named == set(PYTHONS) and ABOUT["requires-python"] == f">={PYTHONS[0]}"
    assert "Typing :: Typed" in ABOUT["classifiers"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy2(ROOT / name, folder / name)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", folder / "src", ignore=ignored)
    # Files of a checkout that must not come along.
    (folder / "src" / "uncover" / "frame.png").touch()
    (folder / "src" / "uncover" / "weights" / "notes.txt").touch()
    script = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True, capture_output=True)
    (made,) = (folder / "dist").glob("*.whl")
    return made


def test_the_wheel_has_the_package_its_weights_and_nothing_else(wheel: Path) -> None:
    check_files(wheel)
    with zipfile.ZipFile(wheel) as archive:
        assert set(DATA) < set(archive.namelist())
        (name,) = (name for name in archive.namelist() if name.endswith("METADATA"))
        about = archive.read(name).decode()
    assert f"\nVersion: {uncover.__version__}\n" in about and "\nLicense-Expression: AGPL-3.0-only\n" in about
    assert "\nProvides-Extra: workflow\n" in about


def test_the_public_workflow_is_sound() -> None:
    (file,) = (GITHUB / "workflows").glob("*.yml")
    text = file.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    # YAML takes the word "on" for a truth value.
    assert {"push", "pull_request"} <= workflow[True].keys()
    used = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used and [each for each in used if not re.fullmatch(r"actions/[\w-]+@v\d+", each)] == []
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z-]+)", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == list(PYTHONS)


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_issue_forms_are_sound(form: Path) -> None:
    content: dict[str, Any] = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= content.keys()
    fields = [each for each in content["body"] if each["type"] != "markdown"]
    assert {each["type"] for each in fields} <= {"textarea", "input", "dropdown", "checkboxes"}
    identifiers = [each["id"] for each in fields]
    assert len(set(identifiers)) == len(identifiers) and all(each["attributes"]["label"] for each in fields)
    assert any(each.get("validations", {}).get("required") for each in fields)


def test_there_is_a_form_for_bugs_features_and_questions() -> None:
    assert {form.stem for form in FORMS} == {"bug", "feature", "question"}
    assert (GITHUB / "pull_request_template.md").is_file()
