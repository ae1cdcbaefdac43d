"""The `data.yaml` of a YOLO data set, which names the classes of its label files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from uncover.errors import InputError


def read_data_yaml(folder: Path) -> dict[str, Any]:
    """Content of a data set's `data.yaml`.

    Returns:
        Its keys; `names` is a dict of class names by id, by rising id.

    Raises:
        InputError: It is missing, no YAML, or names no classes.
    """
    path = folder / "data.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file; expected a data set as `uncover labels` makes it") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no YAML ({' '.join(str(error).split())})") from None
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names or not all(isinstance(key, int) and key >= 0 for key in names):
        raise InputError(f"{path}: names no classes; expected `names:` with a name per class id")
    if len(set(map(str, names.values()))) < len(names):
        raise InputError(f"{path}: gives one name to two classes; expected a name of its own for each")
    return content | {"names": {key: str(names[key]) for key in sorted(names)}}
