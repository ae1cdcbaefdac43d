"""`uncover detect`."""

from __future__ import annotations

import argparse
import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from uncover.commands import verb
from uncover.commands._shared_arguments import OTHER_DETECTORS, PRIVACY, add_alias, add_network_arguments, offer
from uncover.weights import DEFAULT, find_weights, names

if TYPE_CHECKING:
    from uncover.video.sources import Sources

logger = logging.getLogger(__name__)

DEFAULT_OUT = "found"
"""Folder of results without --out."""

PARTLY = 3
"""Exit code if some of the sources could not be read, or had to be repaired."""
FILES = ("boxes.parquet", "frames.parquet", "per_second.csv", "summary.json", "boxes.csv", "boxes.json", "annotated")
"""Names of what may be written."""


def _detect_arguments(parser: argparse.ArgumentParser) -> None:
    sources = parser.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="video, image, folder, pattern, address of a stream, camera number"
    )
    offer(sources, (), files=True)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"folder to write to (default: {DEFAULT_OUT}/NAME, NAME from the first source)",
    )
    detector = parser.add_argument_group("detector")
    detector.add_argument(
        "--run", dest="of_run", type=Path, metavar="RUN", help="folder of a run that has the detector, as results/demo"
    )
    weights = detector.add_argument(
        "--weights",
        metavar="NAME|FILE",
        help=f"pretrained weights ({', '.join(names())}) or a weights file; a file named {DEFAULT} is ./{DEFAULT}"
        f" (default: rgb10 of --run, without a run {DEFAULT})",
    )
    offer(weights, names(), files=True)
    other = detector.add_argument(
        "--detector", metavar="NAME", help=f"baseline detector instead of weights: {', '.join(OTHER_DETECTORS)}"
    )
    offer(other, OTHER_DETECTORS)
    other_weights = detector.add_argument(
        "--detector-weights",
        action="append",
        default=[],
        metavar="[NAME=]PATH",
        help="weights of a baseline detector that no Python package contains (default: those of --run): the file of its"
        " authors, a folder of `uncover fetch_weights`, or weights.pt of `uncover train baseline`",
    )
    offer(other_weights, (), files=True)
    detector.add_argument(
        "--class", dest="face", metavar="NAME", help="class of the whole face, if the detector has several classes"
    )
    detector.add_argument(
        "--confidence",
        type=float,
        metavar="CONF",
        help="confidence threshold of the detector (default: 0.4; of a baseline detector its own)",
    )
    rescuing = parser.add_argument_group("rescue", "a method that runs on frames where the detector found no face")
    method = rescuing.add_argument(
        "--rescue",
        default="best",
        metavar="METHOD",
        help="best: the winner of the run's rescue trial if it found more faces there, else none; with the pretrained"
        " weights general, turns. winner: the winner in any case. turns, turns8: a second pass of the detector at 4 or"
        " 8 rotations. larger: a second pass at twice the image size. heatmap:MODEL: a heatmap detector of the run, the"
        " method of the thesis. NAME: a model or method of the run, or a baseline detector. none (default: best)",
    )
    offer(method, ("best", "winner", "turns", "turns8", "larger", "none", *OTHER_DETECTORS))
    rescuing.add_argument(
        "--heatmap-weights", type=Path, metavar="FILE", help="weights of a heatmap detector, as the rescue"
    )
    rescuing.add_argument(
        "--rescue-confidence",
        type=float,
        metavar="CONF",
        help="confidence threshold of the rescue (default: that of the run's trial, else 0.25; of a baseline detector"
        " its own)",
    )
    video = parser.add_argument_group("video")
    tracking = video.add_argument(
        "--tracking",
        dest="temporal",
        choices=("off", "online", "offline"),
        default="off",
        help="track the one face of each video: online uses past frames only, offline all frames (default: off)",
    )
    add_alias(parser, "--temporal", tracking)
    gap = video.add_argument(
        "--max-gap",
        dest="bridge",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="with --tracking, continue a track over frames without a box for so long (default: 1)",
    )
    add_alias(parser, "--bridge", gap)
    video.add_argument("--until", type=float, metavar="SECONDS", help="process only the start of each video")
    video.add_argument("--preview", action="store_true", help="show the frames in a window; q closes it")
    outputs = parser.add_argument_group("annotated copies and further tables")
    outputs.add_argument(
        "--format", nargs="+", choices=("csv", "coco"), default=[], help="write boxes.csv, boxes.json (COCO) too"
    )
    outputs.add_argument("--annotate", action="store_true", help="write copies of videos and images with the boxes")
    outputs.add_argument(
        "--privacy",
        choices=PRIVACY,
        help="how faces are hidden in these copies: pixelate (the same as mosaic), blur and solid hide every possible"
        " face, and the whole frame if no box is certain; whole-frame hides every frame; publish hides nothing"
        " (default: as in the run's config, without a run pixelate)",
    )
    outputs.add_argument(
        "--shape", choices=("box", "ellipse"), default="box", help="shape of the hidden region (default: box)"
    )
    outputs.add_argument(
        "--sound",
        choices=("keep", "drop"),
        default="keep",
        help="sound of annotated videos; voices can identify people (default: keep)",
    )
    add_network_arguments(parser, "frames", nms_iou=None)


