"""Data sets of the thesis: rendered or read from raw data, split, labelled."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from pathlib import Path

from uncover.commands import verb
from uncover.commands._shared_arguments import add_class_argument
from uncover.config.catalogue import FRAME_LAYOUTS, LANDMARK_LAYOUTS

logger = logging.getLogger(__name__)

# Counts of each layout, with their defaults.
_LAYOUTS: dict[str, dict[str, int]] = {
    "wflw": {"train": 40, "test": 20},
    "merl_rav": {"train": 40, "test": 20},
    "hof": {"frames": 20},
    "slapi": {"none": 4, "easy": 8, "medium": 12, "hard": 12},
    "preterm_web": {"photos": 12},
    "videos": {"infants": 3, "seconds": 12, "rate": 5},
}
# Layouts whose test photos can be harder than the training photos.
_HARDER = ("wflw", "merl_rav", "hof", "slapi")
# Descriptions of counts that are not numbers of photos.
_NUMBERS = {
    "infants": "number of videos, each with one infant",
    "seconds": "length of each video, in seconds",
    "rate": "frames per second",
}


def _make_synthetic_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("layout", choices=list(_LAYOUTS), help="data set whose layout to write")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to; replaced as a whole")
    for name in sorted({name for counts in _LAYOUTS.values() for name in counts}):
        users = [f"{layout} (default: {counts[name]})" for layout, counts in _LAYOUTS.items() if name in counts]
        what = _NUMBERS.get(name, "number of photos")
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"{what}, for {', '.join(users)}")
    parser.add_argument(
        "--size", type=int, default=320, metavar="PX", help="longest side of a photo or frame in pixels (default: 320)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the photos or videos (default: 1)")
    parser.add_argument(
        "--harder",
        type=float,
        metavar="SHARE",
        help="share of test photos that are harder than the training photos: faces behind bars, books or hands, infants"
        f" at night, at any rotation, for {', '.join(_HARDER)} (default: 0)",
    )


@verb("make_synthetic", "write synthetic raw data in the layout of a real data set", _make_synthetic_arguments)
def run_make_synthetic(args: argparse.Namespace) -> int:
    """Write synthetic raw data in the layout of a real data set.

    Faces are rendered from a parametric 3-D head with true landmarks, visibility and boxes. The same arguments always
    write the same files, byte for byte.

    Examples:
      uncover make_synthetic wflw raw/wflw --train 40 --test 20
      uncover make_synthetic videos raw/videos --infants 3 --seconds 12
    """
    import json
    from dataclasses import asdict

    from uncover.atomic import new_folder
    from uncover.console import wrote
    from uncover.errors import InputError
    from uncover.synthetic import layouts
    from uncover.synthetic import videos as video_layout

    writers: dict[str, Callable[..., layouts.Counts | video_layout.VideoCounts]] = {
        "wflw": layouts.write_wflw,
        "merl_rav": layouts.write_merl_rav,
        "hof": layouts.write_hand_over_face,
        "slapi": layouts.write_slapi,
        "preterm_web": layouts.write_preterm_web,
        "videos": video_layout.write_videos,
    }
    counts = dict(_LAYOUTS[args.layout])
    for name in {name for known in _LAYOUTS.values() for name in known}:
        given = getattr(args, name)
        if given is not None and name not in counts:
            raise InputError(f"--{name}: has no effect on {args.layout}; expected --{', --'.join(counts)}")
        if given is not None:
            counts[name] = given
    if args.seed < 0:
        raise InputError(f"--seed {args.seed}: expected 0 or more")
    if args.harder is not None and args.layout not in _HARDER:
        raise InputError(f"--harder: has no effect on {args.layout}; applies to {', '.join(_HARDER)}")
    share = {"harder": args.harder or 0.0} if args.layout in _HARDER else {}
    with new_folder(args.out, "make_synthetic") as folder:
        written = writers[args.layout](folder, **counts, **share, size=args.size, seed=args.seed)
        record = {
            "layout": args.layout,
            "arguments": {**counts, **share, "size": args.size, "seed": args.seed},
            "counts": asdict(written),
            "sha256": _digest(folder),
        }
        (folder / "synthetic.json").write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
    wrote(args.out, ", ".join(f"{count} {what}" for what, count in asdict(written).items()), **asdict(written))
    return 0


def _digest(folder: Path) -> str:
    """sha256 over names and contents of all files of a folder, in the order of their names."""
    import hashlib

    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _read_faces_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--layout", required=True, choices=LANDMARK_LAYOUTS, help="layout of RAW")
    parser.add_argument("--source", metavar="NAME", help="name of the raw data set (default: that of the layout)")
    parser.add_argument("raw", type=Path, metavar="RAW", help="folder of the raw data set")
    parser.add_argument("out", type=Path, metavar="OUT", help="table to write (.parquet)")
    parser.add_argument("rejected", type=Path, metavar="REJECTED", help="table of rejected faces to write (.csv)")
    parser.add_argument(
        "--photos", type=Path, metavar="DIR", help="folder of the photos, if they are not beside the labels"
    )
    parser.add_argument("--no-photos", action="store_true", help="do not read photos; their sizes are then unknown")
    parser.add_argument("--no-merge", action="store_true", help="repeat the photo for each of its faces")


@verb("read_faces", "convert the landmarks of a raw data set to a table of faces", _read_faces_arguments)
def run_read_faces(args: argparse.Namespace) -> int:
    """Read a raw data set with landmarks: OUT gets a row per valid face, REJECTED a row per invalid one.

    Examples:
      uncover read_faces raw/WFLW wflw.parquet wflw.rejected.csv --layout wflw
    """
    from uncover.atomic import new_file
    from uncover.console import warn_each, wrote
    from uncover.data.reading import LANDMARK_READERS, read_raw, to_faces_table
    from uncover.data.sets import write_rejected
    from uncover.data.sources import require_folder

    require_folder(args.raw, args.layout)
    if args.photos:
        require_folder(args.photos, "photos")
    reading = read_raw(LANDMARK_READERS[args.layout](args.raw, args.photos), args.raw, not args.no_photos)
    faces, rejected = to_faces_table(reading, args.source or args.layout, not args.no_merge)
    warn_each([f"rejected: {item}" for item in rejected], str(args.rejected))
    write_rejected(rejected, args.rejected)
    with new_file(args.out) as temporary:
        faces.to_parquet(temporary, index=False)
    photos = faces["photo"].nunique()
    text = f"read {len(faces) + len(rejected)}, kept {len(faces)} faces in {photos} photos"
    wrote(args.out, text, faces=len(faces), photos=photos, rejected=len(rejected))
    wrote(args.rejected, f"{len(rejected)} rejected", rejected=len(rejected))
    return 0


def _add_blocks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--blocks",
        nargs=4,
        action="append",
        default=[],
        metavar=("SOURCE", "KIND", "NAME", "EVERY"),
        help="photos of this raw data set whose names begin with the same match of NAME (a regular expression) show one"
        " KIND (infant, person, video, block) and stay together; if EVERY is not 0, so do EVERY consecutive numbers"
        " after NAME",
    )


def _split_photos_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("faces", type=Path, metavar="FACES", help="table of `uncover read_faces`")
    parser.add_argument("out", type=Path, metavar="OUT", help="table to write (.parquet)")
    parser.add_argument("summary", type=Path, metavar="SUMMARY", help="numbers of photos to write (.json)")
    parser.add_argument(
        "--split",
        required=True,
        metavar="SET=COUNT,...",
        help="photos requested, such as train=6000,val=125,test=all",
    )
    parser.add_argument(
        "--procedure",
        choices=("by_photo", "released", "all_to_test"),
        default="by_photo",
        help="by_photo draws photos from each official part, released is the split of the thesis's scripts, all_to_test"
        " puts all photos into test (default: by_photo)",
    )
    parser.add_argument(
        "--any-part", action="store_true", help="by_photo: photos without an official part can be in any set"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the split (default: 0)")
    parser.add_argument("--poses", metavar="POSE,...", default="", help="only photos with a face of these poses")
    parser.add_argument(
        "--exclude",
        type=Path,
        metavar="FILE",
        help="file with ids of photos, one per line, to keep out of val and test",
    )
    parser.add_argument("--strict", action="store_true", help="fail if a set gets fewer photos than requested")
    _add_blocks(parser)


@verb("split_photos", "split photos into train, val and test", _split_photos_arguments)
def run_split_photos(args: argparse.Namespace) -> int:
    """Split the photos of a table of faces into train, val and test.

    OUT gets a row per photo with its set and the reason. SUMMARY gets the numbers of photos requested and found per
    set, and the reasons of photos in none.

    Examples:
      uncover split_photos wflw.parquet split.parquet split.json --split train=6000,val=125,test=all
    """
    import json

    from uncover.atomic import new_file
    from uncover.console import wrote
    from uncover.data.blocks import read_block_names
    from uncover.data.faces import attribute, read_faces_table
    from uncover.data.splits import (
        SETS,
        all_to_test,
        parse_split_sizes,
        read_exclusions,
        shortfalls,
        split_as_released,
        split_by_photo,
    )
    from uncover.errors import InputError

    faces = read_faces_table(args.faces)
    sizes = parse_split_sizes(args.split)
    poses = args.poses.split(",") if args.poses and (attribute(faces, "pose") != "").any() else []
    if args.procedure == "released":
        split = split_as_released(faces, sizes, poses)
    else:
        excluded = read_exclusions(args.exclude, set(faces["photo"])) if args.exclude else ()
        if args.procedure == "all_to_test":
            split = all_to_test(faces, excluded)
        else:
            names = read_block_names(args.blocks).get(str(faces["source"].iloc[0]))
            files = {photo: Path(image).stem for photo, image in zip(faces["photo"], faces["image"], strict=True)}
            named = {} if names is None else {photo: names.of(file) for photo, file in files.items()}
            blocks = {photo: f"block {block.name}" for photo, block in named.items() if block is not None}
            split = split_by_photo(faces, sizes, args.seed, poses, excluded, not args.any_part, blocks)
    for name, (requested, found) in shortfalls(split, sizes).items():
        message = f"{args.faces}: only {found} photos for {name}, {requested} requested"
        if args.strict:
            raise InputError(f"{message}; lower splits.*.{name} or set splits.strict: false")
        logger.info(f"note: {message}")
    source = str(faces["source"].iloc[0])
    split.insert(0, "source", source)
    got = {name: int((split["set"] == name).sum()) for name in SETS}
    unused = split.loc[split["set"] == "", "reason"].value_counts().to_dict()
    numbers = {"source": source, "requested": sizes, "got": got, "unused": unused}
    with new_file(args.out) as table, new_file(args.summary) as summary:
        split.to_parquet(table, index=False)
        summary.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    text = ", ".join(f"{name} {count}" for name, count in got.items()) + f", unused {sum(unused.values())}"
    wrote(args.out, text, sets=got)
    wrote(args.summary)
    return 0


def _label_faces_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("--set", required=True, choices=("train", "val", "test"), help="set whose photos are labelled")
    parser.add_argument(
        "--faces",
        type=Path,
        nargs="+",
        required=True,
        metavar="FACES.parquet",
        help="tables of `uncover read_faces`",
    )
    parser.add_argument(
        "--splits",
        type=Path,
        nargs="+",
        required=True,
        metavar="SPLIT.parquet",
        help="tables of `uncover split_photos`, in the same order",
    )
    parser.add_argument(
        "--parts",
        choices=("corrected", "released"),
        default="corrected",
        help="rule for part boxes: corrected, or released as in the scripts of the thesis (default: corrected)",
    )
    parser.add_argument(
        "--outside",
        choices=("clip", "drop", "drop_as_yolov5"),
        default="clip",
        help="boxes that extend beyond the image: clip them, or drop the photo (default: clip)",
    )
    parser.add_argument(
        "--poses",
        metavar="POSE,...",
        default="",
        help="label only faces of these poses (MERL-RAV), as the released scripts do; others in the photo get no label",
    )
    _add_blocks(parser)


@verb("label_faces", "write the YOLO data set of one set from faces and splits", _label_faces_arguments)
def run_label_faces(args: argparse.Namespace) -> int:
    """Write one set of the thesis, such as train, from tables of faces and splits: links to photos, and part boxes.

    OUT gets images/ (links), labels/, data.yaml, manifest.parquet, boxes.parquet, rejected.csv and summary.json.

    Examples:
      uncover label_faces datasets/train --set train --faces wflw.parquet --splits split.parquet
    """
    import pandas as pd

    from uncover.console import warn_each, wrote
    from uncover.data.blocks import read_block_names
    from uncover.data.faces import read_faces_table
    from uncover.data.labels import label_faces
    from uncover.data.sets import photos_of_faces, write_dataset
    from uncover.data.splits import read_split, take_poses
    from uncover.errors import InputError

    if len(args.faces) != len(args.splits):
        raise InputError(
            f"{len(args.faces)} tables of faces, {len(args.splits)} of splits; expected one split per table of faces"
        )
    chosen = []
    for faces_path, split_path in zip(args.faces, args.splits, strict=True):
        split = read_split(split_path)
        faces = read_faces_table(faces_path)
        if set(split["source"]) != set(faces["source"]):
            raise InputError(f"{split_path}: is not a split of {faces_path}; give splits in the order of the faces")
        chosen.append(faces[faces["photo"].isin(split.loc[split["set"] == args.set, "photo"])])
    faces = pd.concat(chosen, ignore_index=True)
    wanted, of_other_poses = take_poses(faces, args.poses.split(",") if args.poses else ())
    labels = label_faces(wanted, args.parts, args.outside)
    rejected = of_other_poses + labels.rejected
    photos = photos_of_faces(wanted, labels.boxes)
    warn_each([f"rejected: {item}" for item in labels.rejected], f"{args.out}/rejected.csv")
    counts = write_dataset(
        args.out,
        photos,
        labels.boxes,
        rejected,
        len(faces),
        int(photos["faces"].sum()),
        names=read_block_names(args.blocks),
    )
    text = f"read {counts.read} faces, kept {counts.kept}, rejected {counts.rejected}; {counts.photos} photos"
    wrote(args.out, text, **{name: getattr(counts, name) for name in ("read", "kept", "rejected", "photos")})
    return 0


def _label_frames_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("raw", type=Path, metavar="RAW", help="folder of grades, of images/ and labels/, or of images")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("--source", required=True, metavar="NAME", help="name of the raw data set")
    parser.add_argument("--grade", metavar="GRADE", help="read only this grade")
    parser.add_argument(
        "--layout", choices=FRAME_LAYOUTS, default="graded", help="required format of the annotations (default: graded)"
    )
    add_class_argument(parser)
    parser.add_argument("--only", metavar="FILE", help="file in RAW with the names of the frames to use, one per line")
    parser.add_argument(
        "--word",
        dest="words",
        action="append",
        default=[],
        metavar="WORD",
        help="use only faces with this word in RAW/classes/, a word per box; can be repeated",
    )
    parser.add_argument(
        "--smallest",
        type=int,
        default=1,
        metavar="PX",
        help="shortest side of a face in pixels; smaller faces are ignored (default: 1)",
    )
    parser.add_argument(
        "--grade-words",
        nargs="+",
        default=[],
        metavar="GRADE=WORD,...",
        help="words of RAW/classes/ by grade, the easiest first; a frame gets the hardest grade of its boxes",
    )
    _add_blocks(parser)


@verb("label_frames", "write the YOLO data set of graded or plain frames", _label_frames_arguments)
def run_label_frames(args: argparse.Namespace) -> int:
    """Write a set of frames, such as slapi_hard or hof: links to frames, and boxes of whole faces if there are any.

    Examples:
      uncover label_frames raw/slapi datasets/slapi_hard --source slapi --grade hard
    """
    from uncover.console import wrote
    from uncover.data.blocks import read_block_names
    from uncover.data.choice import Choice, read_grades
    from uncover.data.frame_sets import make_frame_set
    from uncover.data.sources import require_folder

    require_folder(args.raw, args.source)
    choice = Choice(args.only, args.words, args.smallest, read_grades(args.grade_words))
    names = read_block_names(args.blocks).get(args.source)
    counts = make_frame_set(
        args.raw, args.out, args.source, args.grade, args.classes, layout=args.layout, choice=choice, names=names
    )
    text = f"read {counts.read} frames, kept {counts.kept}, rejected {counts.rejected}"
    wrote(args.out, text, **{name: getattr(counts, name) for name in ("read", "kept", "rejected", "photos")})
    return 0


def _draw_schemes_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for landmark_schemes.png and .pdf")


@verb("draw_schemes", "draw the landmark schemes and their parts", _draw_schemes_arguments)
def run_draw_schemes(args: argparse.Namespace) -> int:
    """Draw both landmark schemes and their parts on a synthetic face (docs/landmark_schemes.png).

    Examples:
      uncover draw_schemes docs
    """
    from uncover.console import wrote
    from uncover.report.figures.labels import schemes_figure
    from uncover.report.figures.style import save_figure
    from uncover.synthetic.compose import compose
    from uncover.synthetic.scene import Expression, Person, Scene

    person = Person(centre=(600, 600), scale=5.0, expression=Expression(mouth_open=0.35))
    face = compose(Scene(width=1200, height=1200, people=(person,))).faces[0]
    save_figure(
        schemes_figure({"iBUG, 68 points (300-W, MERL-RAV)": face.ibug, "WFLW, 98 points": face.wflw}),
        args.out,
        "landmark_schemes",
    )
    wrote(args.out / "landmark_schemes.png")
    return 0
