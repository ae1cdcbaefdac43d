"""What jobs in containers are told, and images that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from uncover.errors import InputError
from uncover.workflow.containers import check_image, variables


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_checkout_elsewhere_is_bound_and_its_programs_come_first(here: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "my checkout"
    checkout.mkdir()
    told = variables(checkout, {"APPTAINER_BIND": "/data,/scratch", "SINGULARITYENV_PREPEND_PATH": "/opt/site"})
    programs = f"{checkout}/workflow/bin"
    assert told == {
        "APPTAINERENV_PREPEND_PATH": programs,
        "APPTAINER_BIND": f"{checkout},/data,/scratch",
        "SINGULARITYENV_PREPEND_PATH": f"{programs}:/opt/site",
        "SINGULARITY_BIND": str(checkout),
    }
    assert variables(checkout, told) == told


def test_what_the_working_folder_holds_or_nothing_holds_is_not_bound(here: Path, tmp_path: Path) -> None:
    (here / "results/code").mkdir(parents=True)
    # A container does not start where one of its bound folders is missing.
    for checkout in (here, here / "results/code", tmp_path / "away"):
        assert [name for name in variables(checkout, {}) if name.endswith("_BIND")] == []


def test_an_image_is_a_file_a_folder_or_an_address(here: Path) -> None:
    (here / "image.sif").touch()
    (here / "root").mkdir()
    for image in ("image.sif", str(here / "image.sif"), "root", "docker://registry.example.org/uncover:1"):
        check_image(image)
    with pytest.raises(InputError, match="no image is set in the config; set one"):
        check_image(None)
    with pytest.raises(InputError, match=r"cluster\.container: away\.sif does not exist in"):
        check_image("away.sif")
