"""Run upstream's own train.py, and note when its epochs and batches begin. Runs in upstream's environment.

python run_upstream.py EVENTS.jsonl [train.py's arguments]
"""

from __future__ import annotations

import json
import sys
import time
import types
from pathlib import Path

EVENTS = ("on_pretrain_routine_start", "on_train_start", "on_train_epoch_start", "on_fit_epoch_end", "on_train_end")


def main() -> None:
    """Train, with callbacks that upstream offers for such purposes."""
    events = Path(sys.argv.pop(1))
    _stand_in_for_roboflow()
    import yolov5.train as upstream
    from yolov5.utils.callbacks import Callbacks

    callbacks = Callbacks()
    for name in EVENTS:
        callbacks.register_action(name, callback=lambda *_, _name=name, **__: note(events, _name))
    seen: list[str] = []
    callbacks.register_action("on_train_batch_start", callback=lambda: seen or seen.append(note(events, "first_batch")))
    upstream.main(upstream.parse_opt(), callbacks)


def note(events: Path, name: str) -> str:
    """Append a line with the time since 1970 in seconds; returns the name."""
    with events.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"event": name, "time": time.time()}) + "\n")
    return name


def _stand_in_for_roboflow() -> None:
    """An empty module: upstream imports the real one at its start, and uses it only to fetch data sets by address."""
    package, core, version = (types.ModuleType(f"roboflow{rest}") for rest in ("", ".core", ".core.version"))
    package.Roboflow = version.Version = None
    sys.modules |= {module.__name__: module for module in (package, core, version)}


if __name__ == "__main__":
    main()
