"""Write boxes and grades of picked frames for CVAT or Label Studio.

SET is a folder of `uncover frames`. A second file beside OUT sets the tool up: for CVAT OUT.labels.json, for the field
"Raw" of the labels of a new task; for Label Studio OUT.config.xml, for "Labeling Interface", "Code".

  cvat          make a task with these labels, upload the pictures, then "Upload annotations", "CVAT 1.1", OUT
  label-studio  serve the folder that SET stands in (LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true,
                LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=that folder), add SET as local storage, then "Import" OUT

Proposed boxes go along to be corrected: as predictions in Label Studio, as boxes of the source "auto" in CVAT. Pictures
are shown as they are: the tool must be one that may see them. After an import frames stand in the folders of their
grades, so export anew to go on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write boxes and grades of picked frames for CVAT or Label Studio"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("set", type=Path, metavar="SET", help="folder of picked frames")
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write: .xml for CVAT, .json for Label Studio")
    parser.add_argument("--format", choices=("cvat", "label-studio"), required=True)
    parser.add_argument(
        "--prefix",
        metavar="ADDRESS",
        help="of SET in Label Studio (default: /data/local-files/?d=SET/)",
    )


def run(args: argparse.Namespace) -> int:
    from urllib.parse import quote

    from uncover.atomic import check_new_file, new_file
    from uncover.console import say
    from uncover.datasets.annotations.annotated import known_grades, look_up_frames
    from uncover.datasets.annotations.cvat_write import label_constructor, write_cvat
    from uncover.datasets.annotations.label_studio_write import LOCAL_FILES, labeling_config, write_label_studio
    from uncover.datasets.picked import check_exported, note_exported, read_picked, review_of
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
        say(warning)
    say(f"{args.out}: {len(states)} frames ({review}); set the tool up with {beside}")
    return 0
