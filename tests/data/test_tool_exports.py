"""Data sets as the usual tools export them: every one has the same face in the same two pictures of 120 x 90."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from uncover.data.faces import FrameFaces, Rejected
from uncover.data.frame_sets import label_frames
from uncover.data.frames import read_frames
from uncover.data.reading import read_raw
from uncover.errors import InputError

if TYPE_CHECKING:
    from conftest import RawData

FACE = [30.0, 18.0, 60.0, 63.0]
"""Corners of the face, in pixels."""

ROW = "0.375 0.45 0.25 0.5"
"""The same as YOLO has it."""

HAND = "0.1 0.1 0.1 0.1"
Export = Callable[["RawData"], None]


def coco(names: list[str], categories: list[dict], scale: float = 1, **more: object) -> str:
    face = categories[-1]["id"]
    x1, y1, x2, y2 = (value * scale for value in FACE)
    return json.dumps(
        {
            "info": {},
            "licenses": [],
            "images": [
                {"id": number, "file_name": name, "width": round(120 * scale), "height": round(90 * scale)}
                for number, name in enumerate(names)
            ],
            "annotations": [
                {"id": number, "image_id": number, "category_id": face, "bbox": [x1, y1, x2 - x1, y2 - y1]}
                | {"area": 1, "iscrowd": 0, "segmentation": []}
                | more
                for number in range(len(names))
            ],
            "categories": categories,
        }
    )


ONLY_FACE = [{"id": 1, "name": "face", "supercategory": ""}]
OF_ROBOFLOW = [{"id": 0, "name": "faces", "supercategory": "none"}, {"id": 1, "name": "face", "supercategory": "faces"}]


def voc(name: str, *objects: str, size: tuple[int, int] = (120, 90), scale: int = 1) -> str:
    x1, y1, x2, y2 = (value * scale for value in FACE)
    box = f"<bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>"
    found = "".join(f"<object><name>{each}</name><difficult>0</difficult>{box}</object>" for each in objects)
    size_text = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
    return f"<annotation><folder/><filename>{name}</filename>{size_text}{found}</annotation>"


def photos(raw: RawData, *names: str) -> None:
    for name in names:
        raw.photo(name)


def roboflow_yolo(raw: RawData) -> None:
    for part, name in (("train", "a"), ("valid", "b")):
        photos(raw, f"{part}/images/{name}.jpg")
        raw.write(f"{part}/labels/{name}.txt", f"1 {ROW}")
    raw.write("data.yaml", "train: ../train/images\nval: ../valid/images\n\nnc: 2\nnames: ['mask', 'face']\n")
    raw.write("README.roboflow.txt", "faces > 2024-01-01\n")


def roboflow_coco(raw: RawData) -> None:
    for part, name in (("train", "a.jpg"), ("valid", "b.jpg")):
        photos(raw, f"{part}/{name}")
        raw.write(f"{part}/_annotations.coco.json", coco([name], OF_ROBOFLOW))


def roboflow_voc(raw: RawData) -> None:
    for part, name in (("train", "a"), ("valid", "b")):
        photos(raw, f"{part}/{name}.jpg")
        raw.write(f"{part}/{name}.xml", voc(f"{name}.jpg", "face", "hand"))


def roboflow_darknet(raw: RawData) -> None:
    for part, name in (("train", "a"), ("valid", "b")):
        photos(raw, f"{part}/{name}.jpg")
        raw.write(f"{part}/{name}.txt", f"1 {ROW}\n0 {HAND}\n")
        raw.write(f"{part}/_darknet.labels", "hand\nface")


def coco_2017(raw: RawData) -> None:
    photos(raw, "train2017/a.jpg", "val2017/b.jpg")
    for part, name in (("train", "a.jpg"), ("val", "b.jpg")):
        raw.write(f"annotations/instances_{part}2017.json", coco([name], ONLY_FACE))
        raw.write(f"annotations/captions_{part}2017.json", '{"images": [], "annotations": [{"caption": "a face"}]}')


def cvat_coco(raw: RawData) -> None:
    photos(raw, "images/default/a.jpg", "images/default/b.jpg")
    raw.write("annotations/instances_default.json", coco(["default/a.jpg", "default/b.jpg"], ONLY_FACE))


def label_studio_coco(raw: RawData) -> None:
    photos(raw, "images/1f-a.jpg", "images/2f-b.jpg")
    raw.write("result.json", coco(["images\\1f-a.jpg", "/data/local-files/?d=2f-b.jpg"], [{"id": 0, "name": "face"}]))


def windows_coco(raw: RawData) -> None:
    photos(raw, "my photos/a.JPG", "my photos/b ä.jpg")
    raw.write("export.JSON", coco(["C:\\Users\\me\\my photos\\a.jpg", "my%20photos/b%20%C3%A4.jpg"], ONLY_FACE))


def polygons_coco(raw: RawData) -> None:
    x1, y1, x2, y2 = FACE
    photos(raw, "a.jpg", "b.jpg")
    outline = [[x1, y1, x2, y1, x2, y2], [x1, y2, x1, y1, x2, y2]]
    raw.write("a.json", coco(["a.jpg", "b.jpg"], ONLY_FACE, bbox=[], segmentation=outline))


def cvat_yolo(raw: RawData) -> None:
    photos(raw, "obj_train_data/a.jpg", "obj_train_data/sub/b.JPG")
    raw.write("obj_train_data/a.txt", f"0 {ROW}\r\n")
    raw.write("obj_train_data/sub/b.TXT", f"0.0 {ROW}  \r\n\r\n")
    raw.write("obj.names", "face\n")
    raw.write("obj.data", "classes = 1\ntrain = data/train.txt\nnames = data/obj.names\n")


def label_img_yolo(raw: RawData) -> None:
    photos(raw, "images/a.jpg", "images/b.jpg")
    for name in "ab":
        raw.write(f"labels/{name}.txt", f"2 {ROW}\n0 {HAND}\n")
    raw.write("labels/classes.txt", "hand\nhat\nface\n")


def label_studio_yolo(raw: RawData) -> None:
    label_img_yolo(raw)
    (raw.root / "labels/classes.txt").rename(raw.root / "classes.txt")
    raw.write("notes.json", '{"categories": [{"id": 0, "name": "hand"}], "info": {"contributor": "Label Studio"}}')


def ultralytics_yolo(raw: RawData) -> None:
    photos(raw, "images/train/a.jpg", "images/val/b.jpg")
    raw.write("labels/train/a.txt", "0 0.25 0.2 0.5 0.2 0.5 0.7 0.25 0.7")
    raw.write("labels/val/b.txt", f"0 {ROW}")
    raw.write("faces.yaml", "path: faces\ntrain: images/train\nval: images/val\nnames:\n  0: face\n")


def one_folder_down(raw: RawData) -> None:
    """As an archive is unpacked, with names of Windows."""
    photos(raw, "faces-1/train/Images/a.JPG", "faces-1/valid/Images/b.jpg")
    raw.write("faces-1/train/Labels/a.TXT", f"1 {ROW}")
    raw.write("faces-1/valid/Labels/b.txt", f"1 {ROW}\n0 {HAND}")
    raw.write("faces-1/data.yaml", "train: ../train/Images\nval: ../valid/Images\nnames: ['hand', 'face']\n")


def pascal_voc(raw: RawData) -> None:
    photos(raw, "JPEGImages/a.jpg", "JPEGImages/b.jpg")
    for name in "ab":
        raw.write(f"Annotations/{name}.xml", voc(f"{name}.jpg", "face"))
    raw.write("ImageSets/Main/train.txt", "a\nb\n")


def saved_by_notepad(raw: RawData) -> None:
    for name, encoding in (("a", "utf-8-sig"), ("b", "utf-16")):
        photos(raw, f"images/{name}.jpg")
        raw.write(f"labels/{name}.txt", f"1 {ROW}\r\n0 {HAND}\r\n".encode(encoding))
    raw.write("classes.txt", "hand\r\nface\r\n".encode("utf-8-sig"))


def coco_with_mark(raw: RawData) -> None:
    photos(raw, "a.jpg", "b.jpg")
    raw.write("coco.json", coco(["a.jpg", "b.jpg"], ONLY_FACE).encode("utf-8-sig"))


def shrunk_coco(raw: RawData) -> None:
    photos(raw, "images/a.jpg", "images/b.jpg")
    raw.write("coco.json", coco(["a.jpg", "b.jpg"], ONLY_FACE, scale=2.5))


def shrunk_voc(raw: RawData) -> None:
    photos(raw, "a.jpg", "b.jpg")
    raw.write("a.xml", voc("a.jpg", "face"))
    raw.write("b.xml", voc("b.jpg", "face", size=(240, 180), scale=2))


EXPORTS: dict[str, Export] = {
    export.__name__: export
    for export in (
        roboflow_yolo,
        roboflow_coco,
        roboflow_voc,
        roboflow_darknet,
        coco_2017,
        cvat_coco,
        label_studio_coco,
        windows_coco,
        polygons_coco,
        cvat_yolo,
        label_img_yolo,
        label_studio_yolo,
        ultralytics_yolo,
        one_folder_down,
        pascal_voc,
        saved_by_notepad,
        coco_with_mark,
        shrunk_coco,
        shrunk_voc,
    )
}


def boxes_of(raw: RawData, *classes: str) -> dict[str, list[list[float]]]:
    """Boxes in pixels by photo, of a folder of which nothing is rejected."""
    reading = read_raw(read_frames(raw.root, classes=classes), raw.root)
    photos, labels = label_frames(reading, "x")
    assert reading.rejected + labels.rejected == []
    assert photos["labelled"].all()
    corners = labels.boxes.groupby("photo")[["x1", "y1", "x2", "y2"]]
    return {photo: rows.to_numpy().tolist() for photo, rows in corners}


@pytest.mark.parametrize("export", EXPORTS)
def test_every_tools_export_gives_its_faces_and_nothing_else(raw: RawData, export: str) -> None:
    EXPORTS[export](raw)
    found = boxes_of(raw)
    assert len(found) == 2
    for boxes in found.values():
        assert np.allclose(boxes, [FACE], atol=1e-6), export


def kaggle_masks(raw: RawData) -> None:
    """VOC in images/ and annotations/, of classes that are all faces."""
    for name, mask in (("a", "with_mask"), ("b", "without_mask")):
        raw.photo(f"images/{name}.png")
        raw.write(f"annotations/{name}.xml", voc(f"{name}.png", mask))


def yolo_of(names: list[str]) -> Export:
    def build(raw: RawData) -> None:
        photos(raw, "images/a.jpg", "images/b.jpg")
        for name in "ab":
            raw.write(f"labels/{name}.txt", f"1 {ROW}")
        raw.write("classes.txt", "\n".join(names))

    return build


def coco_of(names: list[str]) -> Export:
    def build(raw: RawData) -> None:
        photos(raw, "a.jpg", "b.jpg")
        categories = [{"id": number, "name": name, "supercategory": ""} for number, name in enumerate(names)]
        raw.write("coco.json", coco(["a.jpg", "b.jpg"], categories))

    return build


@pytest.mark.parametrize(
    ("export", "listed", "chosen"),
    [
        (kaggle_masks, "with_mask, without_mask", ("with_mask", "Without_Mask")),
        (yolo_of(["masked face", "bare face"]), "masked face, bare face", ("bare face",)),
        (yolo_of(["no face", "person"]), "no face, person", ("person",)),
        (coco_of(["person", "face_mask"]), "person, face_mask", ("face_mask",)),
        (coco_of(["face shield", "head"]), "face shield, head", ("head",)),
    ],
)
def test_what_is_not_plainly_a_face_is_asked_for(
    raw: RawData, export: Export, listed: str, chosen: tuple[str, ...]
) -> None:
    export(raw)
    with pytest.raises(InputError, match=f"{listed}; .* pass --class NAME") as error:
        list(read_frames(raw.root))
    assert "\n" not in str(error.value)
    assert all(np.allclose(boxes, [FACE], atol=1e-6) for boxes in boxes_of(raw, *chosen).values())
    with pytest.raises(InputError, match="has no class 'ear'"):
        list(read_frames(raw.root, classes=["ear"]))


@pytest.mark.parametrize(
    "names", [["person", "face"], ["mask", "Faces"], ["no face", "infant_face"], ["eyes", "wholeFace"]]
)
def test_one_class_that_is_plainly_the_face_is_taken(raw: RawData, names: list[str]) -> None:
    yolo_of(names)(raw)
    assert all(np.allclose(boxes, [FACE], atol=1e-6) for boxes in boxes_of(raw).values())


def test_numbers_choose_where_nothing_names_the_classes(raw: RawData, capsys: pytest.CaptureFixture[str]) -> None:
    raw.photo("images/a.jpg")
    raw.write("labels/a.txt", f"3 {ROW}\n0 {HAND}")
    (bad,) = read_frames(raw.root)
    assert (
        isinstance(bad, Rejected) and "class 3 is unknown; expected 0, the whole face, or add a data.yaml" in bad.detail
    )
    (frame,) = read_frames(raw.root, classes=["3"])
    assert isinstance(frame, FrameFaces) and frame.boxes is not None and len(frame.boxes) == 1
    with pytest.raises(InputError, match=r"--class face: no file names the classes of .*a\.txt"):
        list(read_frames(raw.root, classes=["face"]))


@pytest.mark.parametrize(
    ("size", "says"),
    [
        ((90, 120), "states 90 x 120 for a.jpg"),
        ((640, 640), "states 640 x 640 for a.jpg, which is 120 x 90; expected boxes drawn on"),
    ],
)
def test_boxes_of_a_picture_of_another_shape_are_refused(raw: RawData, size: tuple[int, int], says: str) -> None:
    photos(raw, "a.jpg", "b.jpg")
    for name, stated in (("a", size), ("b", (120, 90))):
        raw.write(f"{name}.xml", voc(f"{name}.jpg", "face", size=stated))
    _, labels = label_frames(read_raw(read_frames(raw.root), raw.root), "x")
    (rejected,) = labels.rejected
    assert (rejected.file, rejected.photo, rejected.reason) == ("a.xml", "a", "other_size") and says in rejected.detail
    assert set(labels.boxes["photo"]) == {"b"}


def test_a_box_outside_its_picture_never_becomes_no_face(raw: RawData) -> None:
    """Without a stated size, boxes of a picture twice as large are clipped, or lie outside."""
    photos(raw, "a.jpg", "b.jpg")
    content = json.loads(coco(["a.jpg", "b.jpg"], ONLY_FACE))
    content["images"] = [{"id": image["id"], "file_name": image["file_name"]} for image in content["images"]]
    content["annotations"][0]["bbox"] = [150, 20, 40, 40]
    content["annotations"][1]["bbox"] = [119.8, 20, 40, 40]
    raw.write("coco.json", json.dumps(content))
    photos_kept, labels = label_frames(read_raw(read_frames(raw.root), raw.root), "x")
    assert photos_kept.empty
    assert [(each.photo, each.reason) for each in labels.rejected] == [("a", "outside_image"), ("b", "no_usable_box")]


def test_files_that_belong_to_no_image_are_counted_by_kind(raw: RawData, capsys: pytest.CaptureFixture[str]) -> None:
    photos(raw, "a.jpg", "b.jpg")
    for number in range(4):
        raw.write(f"old/{number}.txt", f"0 {ROW}")
    raw.write("labelme.json", '{"shapes": [], "imagePath": "a.jpg"}')
    raw.write("cvat.xml", "<annotations><version>1.1</version></annotations>")
    raw.write("README.txt", "of my photos")
    raw.write("val.txt", "./a.jpg")
    raw.write("blocks.csv", "image,infant\na.jpg,Mia\n")
    raw.write("_annotations.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\n")
    assert all(isinstance(item, FrameFaces) and item.boxes is None for item in read_frames(raw.root))
    lines = capsys.readouterr().err.splitlines()
    why = "that belong to no image or have an unknown format"
    assert [line.removeprefix(f"warning: {raw.root}: skipped ").replace(f" {why}", "") for line in lines] == [
        "1 .csv files: _annotations.csv",
        "1 .json files: labelme.json",
        "4 .txt files: old/0.txt, old/1.txt, old/2.txt, ...",
        "1 .xml files: cvat.xml",
    ]


def test_predictions_are_no_labels(raw: RawData) -> None:
    photos(raw, "a.jpg")
    raw.write("a.txt", f"0 {ROW} 0.93")
    (bad,) = read_frames(raw.root)
    assert isinstance(bad, Rejected) and "confidence of a prediction" in bad.detail
    raw.write("boxes.json", coco(["a.jpg"], ONLY_FACE, score=0.9))
    with pytest.raises(InputError, match=r"boxes\.json: annotation 0: has a score, so it is an unreviewed prediction"):
        list(read_frames(raw.root))


def test_crowds_are_no_faces_and_are_told(raw: RawData, capsys: pytest.CaptureFixture[str]) -> None:
    photos(raw, "a.jpg")
    raw.write("coco.json", coco(["a.jpg"], ONLY_FACE, iscrowd=1, segmentation={"counts": "x", "size": [90, 120]}))
    (frame,) = read_frames(raw.root)
    assert isinstance(frame, FrameFaces) and frame.boxes is not None and len(frame.boxes) == 0
    assert "left out 1 boxes of crowds (iscrowd) in 1 images, such as a.jpg" in capsys.readouterr().err


def test_a_mask_without_box_is_no_box(raw: RawData) -> None:
    photos(raw, "a.jpg")
    raw.write("coco.json", coco(["a.jpg"], ONLY_FACE, bbox=[], segmentation={"counts": "x", "size": [90, 120]}))
    (bad,) = read_frames(raw.root)
    assert isinstance(bad, Rejected) and bad.row == 1 and "expected x, y, width, height in pixels" in bad.detail


def test_a_name_that_may_mean_two_images_means_none(raw: RawData) -> None:
    photos(raw, "one/a.jpg", "two/a.jpg")
    raw.write("coco.json", coco(["a.jpg"], ONLY_FACE))
    items = list(read_frames(raw.root))
    assert [item.boxes for item in items if isinstance(item, FrameFaces)] == [None, None]
    (lost,) = (item for item in items if isinstance(item, Rejected))
    assert lost.reason == "ambiguous_photo" and "may mean 2 images" in lost.detail


def test_two_coco_files_that_disagree_on_an_image_are_refused_for_it(raw: RawData) -> None:
    photos(raw, "a.jpg", "b.jpg")
    raw.write("first.json", coco(["a.jpg", "b.jpg"], ONLY_FACE))
    raw.write("second.json", coco(["a.jpg"], ONLY_FACE, bbox=[1, 2, 3, 4]))
    found = {item.photo: item for item in read_frames(raw.root)}
    bad = found["a.jpg"]
    assert isinstance(bad, Rejected) and "first.json and second.json have different boxes of it" in bad.detail
    assert isinstance(found["b.jpg"], FrameFaces)


def test_landmarks_behind_a_box_are_no_polygon(raw: RawData) -> None:
    """As yolov5-face writes WIDER FACE: centre and sides, then eyes, nose and corners of the mouth."""
    photos(raw, "images/a.jpg")
    raw.write("labels/a.txt", f"0 {ROW} 0.32 0.4 0.43 0.4 0.37 0.47 0.33 0.6 0.42 0.6")
    (bad,) = read_frames(raw.root)
    assert isinstance(bad, Rejected) and "kpt_shape: [5, 2]" in bad.detail
    raw.write("data.yaml", "train: images\nval: images\nkpt_shape: [5, 2]\nnames: [face]\n")
    assert np.allclose(boxes_of(raw)["a"], [FACE])
