"""What words stand for."""

from __future__ import annotations

import string
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncover.errors import InputError
from uncover.video.sources import Sources, find_sources, without_secrets


def make(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return paths


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(found: Sources) -> set[Path]:
    return {Path(address) for address in found.videos.values()} | set(found.images.values())


def test_folders_are_searched_at_any_depth(here: Path) -> None:
    make(here, "ward/a.mp4", "ward/1/b.JPG", "ward/1/2/3/c.MOV", "ward/notes.txt", "ward/1/truth.csv")
    make(here, "ward/.hidden.mp4", "ward/.cache/d.mp4", "ward/1/.e.png", "ward/.DS_Store")
    found = find_sources(["ward"])
    assert found.videos == {"a.mp4": "ward/a.mp4", "c.MOV": "ward/1/2/3/c.MOV"}
    assert found.images == {"b.JPG": Path("ward/1/b.JPG")}
    assert set(found.others) == {Path("ward/notes.txt"), Path("ward/1/truth.csv")}


def test_a_hidden_folder_may_be_named(here: Path) -> None:
    make(here, ".ward/a.mp4")
    assert set(find_sources([".ward"]).videos) == {"a.mp4"}
    assert set(find_sources([".ward/a.mp4"]).videos) == {"a.mp4"}


def test_patterns(here: Path) -> None:
    make(here, "ward/a.mp4", "ward/b.mp4", "ward/b.txt", "ward/c.jpg", "ward/1/d.mp4", "ward/infant_2/e.mp4")
    assert set(find_sources(["ward/*.mp4"]).videos) == {"a.mp4", "b.mp4"}
    assert set(find_sources(["ward/**/*.mp4"]).videos) == {"a.mp4", "b.mp4", "d.mp4", "e.mp4"}
    found = find_sources(["ward/b.*"])
    assert (set(found.videos), found.others) == ({"b.mp4"}, (Path("ward/b.txt"),))
    assert set(find_sources(["ward/infant_*"]).videos) == {"e.mp4"}, "folders that match are searched"
    everything = find_sources(["ward/*", "ward/**"])
    assert set(everything.videos) == {"a.mp4", "b.mp4", "d.mp4", "e.mp4"}
    assert everything.others == (Path("ward/b.txt"),)


def test_names_that_look_like_patterns(here: Path) -> None:
    make(here, "ward [1]/a[2].mp4")
    assert set(find_sources(["ward [1]/a[2].mp4"]).videos) == {"a[2].mp4"}
    assert set(find_sources(["ward [1]"]).videos) == {"a[2].mp4"}
    for pattern in ("ward [1]/*.mp4", "ward [1]/**/*.mp4", str(here / "ward [1]/a*")):
        assert set(find_sources([pattern]).videos) == {"a[2].mp4"}


def test_files_of_one_name_are_told_apart_by_their_folders(here: Path) -> None:
    make(here, "one/day/a.mp4", "two/day/a.mp4", "two/night/a.mp4", "two/b.mp4")
    assert find_sources(["one", "two"]).videos == {
        "one/day/a.mp4": "one/day/a.mp4",
        "two/day/a.mp4": "two/day/a.mp4",
        "night/a.mp4": "two/night/a.mp4",
        "b.mp4": "two/b.mp4",
    }
    assert all(".." not in name for name in find_sources(["two/../two/night/a.mp4", "one/day/a.mp4"]).videos)


@given(
    st.lists(
        st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join), min_size=1, max_size=8, unique=True
    )
)
@settings(max_examples=15)
def test_every_file_has_a_name_of_its_own(places: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = make(Path(folder), *(f"{place}/v.mp4" for place in places))
        found = find_sources([folder])
        assert files(found) == set(paths)
        for name, address in found.videos.items():
            assert address.endswith(f"/{name}")


def test_a_file_twice_counts_once(here: Path) -> None:
    make(here, "ward/a.mp4", "ward/b.jpg")
    (here / "ward" / "link.mp4").symlink_to("a.mp4")
    given = ["ward/a.mp4", "./ward/a.mp4", str(here / "ward/a.mp4"), "ward/../ward/a.mp4", "ward", "ward/*.mp4"]
    found = find_sources(given)
    assert found.videos == {"a.mp4": "ward/a.mp4"}
    assert found.images == {"b.jpg": Path("ward/b.jpg")}


def test_numbers_are_cameras_unless_they_are_files(here: Path) -> None:
    assert find_sources(["0", "12"]).videos == {"video0": "/dev/video0", "video12": "/dev/video12"}
    assert find_sources(["/dev/video0", "0"]).videos == {"video0": "/dev/video0"}
    make(here, "2024/a.mp4")
    assert find_sources(["2024"]).videos == {"a.mp4": "2024/a.mp4"}


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("rtsp://camera/1", "rtsp://camera/1"),
        ("rtsp://nurse:secret@camera:554/1", "rtsp://camera:554/1"),
        ("rtsp://nurse:se@cret@camera/1", "rtsp://camera/1"),
        ("http://camera/live.ts?user=nurse&password=secret", "http://camera/live.ts"),
        ("http://camera/live.ts?mail=nurse@ward&password=secret", "http://camera/live.ts"),
        ("http://camera/go?to=rtsp://nurse:secret@other/1", "http://camera/go"),
        ("http://camera?password=secret", "http://camera"),
        ("rtsp://camera/bed@1", "rtsp://camera/bed@1"),
        ("rtsp://camera/1#secret", "rtsp://camera/1"),
        ("srt://nurse:secret@[::1]:9000", "srt://[::1]:9000"),
    ],
)
def test_names_tell_no_secrets(address: str, name: str) -> None:
    assert find_sources([address]).videos == {name: address}


WORDS = st.text(string.ascii_letters + string.digits + "@:=&%!-", min_size=1, max_size=12)


@given(user=WORDS, password=WORDS, query=st.text(string.printable, max_size=20))
def test_no_part_of_a_login_or_a_query_stays(user: str, password: str, query: str) -> None:
    assert without_secrets(f"rtsp://{user}:{password}@camera:554/bed/1?{query}") == "rtsp://camera:554/bed/1"


def test_streams_that_differ_in_what_is_hidden_keep_names_of_their_own() -> None:
    """Recorders tell their cameras apart by the query."""
    one, two = (f"rtsp://u:p@recorder/cam?channel={number}" for number in (1, 2))
    assert find_sources([one, two, one]).videos == {"rtsp://recorder/cam": one, "rtsp://recorder/cam (2)": two}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absent.mp4"], "absent.mp4: no such file or folder"),
        (["*.avi"], r"\*.avi: no such file or folder"),
        (["empty"], "empty: no video and no image in it"),
        (["only_text"], "only_text: no video and no image in it"),
        (["only_text/*.txt"], "no video and no image in it"),
        (["only_text/notes.txt"], r"only_text/notes.txt: unsupported suffix '.txt'"),
        (["good.mp4", "only_text/none"], "only_text/none: unsupported suffix ''"),
        (["good.mp4", "absent.mp4"], "absent.mp4: no such file or folder"),
        ([""], "no such file or folder|no video and no image in it"),
        ([], "no video and no image in it"),
    ],
)
def test_what_is_wrong_is_said(here: Path, words: list[str], message: str) -> None:
    make(here, "good.mp4", "only_text/notes.txt", "only_text/none")
    (here / "empty").mkdir()
    if words == [""]:
        (here / "good.mp4").unlink()
    with pytest.raises(InputError, match=message) as error:
        find_sources(words)
    assert "expected a video" in str(error.value) and "\n" not in str(error.value)
