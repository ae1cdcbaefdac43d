"""What CVAT writes, read: files as its own exports look, with everything in them that it puts there."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.data.annotations.sets import UNKNOWN, states_of, summary_of, write_set
from uncover.data.annotations.cvat import write_cvat
from uncover.data.annotations.importing import import_annotations
from uncover.errors import InputError

META = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>1287</id>
      <name>frames</name>
      <size>3</size>
      <mode>{mode}</mode>
      <overlap>0</overlap>
      <bugtracker></bugtracker>
      <created>2025-03-11 09:14:33.121212+00:00</created>
      <updated>2025-03-11 10:02:01.520811+00:00</updated>
      <subset>default</subset>
      <start_frame>0</start_frame>
      <stop_frame>2</stop_frame>
      <frame_filter></frame_filter>
      <segments>
        <segment>
          <id>1301</id>
          <start>0</start>
          <stop>2</stop>
          <url>https://app.cvat.ai/api/jobs/1301</url>
        </segment>
      </segments>
      <owner>
        <username>somebody</username>
        <email></email>
      </owner>
      <assignee></assignee>
      <labels>
        <label>
          <name>face</name>
          <color>#24b353</color>
          <type>rectangle</type>
          <attributes>
          </attributes>
        </label>
      </labels>
    </task>
    <dumped>2025-03-11 10:02:44.901000+00:00</dumped>{source}
  </meta>
"""

IMAGES = (
    META.format(mode="annotation", source="")
    + """  <image id="0" name="infant_01_000000.jpg" width="160" height="120">
    <box label="face" source="manual" occluded="0" xtl="20.40" ytl="30.00" xbr="80.00" ybr="90.25" z_order="0">
    </box>
    <tag label="grade" source="manual">
      <attribute name="grade">hard</attribute>
    </tag>
  </image>
  <image id="1" name="ungraded/images/infant_01_000010.jpg" width="160" height="120">
    <tag label="grade" source="manual">
      <attribute name="grade">none</attribute>
    </tag>
  </image>
  <image id="2" name="infant_01_000020.jpg" width="160" height="120">
  </image>
</annotations>
"""
)


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "annotations.xml"
    file.write_text(text, encoding="utf-8")
    return file


