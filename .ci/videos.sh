#!/usr/bin/env bash
# The commands of docs/videos.md, on synthetic videos with the detectors of the finished demo, and on real photos.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
videos=$out/videos
uncover() { .venv/bin/uncover "$@"; }

uncover make_synthetic videos "$videos" --infants 3 --seconds 12 --rate 5

uncover detect "$videos/infant_01.mp4" --run results/demo --out "$out/found" --tracking offline --annotate --format csv coco
.venv/bin/python - "$out/found" << 'PYTHON'
import json, sys
from pathlib import Path
import pandas as pd
from uncover.video.decode import open_video
found = Path(sys.argv[1])
boxes, frames = (pd.read_parquet(found / f"{name}.parquet") for name in ("boxes", "frames"))
coco = json.loads((found / "boxes.json").read_text())
assert len(frames) == 60 and len(boxes) > 30 and boxes["frame"].is_unique, (len(frames), len(boxes))
assert len(coco["images"]) == 60 and len(coco["annotations"]) == len(boxes) == len(pd.read_csv(found / "boxes.csv"))
with open_video(found / "annotated/infant_01.mp4") as video:
    assert len(list(video.frames())) == 60
PYTHON

# A truncated video beside a complete one: results are kept, and the exit code is 3; a truncated one alone is an error.
head --bytes 300000 "$videos/infant_02.mp4" > "$out/cut.mp4"
code=0; uncover detect "$out/cut.mp4" "$videos/infant_03.mp4" --run results/demo --out "$out/both" || code=$?
test "$code" = 3
code=0; uncover detect "$out/cut.mp4" --run results/demo --out "$out/none" || code=$?
test "$code" = 2

# Detections are not ground truth: commands refuse to train on them before they have been reviewed.
uncover frames "$videos/infant_01.mp4" "$out/proposed" --count 4 --boxes "$out/found/boxes.parquet"
for learns in "labels --layout graded" "train --from results/demo --data"; do
  code=0; uncover $learns "$out/proposed" "$out/unseen" || code=$?
  test "$code" = 2
  test ! -e "$out/unseen"
done

uncover frames "$videos"/infant_0*.mp4 "$out/frames" --count 8 --gap 0.4 --boxes "$videos"/infant_0*.csv
uncover frames export "$out/frames" "$out/tasks.xml" --format cvat
uncover frames import "$out/frames" "$out/tasks.xml"
uncover train --from results/demo --data "$out/frames" "$out/model" --freeze backbone --leave-out infant_03 --set epochs=1
uncover detect "$videos/infant_03.mp4" --weights "$out/model/weights.pt" --rescue none --out "$out/mine" --until 4

if test -d ../shared/real; then
  uncover detect ../shared/real/face_mask --run results/demo --out "$out/real"
fi
