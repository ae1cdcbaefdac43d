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
from uncover.commands._shared_arguments import OTHER_DETECTORS, PRIVACY, add_network_arguments
from uncover.weights import DEFAULT, find_weights, names

if TYPE_CHECKING:
    from uncover.video.sources import Sources

logger = logging.getLogger(__name__)

DEFAULT_OUT = "found"
"""Folder of all results that nobody said a folder for."""

PARTLY = 3
"""Exit code when some of what was pointed to could not be read, or had to be mended."""
FILES = ("boxes.parquet", "frames.parquet", "per_second.csv", "summary.json", "boxes.csv", "boxes.json", "annotated")
"""Names of what may be written."""


def _detect_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="videos, images, folders, patterns, streams")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"folder to write into (default: {DEFAULT_OUT}/NAME, after the first source)",
    )
    parser.add_argument("--run", dest="of_run", type=Path, metavar="RUN", help="folder of a run, such as results/demo")
    parser.add_argument(
        "--weights",
        metavar="NAME|FILE",
        help=f"weights of the detector: {', '.join(names())}, which come with uncover, or a file; one of such a name is"
        f" given as ./{DEFAULT} (default: the run's rgb10, without a run {DEFAULT})",
    )
    parser.add_argument(
        "--detector",
        metavar="NAME",
        help=f"a detector of somebody else instead of weights: {', '.join(OTHER_DETECTORS)}",
    )
    parser.add_argument(
        "--detector-weights",
        action="append",
        default=[],
        metavar="[NAME=]PATH",
        help="weights of that detector, or of one to rescue with by its name, where no package brings them (default:"
        " the run's): its authors' file, a folder of `uncover fetch_weights`, weights.pt of `uncover train baseline`",
    )
    parser.add_argument(
        "--class", dest="face", metavar="NAME", help="class of the detector that is the face, where it has several"
    )
    parser.add_argument(
        "--rescue",
        default="best",
        metavar="METHOD",
        help="what is tried where the detector found no box: best (the winner of the run's rescue trial if it showed a"
        " gain there, else none; behind the ready-made general, turns; the default), winner (gain or not), turns or"
        " turns8 (the detector again, at 4 or 8 turns), larger (again, at twice the size), heatmap:MODEL (the thesis's"
        " way), the name of a model or method of the run or of any --detector, or none",
    )
    parser.add_argument("--heatmap-weights", type=Path, metavar="FILE", help="detector of heatmaps to rescue with")
    parser.add_argument(
        "--confidence", type=float, help="of a face of the detector (default: 0.4; of a --detector its own)"
    )
    parser.add_argument(
        "--rescue-confidence",
        type=float,
        help="of a face of the rescue (default: as in the run's trial, else 0.25; of a detector by name its own)",
    )
    parser.add_argument(
        "--temporal",
        choices=("off", "online", "offline"),
        default="off",
        help="follow the one face of each video: online knows the past only, offline the whole video (default: off)",
    )
    parser.add_argument("--bridge", type=float, default=1.0, help="seconds that a gap may last then (default: 1)")
    parser.add_argument("--until", type=float, metavar="SECOND", help="process this much of each video only")
    parser.add_argument(
        "--format", nargs="+", choices=("csv", "coco"), default=[], help="tables to write besides Parquet"
    )
    parser.add_argument("--annotate", action="store_true", help="write videos and images with the boxes drawn in")
    parser.add_argument(
        "--privacy",
        choices=PRIVACY,
        help="what these show of faces: pixelate (or mosaic), blur and solid hide all that may be one, and frames"
        " without a sure box as a whole; whole-frame hides every frame, whatever was found (default: as in the run's"
        " config, else pixelate)",
    )
    parser.add_argument(
        "--shape",
        choices=("box", "ellipse"),
        default="box",
        help="of what is hidden around a box (default: box)",
    )
    parser.add_argument(
        "--preview", action="store_true", help="show frames in a window while they are looked at; q closes it"
    )
    parser.add_argument(
        "--sound",
        choices=("keep", "drop"),
        default="keep",
        help="what becomes of the sound of annotated videos, by which people may be known too (default: keep)",
    )
    add_network_arguments(parser, "frames", nms_iou=None)