def test_an_export_of_images_moves_frames_to_their_grades(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set", [("ungraded", [[1, 1, 9, 9]]), UNKNOWN, UNKNOWN])
    imported, rejected = import_annotations(root, write(tmp_path, IMAGES), "face")
    assert (imported.updated, imported.moved, imported.untouched, rejected) == (2, 2, 1, [])
    assert summary_of(root) == {
        "infant_01_000000.jpg": ("hard", [[20, 30, 80, 90]]),
        "infant_01_000010.jpg": ("none", []),
        "infant_01_000020.jpg": ("ungraded", None),
    }
    numbers = (root / "hard/labels/infant_01_000000.txt").read_text().split()
    assert [float(number) for number in numbers] == pytest.approx(
        [0, (20.4 + 80) / 2 / 160, (30 + 90.25) / 2 / 120, 59.6 / 160, 60.25 / 120]
    )
    assert (root / "none/labels/infant_01_000010.txt").read_text() == ""


def test_a_zip_as_cvat_sends_it_is_read_too(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set", [UNKNOWN] * 3)
    file = tmp_path / "task_frames_annotations.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("annotations.xml", IMAGES)
    assert import_annotations(root, file, "face")[0].updated == 2


@pytest.mark.parametrize(
    ("names", "read"),
    [
        (["backup/annotations.xml", "backup/images/a.jpg"], True),
        (["annotations.xml", "__MACOSX/._annotations.xml"], True),
        (["backup\\Annotations.XML"], True),
        (["task_7.xml", "images/a.jpg"], True),
        (["one/annotations.xml", "two/annotations.xml"], False),
        (["images/a.jpg"], False),
        ([], False),
    ],
)
def test_a_zip_that_somebody_packed_anew_is_read(tmp_path: Path, names: list[str], read: bool) -> None:
    root, file = write_set(tmp_path / "set", [UNKNOWN] * 3), tmp_path / "packed.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, IMAGES if name.lower().endswith(".xml") and "._" not in name else b"\x00\x05\x16")
    if read:
        assert import_annotations(root, file, "face")[0].updated == 2
        return
    with pytest.raises(InputError, match=r"packed\.zip: contains (2 files of annotations|no annotations\.xml) \("):
        import_annotations(root, file, "face")


@pytest.mark.parametrize(
    ("old", "new", "box"),
    [
        ('ybr="90.25"', 'ybr="90.25" rotation="359.99"', [20, 30, 80, 90]),
        ('ybr="90.25"', 'ybr="90.25" rotation="0.30"', [20, 30, 80, 90]),
        ('ybr="90.25"', 'ybr="120.80"', [20, 30, 80, 120]),
        ('xtl="20.40"', 'xtl="-1.50"', [0, 30, 80, 90]),
    ],
)
def test_a_box_is_read_as_the_tool_means_it(tmp_path: Path, old: str, new: str, box: list[int]) -> None:
    root = write_set(tmp_path / "set", [UNKNOWN] * 3)
    _, rejected = import_annotations(root, write(tmp_path, IMAGES.replace(old, new)), "face")
    assert not rejected and summary_of(root)["infant_01_000000.jpg"] == ("hard", [box])


def test_a_box_that_was_deleted_in_cvat_leaves_a_frame_without_a_face(tmp_path: Path) -> None:
    """Its tag still says `ungraded`; a frame that went out without a box says nothing by it."""
    root = write_set(tmp_path / "set", [("ungraded", [[1, 1, 9, 9]]), ("ungraded", [[5, 5, 50, 50]]), UNKNOWN])
    write_cvat(states_of(root), "set", tmp_path / "out.xml")
    lines = (tmp_path / "out.xml").read_text().splitlines()
    gone = next(line for line in lines if "<box" in line)
    file = write(tmp_path, "\n".join(line for line in lines if line != gone))
    imported, _ = import_annotations(root, file, "face")
    assert (imported.updated, imported.unchanged, imported.untouched) == (2, 1, 1)
    assert {name: state.boxes is not None for name, state in states_of(root).items()} == {
        "infant_01_000000.jpg": True,
        "infant_01_000010.jpg": True,
        "infant_01_000020.jpg": False,
    }
    assert summary_of(root)["infant_01_000000.jpg"] == ("ungraded", [])


@pytest.mark.parametrize(
    ("old", "new", "reason", "words"),
    [
        ('xbr="80.00"', 'xbr="162.00"', "outside_image", "extends beyond the frame of 160 x 120 px"),
        ('xbr="80.00"', 'xbr="20.40"', "no_box", "expected x1 < x2"),
        ('xbr="80.00"', 'xbr="wide"', "no_box", "not a number"),
        ('xbr="80.00"', 'xbr="nan"', "no_box", "is invalid"),
        ('ybr="90.25"', 'ybr="90.25" rotation="12.50"', "rotated_box", "rotated by 12.5 degrees"),
        (">hard<", ">Hard<", "unknown_grade", "expected ungraded, none, easy, medium, hard"),
        ('"infant_01_000000.jpg" width="160"', '"infant_01_000000.jpg" width="1920"', "other_size", "1920 x 120"),
        ('"ungraded/images/infant_01_000010.jpg"', '"infant_01_000000.jpg"', "duplicate_image", "occurs twice"),
    ],
)
def test_what_cannot_be_used_leaves_its_frame_as_it_was(
    tmp_path: Path, old: str, new: str, reason: str, words: str
) -> None:
    root = write_set(tmp_path / "set", [("ungraded", [[1, 1, 9, 9]]), UNKNOWN, ("easy", [[5, 5, 50, 50]])])
    assert IMAGES.count(old) == 1
    text = IMAGES.replace(old, new)
    imported, rejected = import_annotations(root, write(tmp_path, text), "face")
    (item,) = rejected
    assert (item.file, item.reason, item.photo) == ("annotations.xml", reason, "infant_01_000000.jpg")
    assert new in text.splitlines()[item.row - 1]
    assert words in str(item) and str(item).startswith(f"annotations.xml, row {item.row}: infant_01_000000.jpg")
    assert imported.spoilt == 1 and imported.updated + imported.spoilt + imported.untouched == 3
    assert summary_of(root)["infant_01_000000.jpg"] == ("ungraded", [[1, 1, 9, 9]])
    assert words in (root / "rejected.csv").read_text()


def test_an_unknown_image_is_named_and_costs_nothing_else(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set", [UNKNOWN] * 3)
    text = IMAGES.replace("infant_01_000020", "infant_99_000020")
    imported, rejected = import_annotations(root, write(tmp_path, text), "face")
    (item,) = rejected
    assert item.reason == "unknown_image" and "infant_99_000020.jpg" in item.detail
    assert (imported.updated, imported.spoilt, imported.untouched) == (2, 0, 1)


def test_a_grade_may_stand_with_the_box_and_two_must_agree(tmp_path: Path) -> None:
    inside = 'z_order="0">\n      <attribute name="grade">{}</attribute>'
    agreeing = IMAGES.replace('z_order="0">', inside.format("hard"))
    root = write_set(tmp_path / "set", [UNKNOWN] * 3)
    assert not import_annotations(root, write(tmp_path, agreeing), "face")[1]
    file = write(tmp_path, IMAGES.replace('z_order="0">', inside.format("easy")))
    (item,) = import_annotations(write_set(tmp_path / "other", [UNKNOWN] * 3), file, "face")[1]
    assert item.reason == "two_grades" and "easy and hard" in item.detail


def test_boxes_of_something_else_are_left_out_and_listed(tmp_path: Path) -> None:
    hand = '<box label="hand" source="manual" occluded="0" xtl="1" ytl="1" xbr="9" ybr="9" z_order="0">\n    </box>\n'
    root = write_set(tmp_path / "set", [UNKNOWN] * 3)
    text = IMAGES.replace("    <tag", f"    {hand}    <tag", 1)
    imported, rejected = import_annotations(root, write(tmp_path, text), "face")
    assert [item.reason for item in rejected] == ["other_label"] and imported.updated == 2
    assert summary_of(root)["infant_01_000000.jpg"] == ("hard", [[20, 30, 80, 90]])


def test_boxes_that_are_all_of_another_name_are_a_mistake(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set", [UNKNOWN] * 3)
    file = write(tmp_path, IMAGES.replace('label="face"', 'label="Gezicht"'))
    with pytest.raises(InputError, match=r"no usable box is labelled 'face'; .*'Gezicht' \(1\); pass --label"):
        import_annotations(root, file, "face")
    assert import_annotations(root, file, "Gezicht")[0].updated == 2


def test_a_face_that_is_no_box_spoils_its_frame(tmp_path: Path) -> None:
    shape = '<polygon label="face" source="manual" occluded="0" points="1.00,1.00;5.00,9.00;9.00,1.00" z_order="0"/>'
    root = write_set(tmp_path / "set", [UNKNOWN] * 3)
    text = IMAGES.replace("    <tag", f"    {shape}\n    <tag", 1)
    (item,) = import_annotations(root, write(tmp_path, text), "face")[1]
    assert item.reason == "no_box" and "polygon" in item.detail
    assert summary_of(root)["infant_01_000000.jpg"] == ("ungraded", None)


TRACKS = (
    META.format(mode="interpolation", source="\n    <source>infant_01.mp4</source>")
    + """  <track id="0" label="face" source="manual">
    <box frame="0" keyframe="1" outside="0" occluded="0" xtl="10.00" ytl="10.00" xbr="50.00" ybr="60.00" z_order="0">
      <attribute name="grade">easy</attribute>
    </box>
    <box frame="5" keyframe="0" outside="0" occluded="0" xtl="15.00" ytl="10.00" xbr="55.00" ybr="60.00" z_order="0">
      <attribute name="grade">easy</attribute>
    </box>
    <box frame="10" keyframe="0" outside="0" occluded="1" xtl="20.00" ytl="10.00" xbr="60.00" ybr="60.00" z_order="0">
      <attribute name="grade">hard</attribute>
    </box>
    <box frame="20" keyframe="1" outside="1" occluded="0" xtl="30.00" ytl="10.00" xbr="70.00" ybr="60.00" z_order="0">
      <attribute name="grade">hard</attribute>
    </box>
  </track>
</annotations>
"""
)


def test_tracks_of_a_video_give_boxes_to_the_frames_that_were_picked(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set", [UNKNOWN] * 3)
    imported, rejected = import_annotations(root, write(tmp_path, TRACKS), "face")
    assert (imported.updated, imported.untouched, rejected) == (2, 1, [])
    assert summary_of(root) == {
        "infant_01_000000.jpg": ("easy", [[10, 10, 50, 60]]),
        "infant_01_000010.jpg": ("hard", [[20, 10, 60, 60]]),
        "infant_01_000020.jpg": ("ungraded", None),
    }


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<source>infant_01.mp4</source>", "", "no <source> with the video"),
        ("infant_01.mp4", "infant_07.mp4", "'infant_07'; no frame of it was picked"),
    ],
)
def test_tracks_of_no_video_that_we_know_are_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    root = write_set(tmp_path / "set", [UNKNOWN] * 3)
    with pytest.raises(InputError, match=words):
        import_annotations(root, write(tmp_path, TRACKS.replace(old, new)), "face")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "row 1: is not XML"),
        ("<annotations>\n<image>\n</annotations>", "row 3: is not XML"),
        ("<html/>", "root element <html>"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>', "declares XML entities"),
        ("<annotations/>", "nothing usable in it"),
    ],
)
def test_what_is_no_export_is_refused(tmp_path: Path, text: str, words: str) -> None:
    root = write_set(tmp_path / "set", [UNKNOWN])
    with pytest.raises(InputError, match=words):
        import_annotations(root, write(tmp_path, text), "face")


def test_what_we_write_has_what_cvat_reads(tmp_path: Path) -> None:
    """CVAT's importer takes name and id of an image, label and corners of a box, label and attributes of a tag."""
    root = write_set(tmp_path / "set", [("ungraded", [[1, 2, 30.126, 40]]), ("hard", [])])
    write_cvat(states_of(root), "set & co", tmp_path / "out.xml")
    tree = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert tree.tag == "annotations" and tree.findtext("version") == "1.1"
    assert tree.findtext("meta/task/name") == "set & co"
    assert [label.text for label in tree.iterfind("meta/task/labels/label/name")] == ["face", "grade"]
    first, second = tree.findall("image")
    assert first.attrib == {"id": "0", "name": "infant_01_000000.jpg", "width": "160", "height": "120"}
    (box,) = first.findall("box")
    assert {key: box.get(key) for key in ("xtl", "ytl", "xbr", "ybr")} == {
        "xtl": "1.00",
        "ytl": "2.00",
        "xbr": "30.13",
        "ybr": "40.00",
    }
    assert box.get("label") == "face" and box.get("source") == "auto"
    assert second.findtext("tag[@label='grade']/attribute[@name='grade']") == "hard" and not second.findall("box")
