"""Frames of videos for people to label: picked, exported to CVAT or Label Studio, imported again."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from uncover.commands import verb

logger = logging.getLogger(__name__)

PARTLY = 3
"""Exit code when some of the videos could not be read to their end, or had to be mended."""

_DEFAULTS = {"motion": 1.0, "light": 0.06, "every": 60.0}
"""As in `uncover.video.changes.Limits`; they stand here because they are told from those that somebody gave."""


def _frames_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "videos",
        type=Path,
        nargs="+",
        metavar="VIDEO",
        help="video files, or folders of them, each of a name of its own",
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to make")
    parser.add_argument(
        "--motion",
        type=float,
        help="motion since the last picked frame that makes one worth picking, in standard deviations of the picture, "
        f"summed up over the frames compared (default: {_DEFAULTS['motion']})",
    )
    parser.add_argument(
        "--light",
        type=float,
        help="likewise the change of brightness, as a share of the range from black to white "
        f"(default: {_DEFAULTS['light']})",
    )
    parser.add_argument(
        "--every",
        type=float,
        metavar="SECONDS",
        help=f"pick a frame after so long though nothing changed, 0: never (default: {_DEFAULTS['every']:g})",
    )
    parser.add_argument("--count", type=int, metavar="N", help="pick the N most different frames of each video instead")
    parser.add_argument("--gap", type=float, default=1.0, metavar="SECONDS", help="between two at least (default: 1)")
    parser.add_argument("--rate", type=float, default=5.0, help="frames compared per second (default: 5)")
    parser.add_argument(
        "--boxes",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="TABLE",
        help="boxes to begin with: the truth of a video (a CSV of its name, with grades), or boxes.parquet of "
        "`uncover detect`: proposals, which are no labels until a person has seen them in a tool",
    )


@verb("frames", "pick frames of videos where something changes", _frames_arguments)
def run_frames(args: argparse.Namespace) -> int:
    """Pick frames of videos where something changes, and write them for people to annotate.

    A frame is picked where enough has moved or the light has changed since the last one, and after a long time
    without change; or the --count most different ones. OUT gets <grade>/images/, frames.csv, which says why each
    frame was picked, and with --boxes <grade>/labels/ (true boxes) or <grade>/proposals/ (found ones). The grade is
    `ungraded` until somebody says more: `uncover frames export` and `uncover frames import` take the frames to CVAT
    or Label Studio and back, which makes labels of proposals, and `uncover labels --layout graded OUT DATA` makes a
    data set of the frames with labels.

    A video that cannot be read, is cut off, or whose clock starts anew or jumps: what can be read is used, a line
    says so and what was done, and the exit code is 3.

    Frames are shown as they are: nothing is blurred or cut away, and whoever may not see the video may not see OUT.
    Nothing is written outside OUT.
    """
    from uncover.config.values import check_number
    from uncover.errors import InputError
    from uncover.video.changes import Limits
    from uncover.video.pick_frames import pick_frames
    from uncover.video.sources import videos_in

    given = [option for option in _DEFAULTS if getattr(args, option) is not None]
    if args.count is not None and given:
        raise InputError(f"--{given[0]}: --count picks the most different frames by itself; leave one of the two out")
    values = {option: _DEFAULTS[option] if option not in given else getattr(args, option) for option in _DEFAULTS}
    check_number("--motion", values["motion"], 0.001)
    check_number("--light", values["light"], 0.001)
    check_number("--every", values["every"], 0)
    check_number("--count", args.count, 1)
    check_number("--gap", args.gap, 0)
    check_number("--rate", args.rate, 0.001, 1000)
    limits = Limits(**values, gap=args.gap, rate=args.rate)
    chosen = [video for given in args.videos for video in (videos_in(given) if given.is_dir() else [given])]
    picking = pick_frames(chosen, args.out, limits, args.count, args.boxes, logger.info)
    reasons = ", ".join(f"{number} {reason}" for reason, number in picking.by_reason().items())
    videos = f"{len(chosen)} video" + "s" * (len(chosen) > 1)
    logger.info(f"{args.out}: picked {len(picking.picked)} of {picking.watched} frames of {videos} ({reasons})")
    waiting = "" if picking.review.reviewed else "; none is a label yet: uncover frames export, then frames import"
    logger.info(f"{args.out}: {picking.review}{waiting}")
    return 0 if picking.whole else PARTLY


def _frames_export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("set", type=Path, metavar="SET", help="folder of picked frames")
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write: .xml for CVAT, .json for Label Studio")
    parser.add_argument("--format", choices=("cvat", "label-studio"), required=True)
    parser.add_argument(
        "--prefix",
        metavar="ADDRESS",
        help="of SET in Label Studio (default: /data/local-files/?d=SET/)",
    )


@verb("frames export", "write boxes and grades of picked frames for CVAT or Label Studio", _frames_export_arguments)
def run_frames_export(args: argparse.Namespace) -> int:
    """Write boxes and grades of picked frames for CVAT or Label Studio.

    SET is a folder of `uncover frames`. A second file beside OUT sets the tool up: for CVAT OUT.labels.json, for the
    field "Raw" of the labels of a new task; for Label Studio OUT.config.xml, for "Labeling Interface", "Code".

      cvat          make a task with these labels, upload the pictures, then "Upload annotations", "CVAT 1.1", OUT
      label-studio  serve the folder that SET stands in (LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true,
                    LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=that folder), add SET as local storage, then "Import" OUT

    Proposed boxes go along to be corrected: as predictions in Label Studio, as boxes of the source "auto" in CVAT.
    Pictures are shown as they are: the tool must be one that may see them. After an import frames stand in the
    folders of their grades, so export anew to go on.
    """
    from urllib.parse import quote

    from uncover.atomic import check_new_file, new_file
    from uncover.data.annotations.annotated import known_grades, look_up_frames
    from uncover.data.annotations.cvat import label_constructor, write_cvat
    from uncover.data.annotations.label_studio import LOCAL_FILES, labeling_config, write_label_studio
    from uncover.data.picked import check_exported, note_exported, read_picked, review_of
    from uncover.errors import InputError

    suffix, other = {"cvat": (".xml", ".labels.json"), "label-studio": (".json", ".config.xml")}[args.format]
    if args.out.suffix.lower() != suffix:
        raise InputError(f"{args.out}: expected a name that ends in {suffix} for --format {args.format}")
    if args.prefix is not None and args.format == "cvat":
        raise InputError("--prefix: CVAT knows pictures by their names; leave it out")
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
    logger.info(f"{args.out}: {len(states)} frames ({review}); set the tool up with {beside}")
    return 0


def _frames_import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("set", type=Path, metavar="SET", help="folder of picked frames")
    parser.add_argument("file", type=Path, metavar="FILE", help="what the tool exported")
    parser.add_argument("--label", default="face", help="label of the boxes of whole faces (default: face)")


@verb("frames import", "take boxes and grades of picked frames from CVAT or Label Studio", _frames_import_arguments)
def run_frames_import(args: argparse.Namespace) -> int:
    """Take boxes and grades of picked frames from what CVAT or Label Studio exported.

    SET is a folder of `uncover frames`. FILE is CVAT's export "CVAT for images 1.1", or "CVAT for video 1.1" of a
    task of one of the videos (.xml, .zip), or Label Studio's "JSON" or "JSON-MIN" (.json). Frames get the boxes of
    FILE, move to the folder of their grade, and count as reviewed, also those that nobody changed in the tool: what
    nobody looked at is not to be in FILE. A frame that went out with boxes and comes back without any has no face.
    Frames of which FILE says nothing, or something that cannot be used, stay as they are; SET/rejected.csv lists what
    cannot be used, SET/imports.csv all imports. SET is changed as a whole or not at all.
    """
    from uncover.console import warn_each
    from uncover.data.annotations.importing import REJECTED, import_annotations
    from uncover.data.picked import read_picked, review_of

    imported, rejected = import_annotations(args.set, args.file, args.label)
    warn_each([f"rejected: {item}" for item in rejected], f"{args.set / REJECTED}")
    review = review_of(args.set, read_picked(args.set))
    if review.unseen:
        logger.info(
            f"note: {review.unseen} frames have neither boxes nor a grade, so that nobody can tell whether somebody"
            " looked at them; where there is no face, give them a grade in the tool, such as none"
        )
    logger.info(
        f"{args.set}: updated {imported.updated} frames that came back, {imported.unchanged} of them unchanged"
        f" ({imported.moved} moved to another grade); left {imported.spoilt + imported.untouched} as they were"
        f" ({imported.spoilt} of them for what was rejected); now {review}"
    )
    return 0
