"""Code digest of a rule, computed over the definitions that its command uses.

Comments, docstrings, formatting and annotations of functions do not change it; names, values and the order of
statements do. So neither a fresh clone nor a comment reruns anything, and a change of meaning reruns exactly the rules
that use the code.

The unit is a top-level definition, such as "uncover.data.parts:FEWEST_POINTS". Statements that define nothing (a loop,
a call, a changed attribute) run whenever their module is imported, and are kept under the module's name; so are
definitions with a decorator of the package, which may register them. If a use cannot be resolved (a module passed as a
value, `globals()`), the whole module counts. Not resolved are classes that register themselves by `__init_subclass__`,
and module names composed at run time, unless they begin with a constant such as "uncover.parts.".
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import uncover
from uncover.workflow.source import ParsedSource, read_source

ROOT = Path(uncover.__file__).parent

TALK = frozenset(
    {
        "uncover.cli",
        "uncover.commands",
        "uncover.console",
        "uncover.data.sources",
        "uncover.errors",
        "uncover.process",
        "uncover.progress",
        "uncover.report.command_line",
        "uncover.report.registry",
        "uncover.workflow.digest",
        "uncover.workflow.source",
    }
)
"""Modules and definitions of the user interface alone: no result depends on them."""

# Attributes that Python sets on every module.
OF_ITSELF = frozenset({"__file__", "__name__", "__package__", "__path__", "__spec__"})


class Code:
    """The source of a package, and the references within it.

    A part is a definition, "package.module:name", or the loose statements of a module, "package.module".
    """

    def __init__(self, root: Path, talk: Iterable[str] = ()) -> None:
        """
        Args:
            root: Folder of the package.
            talk: Modules or definitions to ignore.
        """
        self._root = root
        self._talk = frozenset(talk)
        self._sources: dict[str, ParsedSource | None] = {}
        self._next: dict[str, tuple[str, ...]] = {}

    def closure(self, *references: str) -> list[str]:
        """All parts that modules ("package.module") or definitions ("package.module:name") use, at any depth.

        Returns:
            Names in alphabetical order; a module without loose statements has no entry of its own.

        Raises:
            ModuleNotFoundError: The module does not exist.
            ImportError: The definition does not exist.
        """
        waiting = [part for reference in references for part in self._start(reference)]
        found = set(waiting)
        while waiting:
            for part in self._after(waiting.pop()):
                if part not in found:
                    found.add(part)
                    waiting.append(part)
        return sorted(part for part in found if self.state(part))

    def digest(self, parts: Iterable[str]) -> str:
        """Digest of some parts, 16 hexadecimal digits, the same for all supported Python versions."""
        return hashlib.sha256("".join(f"{part}={self.state(part)}\n" for part in parts).encode()).hexdigest()[:16]

    def state(self, part: str) -> str:
        """Digest of one part; empty if it is a module without loose statements."""
        module, _, name = part.partition(":")
        return self._known(module).units[name].meaning

    def _start(self, reference: str) -> list[str]:
        module, _, name = reference.partition(":")
        if self._source(module) is None:
            raise ModuleNotFoundError(f"no module {module} in {self._root}")
        if not name:
            return self._whole(module)
        source = self._known(module)
        if not (name in source.units or name in source.loose or name in source.imports):
            raise ImportError(f"no definition {name} in {module}")
        return self._resolve(f"{module}.{name}")

    def _after(self, part: str) -> tuple[str, ...]:
        """Parts that a part refers to."""
        if part not in self._next:
            module, _, name = part.partition(":")
            parts = {module}
            if not name and "." in module:
                parts.add(module.rpartition(".")[0])
            for reference in self._known(module).units[name].references:
                parts.update(self._refer(module, reference))
            self._next[part] = tuple(each for each in parts if each != part and self._counts(each))
        return self._next[part]

    def _refer(self, module: str, reference: str) -> list[str]:
        kind, rest = reference[0], reference[1:]
        if reference == "*":
            return self._whole(module)
        if kind == ":":
            return [f"{module}{reference}"] if rest in self._known(module).units else []
        if kind == "?":
            return self._named(rest)
        if kind == "=":
            name = self._absolute(module, rest)
            while self._source(name) is None:
                name = name.rpartition(".")[0]
            return [name]
        return self._resolve(self._absolute(module, reference))

    def _absolute(self, module: str, name: str) -> str:
        """The full name for a relative one, which begins with one dot per level."""
        bare = name.lstrip(".")
        level = len(name) - len(bare)
        if not level:
            return name
        file = self.file(module)
        parts = module.split(".") if file is not None and file.name == "__init__.py" else module.split(".")[:-1]
        return ".".join([*parts[: len(parts) - level + 1], bare])

    def _resolve(self, path: str, seen: frozenset[str] = frozenset()) -> list[str]:
        """Parts that a dotted name refers to: a definition, also re-exported by other modules, or a whole module."""
        module, *rest = path.split(".")
        while rest:
            name = rest.pop(0)
            source = self._known(module)
            if name in source.units:
                return [f"{module}:{name}"]
            if name in source.imports and path not in seen:
                targets = (".".join([self._absolute(module, each), *rest]) for each in source.imports[name])
                return [module, *(part for target in targets for part in self._resolve(target, seen | {path}))]
            if name in source.loose or name in OF_ITSELF:
                return [module]
            if self._source(f"{module}.{name}") is None:
                break
            module = f"{module}.{name}"
        return self._whole(module)

    def _named(self, text: str) -> list[str]:
        """Parts that a text names, if it names any."""
        if text.endswith("."):
            folder = self._folder(text[:-1])
            names = {text + each.stem for each in folder.glob("*")}
            return [part for name in names if self._source(name) is not None for part in self._whole(name)]
        module, colon, name = text.partition(":")
        if not colon and self._source(module) is None:
            module, _, name = text.rpartition(".")
        source = self._source(module)
        if source is None:
            return []
        if not name:
            return self._whole(module)
        known = name in source.units or name in source.loose or name in source.imports
        return self._resolve(f"{module}.{name}") if known else self._whole(module) if colon else []

    def _whole(self, module: str) -> list[str]:
        names = [f"{module}:{name}" if name else module for name in self._known(module).units]
        return [name for name in names if self._counts(name)]

    def _counts(self, part: str) -> bool:
        return part not in self._talk and part.partition(":")[0] not in self._talk

    def _folder(self, module: str) -> Path:
        return self._root.joinpath(*module.split(".")[1:])

    def file(self, module: str) -> Path | None:
        """The file of a module of the package; None if there is no such module."""
        if module.partition(".")[0] != self._root.name:
            return None
        folder = self._folder(module)
        candidates = (
            [folder / "__init__.py"] if folder == self._root else [folder.with_suffix(".py"), folder / "__init__.py"]
        )
        return next((candidate for candidate in candidates if candidate.is_file()), None)

    def _source(self, module: str) -> ParsedSource | None:
        if module not in self._sources:
            file = self.file(module)
            self._sources[module] = None if file is None else read_source(file, self._root.name)
        return self._sources[module]

    def _known(self, module: str) -> ParsedSource:
        source = self._source(module)
        if source is None:
            raise ModuleNotFoundError(f"no module {module} in {self._root}")
        return source


@functools.cache
def our_code() -> Code:
    """The running package, with each file as it was when first read."""
    return Code(ROOT, TALK)


_given: dict[str, list[str]] = {}
"""Parts of the code, or texts, behind each digest computed by this process."""

_texts: dict[str, str] = {}
"""State of each text that is not a module."""


@functools.cache
def code_digest(*references: str) -> str:
    """Digest of modules or definitions and of everything in the package that they use, at any depth.

    Args:
        references: Whole modules such as "uncover.commands.data_sets", or definitions such as
            "uncover.data.parts:FEWEST_POINTS".

    Returns:
        16 hexadecimal digits.

    Raises:
        ModuleNotFoundError: The module does not exist.
        ImportError: The definition does not exist.
    """
    parts = our_code().closure(*references)
    name = our_code().digest(parts)
    _given[name] = parts
    return name


def text_digest(texts: Mapping[str, bytes]) -> str:
    """Digest of texts by name, such as files that are not modules, 16 hexadecimal digits."""
    states = {name: hashlib.sha256(texts[name]).hexdigest() for name in sorted(texts)}
    digest = hashlib.sha256("".join(f"{name}={state}\n" for name, state in states.items()).encode()).hexdigest()[:16]
    _texts.update(states)
    _given[digest] = list(states)
    return digest


def code_states() -> tuple[dict[str, list[str]], dict[str, str]]:
    """Contents of all digests computed by this process: names of parts by digest, and the state of each part."""
    names = sorted({name for parts in _given.values() for name in parts})
    return dict(_given), {name: _texts[name][:16] if name in _texts else our_code().state(name) for name in names}