@verb("detect", "find faces in videos, images and cameras", _detect_arguments)
def run_detect(args: argparse.Namespace) -> int:
    """Find faces in videos, images and cameras: with ready-made weights, or with a detector and a rescue of your own.

    SOURCE is a video, an image, a folder of either, a pattern such as 'ward/*.mp4', the address of a stream
    (rtsp://...), or the number of a camera. A detector runs on every frame; where it finds no box, a rescue is
    tried, on what the detector has already computed. With --temporal the one infant of a video is followed through
    time.

    DIR gets boxes.parquet (a row per box: source, frame, second, corners in pixels, confidence, found_by rgb,
    heatmap, rescue or temporal), frames.parquet (a row per processed frame), per_second.csv (a box per
    second) and summary.json; boxes.csv, boxes.json (COCO) and annotated/ where they are asked for. Stopped, the same
    command goes on where it was; finished, it does nothing, or only what is new in it. Without --out, DIR is
    found/NAME, after the first source. A video that is cut off, a stream that drops, pictures that cannot be read, or a
    clock that starts anew or jumps in the middle: what was found is kept, a line says so and what was done, and the
    exit code is 3.
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
    check_number("--bridge", args.bridge, 0)
    check_number("--until", args.until, 0)
    baseline_weights = _weights_by_name(args)
    weights = None if args.weights is None else find_weights(args.weights)
    sources = find_sources(args.sources)
    out = args.out or _out_of(sources, args.sources)
    check_writable(out)
    check_shared(out, "detect", FILES)
    for folder in (Path(word) for word in args.sources if Path(word).is_dir()):
        if out.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"--out {out}: stands in {folder}, whose videos are looked at; give a folder elsewhere")
    log_passed_over(" ".join(args.sources), sources.others, "neither video nor image", beside=())
    log_animations(sources.images.values())
    if args.temporal == "offline" and any(is_live(address) for address in sources.videos.values()):
        raise InputError("--temporal offline: needs the whole video, and a live stream has no end; give online")
    if (args.privacy or args.shape != "box") and not (args.annotate or args.preview):
        logger.info("note: --privacy and --shape say what annotated copies show; --annotate writes them")
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
        logger.info(f"{out}: gets what is found in {_counted(sources)}; loading the detector")
    # Only now: torch takes a second to import, and whoever misspelt something need not wait for it.
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
            True,  # Whoever asks for annotated copies later must not wait for the network again.
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
    return 0 if outcome.whole else PARTLY


def _weights_by_name(args: argparse.Namespace) -> dict[str, Path]:
    """Weights of detectors of somebody else; those without a name are of --detector, else of --rescue.

    Raises:
        InputError: Nothing says whose they are, or nothing asks for that detector.
    """
    from uncover.errors import InputError

    given: dict[str, Path] = {}
    for word in args.detector_weights:
        name, separator, path = word.partition("=")
        if not separator or name not in OTHER_DETECTORS:
            name, path = args.detector or args.rescue, word
        if name not in OTHER_DETECTORS or name not in (args.detector, args.rescue):
            raise InputError(f"--detector-weights {word}: of which detector? Give --detector NAME too")
        given[name] = Path(path)
    return given


def _out_of(sources: Sources, given: Sequence[str]) -> Path:
    """The folder of results where nobody names one.

    Raises:
        InputError: It holds what was found in other sources.
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
        raise InputError(f"{out}: holds what was found in {others}, elsewhere or by an earlier version; give --out DIR")
    return out


def _counted(sources: Sources) -> str:
    """How many there are."""
    counts = {"video": len(sources.videos), "image": len(sources.images)}
    return " and ".join(f"{count} {name}{'s' * (count != 1)}" for name, count in counts.items() if count)
