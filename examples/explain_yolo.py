"""Explain a YOLOv5: heatmaps of a folder of images, as arrays and as files.

python examples/explain_yolo.py                           # pretrained weights, rendered images
python examples/explain_yolo.py best.pt photos maps       # your YOLOv5, your images; writes to maps/
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import uncover


def main(weights: Path | str, images: Path, out: Path) -> uncover.HeatmapResults:
    """Print the strongest point of each joint map; write overlays and a heatmap set to `out`."""
    for maps in uncover.explain(weights, images, "hirescam", layers="head", target="confidence"):
        joint = maps.values[-1]  # float32 (h, w); maps.values has a map for each class before it
        row, column = divmod(int(joint.argmax()), joint.shape[1])
        print(f"{maps.name}: {len(maps.detections)} detections, strongest at cell ({column}, {row}) of {joint.shape}")
        figure = out / "overlays" / f"{Path(maps.name).stem}.png"
        figure.parent.mkdir(parents=True, exist_ok=True)
        maps.plot().savefig(figure)

    # The same maps as files, for several methods; a stopped call resumes.
    methods = ["gradcampp", "hirescam"]
    stored = uncover.explain(weights, images, methods, layers="head", target="confidence", out=out / "maps")
    print(f"{len(stored)} heatmaps of {', '.join(stored.methods)}: {out}")
    return stored


def rendered_images(folder: Path) -> Path:
    """Render two images of infants in an incubator."""
    from uncover.synthetic.layouts import write_slapi

    write_slapi(folder, none=2, easy=0, medium=0, hard=0, size=160, seed=1)
    return folder / "none"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main("general", rendered_images(Path(place) / "images"), Path(place) / "out")
