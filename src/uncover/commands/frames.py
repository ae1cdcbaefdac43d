"""Pick frames of videos for annotation; export them to CVAT or Label Studio, and import the annotations."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from uncover.commands import verb
from uncover.commands._shared_arguments import add_alias

logger = logging.getLogger(__name__)

PARTLY = 3
"""Exit code if some of the videos could not be read to their end, or had to be repaired."""

_DEFAULTS = {"motion": 1.0, "light": 0.06, "every": 60.0}
"""As in `uncover.video.changes.Limits`; repeated here to distinguish them from values that were given."""


def _frames_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "videos",
        type=Path,
        nargs="+",
        metavar="VIDEO",
        help="video files, or folders of them; file names must differ",
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument(
        "--count", type=int, metavar="N", help="pick the N most different frames of each video (default: by changes)"
    )
    parser.add_argument(
        "--motion",
        type=float,
        metavar="SUM",
        help="pick a frame if motion since the last picked one reaches this, in standard deviations of the frame,"
        f" summed over the compared frames (default: {_DEFAULTS['motion']})",
    )
    parser.add_argument(
        "--light",
        type=float,
        metavar="SHARE",
        help="pick a frame if brightness has changed by this share of the range from black to white (default:"
        f" {_DEFAULTS['light']})",
    )
    parser.add_argument(
        "--every",
        type=float,
        metavar="SECONDS",
        help=f"pick a frame after so long without change; 0: never (default: {_DEFAULTS['every']:g})",
    )
    gap = parser.add_argument(
        "--min-gap",
        dest="gap",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="shortest time between two picked frames (default: 1)",
    )
    add_alias(parser, "--gap", gap)
    rate = parser.add_argument(
        "--fps",
        dest="rate",
        type=float,
        default=5.0,
        metavar="N",
        help="compare so many frames per second of video (default: 5)",
    )
    add_alias(parser, "--rate", rate)
    parser.add_argument(
        "--boxes",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="TABLE",
        help="boxes for the annotation tool: true boxes with grades (<video>.csv), or boxes.parquet of `uncover detect`"
        " as proposals, which count as labels only after a person has reviewed them",
    )


@verb("frames", "pick frames of videos to annotate", _frames_arguments)
def run_frames(args: argparse.Namespace) -> int:
    """Pick frames of videos to annotate, at changes of motion or light.

    A frame is picked if enough has moved or the light has changed since the last picked frame, and after --every
    seconds without change; with --count, the most different frames. OUT gets <grade>/images/, frames.csv with the
    reason of each pick, and with --boxes <grade>/labels/ (true boxes) or <grade>/proposals/ (detected boxes). The grade
    of occlusion is `ungraded` until it is annotated.

    Next: `uncover frames export` and `uncover frames import` move the frames to CVAT or Label Studio and back, which
    turns proposals into labels. `uncover labels OUT DATA --layout graded` makes a data set of the labelled frames.

    The exit code is 3 if a video cannot be read, is truncated, or its timestamps jump; the frames that can be read are
    used, and a warning names the video.

    Privacy: faces are not hidden, so OUT requires the same protection as the videos. Nothing is written outside OUT.

    Examples:
      uncover frames ward.mp4 frames
      uncover frames recordings/ frames --count 20 --boxes found/recordings/boxes.parquet
    """
    from uncover.config.values import check_number
    from uncover.console import wrote
    from uncover.errors import InputError
    from uncover.video.changes import Limits
    from uncover.video.pick_frames import pick_frames
    from uncover.video.sources import videos_in

    given = [option for option in _DEFAULTS if getattr(args, option) is not None]
    if args.count is not None and given:
        raise InputError(
            f"--{given[0]}: has no effect with --count, which picks the most different frames; omit one of the two"
        )
    values = {option: _DEFAULTS[option] if option not in given else getattr(args, option) for option in _DEFAULTS}
    check_number("--motion", values["motion"], 0.001)
    check_number("--light", values["light"], 0.001)
    check_number("--every", values["every"], 0)
    check_number("--count", args.count, 1)
    check_number("--min-gap", args.gap, 0)
    check_number("--fps", args.rate, 0.001, 1000)
    limits = Limits(**values, gap=args.gap, rate=args.rate)
    chosen = [video for given in args.videos for video in (videos_in(given) if given.is_dir() else [given])]
    picking = pick_frames(chosen, args.out, limits, args.count, args.boxes, logger.info)
    reasons = ", ".join(f"{number} {reason}" for reason, number in picking.by_reason().items())
    videos = f"{len(chosen)} video" + "s" * (len(chosen) > 1)
    waiting = "" if picking.review.reviewed else "; none is a label yet: run uncover frames export, then frames import"
    logger.info(f"{args.out}: {picking.review}{waiting}")
    text = f"picked {len(picking.picked)} of {picking.watched} frames of {videos} ({reasons})"
    wrote(args.out, text, frames=len(picking.picked), videos=len(chosen), reasons=dict(picking.by_reason()))
    return 0 if picking.whole else PARTLY


def _frames_export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("set", type=Path, metavar="SET", help="folder of picked frames")
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write: .xml for CVAT, .json for Label Studio")
    parser.add_argument("--format", choices=("cvat", "label-studio"), required=True, help="annotation tool")
    parser.add_argument(
        "--prefix",
        metavar="URL",
        help="URL of SET in Label Studio, before the names of its files (default: /data/local-files/?d=SET/)",
    )


@verb("frames export", "export picked frames to CVAT or Label Studio", _frames_export_arguments)
def run_frames_export(args: argparse.Namespace) -> int:
    """Export boxes and grades of picked frames to CVAT or Label Studio.

    SET is a folder of `uncover frames`. A second file beside OUT configures the tool: OUT.labels.json for CVAT (paste
    it into the field "Raw" of the labels of a new task), OUT.config.xml for Label Studio ("Labeling Interface",
    "Code").

      cvat          create a task with these labels, upload the images, then "Upload annotations", "CVAT 1.1", OUT
      label-studio  serve the parent folder of SET (LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true,
                    LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=that folder), add SET as local storage, then "Import" OUT

    Proposed boxes are exported for correction: as predictions in Label Studio, as boxes with source "auto" in CVAT.
    Faces are not hidden: use a tool that is allowed to process the images. After an import, frames are in the folders
    of their grades; export them again to continue.

    Examples:
      uncover frames export frames frames.xml --format cvat
      uncover frames export frames frames.json --format label-studio
    """
    from urllib.parse import quote

    from uncover.atomic import check_new_file, new_file
    from uncover.console import wrote
    from uncover.data.annotations.annotated import known_grades, look_up_frames
    from uncover.data.annotations.cvat import label_constructor, write_cvat
    from uncover.data.annotations.label_studio import LOCAL_FILES, labeling_config, write_label_studio
    from uncover.data.picked import check_exported, note_exported, read_picked, review_of
    from uncover.errors import InputError

    suffix, other = {"cvat": (".xml", ".labels.json"), "label-studio": (".json", ".config.xml")}[args.format]
    if args.out.suffix.lower() != suffix:
        raise InputError(f"{args.out}: expected a name that ends in {suffix} for --format {args.format}")
    if args.prefix is not None and args.format == "cvat":
        raise InputError("--prefix: has no effect with CVAT, which identifies images by name; omit it")
    beside = args.out.with_suffix(other)
    for file in (args.out, beside):
        check_new_file(file)
        check_exported(args.set, file)
    states = look_up_frames(args.set, read_picked(args.set))
    grades = known_grades(states)
    name = args.set.resolve().name
    if args.format == "cvat":
        write_cvat(states, name, args.out)
        setup = label_constructor(grades)
    else:
        prefix = args.prefix if args.prefix is not None else f"{LOCAL_FILES}{quote(name)}/"
        write_label_studio(states, prefix, args.out)
        setup = labeling_config(grades)
    with new_file(beside) as path:
        path.write_text(setup, encoding="utf-8")
    note_exported(args.set, (args.out, beside))
    review = review_of(args.set, (state.frame for state in states.values()))
    if warning := review.warning(args.set):
        logger.info(warning)
    wrote(args.out, f"{len(states)} frames ({review})", frames=len(states))
    wrote(beside, "configuration of the tool")
    return 0


def _frames_import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("set", type=Path, metavar="SET", help="folder of picked frames")
    parser.add_argument("file", type=Path, metavar="FILE", help="export of the annotation tool")
    parser.add_argument(
        "--label", default="face", metavar="NAME", help="label of whole faces in the tool (default: face)"
    )


@verb("frames import", "import annotations from CVAT or Label Studio", _frames_import_arguments)
def run_frames_import(args: argparse.Namespace) -> int:
    """Import boxes and grades of picked frames from an export of CVAT or Label Studio.

    SET is a folder of `uncover frames`. FILE is an export of CVAT as "CVAT for images 1.1", or as "CVAT for video 1.1"
    of a task with one of the videos (.xml, .zip), or of Label Studio as "JSON" or "JSON-MIN" (.json).

    Frames in FILE get its boxes, move to the folder of their grade, and count as reviewed, even if they were not
    changed in the tool: export only frames that were reviewed. A frame that was exported with boxes and has none in
    FILE has no face. Frames that are not in FILE, or have invalid annotations there, are not changed. SET/rejected.csv
    lists invalid annotations, SET/imports.csv all imports. SET is changed as a whole or not at all.

    Examples:
      uncover frames import frames annotations.zip
      uncover frames import frames project.json --label face
    """
    from uncover.console import warn_each, wrote
    from uncover.data.annotations.importing import REJECTED, import_annotations
    from uncover.data.picked import read_picked, review_of

    imported, rejected = import_annotations(args.set, args.file, args.label)
    warn_each([f"rejected: {item}" for item in rejected], f"{args.set / REJECTED}")
    review = review_of(args.set, read_picked(args.set))
    if review.unseen:
        logger.info(
            f"note: {review.unseen} frames have neither boxes nor a grade, so it is unknown whether they were reviewed;"
            " if a frame has no face, give it a grade in the tool, such as none"
        )
    logger.info(f"{args.set}: {review}")
    wrote(
        args.set,
        f"updated {imported.updated} frames, {imported.unchanged} of them unchanged and {imported.moved} moved to"
        f" another grade; skipped {imported.spoilt + imported.untouched} frames, {imported.spoilt} of them rejected",
        updated=imported.updated,
        unchanged=imported.unchanged,
        moved=imported.moved,
        rejected=imported.spoilt,
        skipped=imported.spoilt + imported.untouched,
    )
    return 0