@verb("detect", "find faces in videos, images and camera streams", _detect_arguments)
def run_detect(args: argparse.Namespace) -> int:
    """Find faces in videos, images and camera streams, with pretrained weights or your own detector.

    SOURCE is a video, an image, a folder of either, a pattern such as 'ward/*.mp4', the address of a stream
    (rtsp://...), or the number of a camera. The detector runs on every frame. If it finds no face, a rescue runs on
    that frame. --tracking tracks the face of the one infant in each video.

    DIR gets:
      boxes.parquet    a row per box: source, frame, second, corners in pixels, confidence, and found_by (rgb, heatmap,
                       rescue or temporal)
      frames.parquet   a row per processed frame
      per_second.csv   a box per second
      summary.json     settings and statistics of each source
      boxes.csv, boxes.json (COCO), annotated/   with --format and --annotate

    The same command resumes a stopped run; if the run is complete, it adds only outputs that are new. The exit code is
    3 if a source is incomplete: a truncated video, an interrupted stream, an unreadable image, or timestamps that jump.
    Boxes found until then are kept, and a warning names the source.

    Examples:
      uncover detect ward.mp4
      uncover detect recordings/ --weights nicu --tracking offline --annotate --privacy blur
      uncover detect 'ward/*.mp4' --run results/demo --rescue heatmap:gradcampp_avg --out found/ward
      uncover detect rtsp://camera.local/stream --until 600 --device cuda:0 --json
    """
    from uncover.atomic import check_writable
    from uncover.config.values import check_number
    from uncover.console import warn_each
    from uncover.errors import InputError
    from uncover.image_files import are_rendered, log_passed_over
    from uncover.images.inputs import check_inference_options
    from uncover.images.reading import log_animations
    from uncover.owner import check_shared
    from uncover.video.options import DetectOptions, NetworkOptions, find_privacy
    from uncover.video.sources import find_sources, is_live

    check_inference_options(args.confidence, args.nms_iou, args.batch, args.image_size)
    check_number("--rescue-confidence", args.rescue_confidence, 0, 1)
    check_number("--max-gap", args.bridge, 0)
    check_number("--until", args.until, 0)
    baseline_weights = _weights_by_name(args)
    weights = None if args.weights is None else find_weights(args.weights)
    sources = find_sources(args.sources)
    out = args.out or _out_of(sources, args.sources)
    check_writable(out)
    check_shared(out, "detect", FILES)
    for folder in (Path(word) for word in args.sources if Path(word).is_dir()):
        if out.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"--out {out}: is inside {folder}, which is a source; give a folder outside of it")
    log_passed_over(" ".join(args.sources), sources.others, "neither video nor image", beside=())
    log_animations(sources.images.values())
    if args.temporal == "offline" and any(is_live(address) for address in sources.videos.values()):
        raise InputError(
            "--tracking offline: requires a whole video, and a live stream has no end; give --tracking online"
        )
    if (args.privacy or args.shape != "box") and not (args.annotate or args.preview):
        logger.info("note: --privacy and --shape apply to annotated copies only; add --annotate to write them")
    if args.annotate and args.sound == "keep" and any(is_live(address) for address in sources.videos.values()):
        logger.info("note: annotated copies of live streams have no sound")
    options = DetectOptions(
        args.batch,
        args.temporal,
        args.bridge,
        args.until,
        "csv" in args.format,
        "coco" in args.format,
        args.annotate,
        args.privacy or (find_privacy(args.of_run) if args.of_run else None) or "pixelate",
        args.sound == "keep",
        args.shape,
    )
    if not (out / "summary.json").exists():
        logger.info(f"{out}: detecting faces in {_counted(sources)}; loading the detector")
    # Only now: torch takes a second to import, and errors in the arguments should show before.
    from uncover.video import detection
    from uncover.video.detection import labels_of
    from uncover.video.load_networks import load_networks
    from uncover.video.pipeline import detect_sources
    from uncover.video.preview import open_preview
    from uncover.workflow.digest import code_digest
    from uncover.yolov5.weights import note_on_rendered

    networks = load_networks(
        NetworkOptions(
            args.of_run,
            weights,
            args.rescue,
            args.heatmap_weights,
            args.confidence,
            args.rescue_confidence,
            args.nms_iou,
            args.image_size,
            args.device,
            args.precision,
            True,  # A later call with --annotate then needs no second run of the network.
            args.face,
            args.detector,
            baseline_weights,
        )
    )

    def tell() -> None:
        logger.info(f"detector: {networks.name}; rescue: {networks.why}")
        if networks.rendered and not are_rendered([*map(Path, sources.videos.values()), *sources.images.values()]):
            logger.info(f"note: {note_on_rendered(networks.rendered)}")

    preview = open_preview(labels_of(networks), options.privacy, options.shape) if args.preview else None
    try:
        outcome = detect_sources(sources, networks, options, out, code_digest(detection.__name__), tell, preview)
    finally:
        if preview is not None:
            preview.close()
    if outcome.finished:
        logger.info(outcome.finished)
    for name, statistics in outcome.statistics.items():
        logger.info(statistics.line(name))
    warn_each([f"{reason}; skipped" for reason in outcome.skipped.values()], str(out / "summary.json"))
    further = {"boxes.csv": options.csv, "boxes.json": options.coco, "annotated": options.annotated}
    _report(out, [name for name, asked in further.items() if asked])
    return 0 if outcome.whole else PARTLY


