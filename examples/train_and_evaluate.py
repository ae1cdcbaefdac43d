"""Fine-tune a face detector on a YOLO data set, and score it before and after.

python examples/train_and_evaluate.py                               # a small rendered data set
python examples/train_and_evaluate.py my_set/data.yaml my_detector  # your data set, with splits train and val
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

import uncover


def main(data: Path, out: Path, **settings: Any) -> pd.DataFrame:
    """Print and return the scores of the pretrained and of the fine-tuned detector."""
    dataset = uncover.read_dataset(data)
    print(dataset)

    trained = uncover.train(data, out, fine_tune="general", **settings)
    scores = {
        name: uncover.evaluate(weights, data, split="val").to_pandas().iloc[0]
        for name, weights in (("general", "general"), ("fine-tuned", trained.weights))
    }
    table = pd.DataFrame(scores).T[["images", "labels", "P", "R", "AP50", "AP50_low", "AP50_high"]]
    print(table)
    print(f"weights: {trained.weights}")
    return table


def rendered_set(folder: Path) -> Path:
    """Render a YOLO data set of infants in an incubator: 8 images to train on, 4 to validate on."""
    from uncover.synthetic.layouts import write_slapi

    write_slapi(folder, none=8, easy=4, medium=0, hard=0, size=128, seed=1)
    (folder / "data.yaml").write_text("train: none/images\nval: easy/images\nnames: [face]\n")
    return folder / "data.yaml"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(rendered_set(Path(place) / "set"), Path(place) / "detector", epochs=2, image_size=128, batch=4)
