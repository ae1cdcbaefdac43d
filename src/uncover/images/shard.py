"""Shares of a set of images, and where each of them leaves its record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from uncover.errors import InputError

RECORDS = "shards"
Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """A share of a set: every count-th image.

    Attributes:
        number: From 1.
        count: Shards of the set.
    """

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a command line says, such as "2/4".

        Raises:
            InputError: It is no such thing.
        """
        match = re.fullmatch(r"(\d+)/(\d+)", text)
        if not match or not 1 <= int(match[1]) <= int(match[2]):
            raise InputError(f"--shard {text}: expected the number of the shard, from 1, and that of all, such as 2/4")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def all(cls, count: int) -> list[Self]:
        """All shards of a set."""
        return [cls(number, count) for number in range(1, count + 1)]

    def take(self, items: Sequence[Item]) -> Sequence[Item]:
        """Its share of the items of a set."""
        return items[self.number - 1 :: self.count]

    def __str__(self) -> str:
        return f"{self.number}-of-{self.count}"

    @classmethod
    def recorded(cls, folder: Path) -> list[Self]:
        """Shards whose records stand in the folder of a set, in order."""
        # Not by a pattern of the shell's: it would also find what is being written under a temporary name.
        matches = (re.fullmatch(r"(\d+)-of-(\d+)\.parquet", path.name) for path in folder.glob(f"{RECORDS}/*"))
        return sorted((cls(int(match[1]), int(match[2])) for match in matches if match), key=str)

    def record(self, folder: Path) -> Path:
        """Where its record stands in the folder of a set."""
        return folder / RECORDS / f"{self}.parquet"

    def settings(self) -> dict[str, int]:
        """What predictions of it say of themselves; nothing, where it is the whole set."""
        return {"shard": self.number, "shards": self.count} if self.count > 1 else {}