def _report(out: Path, further: Sequence[str]) -> None:
    """Report the results in a folder, and further outputs that are in it."""
    import pyarrow.parquet as pq

    from uncover.console import is_older, result, wrote

    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    boxes = pq.read_metadata(out / "boxes.parquet").num_rows
    frames, found = (sum(each[key] for each in summary["sources"].values()) for key in ("frames", "with_a_box"))
    text = f"{boxes} boxes in {found} of {frames} frames"
    tables = out / "boxes.parquet"
    for path in (out / name for name in further):
        wrote(path, before=is_older(path))
    wrote(tables, text, before=is_older(tables), boxes=boxes, frames=frames, frames_with_boxes=found)
    result({"folder": str(out), **{key: summary.get(key) for key in ("settings", "sources", "skipped")}})


def _weights_by_name(args: argparse.Namespace) -> dict[str, Path]:
    """Weights of baseline detectors; those without a name belong to --detector, else to --rescue.

    Raises:
        InputError: Their detector is unknown, or is not used.
    """
    from uncover.errors import InputError

    given: dict[str, Path] = {}
    for word in args.detector_weights:
        name, separator, path = word.partition("=")
        if not separator or name not in OTHER_DETECTORS:
            name, path = args.detector or args.rescue, word
        if name not in OTHER_DETECTORS or name not in (args.detector, args.rescue):
            raise InputError(f"--detector-weights {word}: no detector uses them; give --detector NAME too")
        given[name] = Path(path)
    return given


def _out_of(sources: Sources, given: Sequence[str]) -> Path:
    """The folder of results without --out.

    Raises:
        InputError: It holds the results of other sources.
    """
    from uncover.errors import InputError
    from uncover.image_files import ENDINGS, VIDEOS

    first = next(iter([*sources.videos, *sources.images]))
    if Path(given[0]).is_dir():
        name = Path(given[0]).resolve().name
    else:
        name = Path(first).stem if Path(first).suffix.lower() in VIDEOS | ENDINGS else first
    more = f"_and_{len(given) - 1}_more" if len(given) > 1 else ""
    out = Path(DEFAULT_OUT) / f"{re.sub('[^A-Za-z0-9_.-]+', '_', name).strip('._') or 'pictures'}{more}"
    try:
        before = json.loads((out / "summary.json").read_text(encoding="utf-8")).get("given")
    except (OSError, ValueError, AttributeError):
        return out
    if before != sources.given():
        others = ", ".join(list(before or {})[:3]) or "other sources"
        raise InputError(f"{out}: holds the results of {others}, from another place or version; give --out DIR")
    return out


def _counted(sources: Sources) -> str:
    """How many there are."""
    counts = {"video": len(sources.videos), "image": len(sources.images)}
    return " and ".join(f"{count} {name}{'s' * (count != 1)}" for name, count in counts.items() if count)
