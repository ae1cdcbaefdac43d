"""Write config/schema.json and the table of keys in config/README.md from the config model."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write the config's schema and table of keys"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, default=Path("config"), help="folder of schema.json and README.md")


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import new_file
    from uncover.config.document import schema_text, with_key_table

    readme = args.folder / "README.md"
    texts = {
        args.folder / "schema.json": schema_text(),
        readme: with_key_table(readme.read_text(encoding="utf-8")),
    }
    for path, text in texts.items():
        with new_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return 0
