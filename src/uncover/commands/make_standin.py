"""Write synthetic raw data in the layout of a real data set.

Faces are rendered from a parametric 3-D head with true landmarks, visibility and boxes. The same arguments always give
the same files, byte for byte.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

SUMMARY = "write synthetic raw data in the layout of a real data set"

# Counts each layout takes, with the default of each.
_LAYOUTS: dict[str, dict[str, int]] = {
    "wflw": {"train": 40, "test": 20},
    "merl_rav": {"train": 40, "test": 20},
    "hof": {"frames": 20},
    "slapi": {"none": 4, "easy": 8, "medium": 12, "hard": 12},
    "preterm_web": {"photos": 12},
    "videos": {"infants": 3, "seconds": 12, "rate": 5},
}
# What is counted, where it is not photos.
_NUMBERS = {
    "infants": "number of videos, each of one infant",
    "seconds": "length of each video",
    "rate": "frames a second",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("layout", choices=list(_LAYOUTS), help="data set whose layout to write")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write; replaced as a whole")
    for name in sorted({name for counts in _LAYOUTS.values() for name in counts}):
        users = [f"{layout} (default {counts[name]})" for layout, counts in _LAYOUTS.items() if name in counts]
        what = _NUMBERS.get(name, "number of photos")
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"{what}, for {', '.join(users)}")
    parser.add_argument(
        "--size", type=int, default=320, metavar="PX", help="longest side of a photo or frame (default 320)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="chooses the photos or videos (default 1)")


def run(args: argparse.Namespace) -> int:
    """Write the folder and its `standin.json`."""
    import json
    from dataclasses import asdict

    from uncover.atomic import new_folder
    from uncover.errors import InputError
    from uncover.standin import layouts, video_layout

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
            raise InputError(f"--{name}: not for {args.layout}, which takes --{', --'.join(counts)}")
        if given is not None:
            counts[name] = given
    if args.seed < 0:
        raise InputError(f"--seed {args.seed}: expected 0 or more")
    with new_folder(args.out, "make_standin") as folder:
        written = writers[args.layout](folder, **counts, size=args.size, seed=args.seed)
        record = {
            "layout": args.layout,
            "arguments": {**counts, "size": args.size, "seed": args.seed},
            "counts": asdict(written),
            "sha256": _digest(folder),
        }
        (folder / "standin.json").write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
    print(f"{args.out}: {', '.join(f'{count} {what}' for what, count in asdict(written).items())}")
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
