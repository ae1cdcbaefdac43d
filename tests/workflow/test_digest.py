"""What belongs to a rule's code: small packages written by hand, each with a change and whether that counts."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover import commands
from uncover.workflow import source
from uncover.workflow.digest import ROOT, TALK, Code, code_digest, our_code
from uncover.workflow.source import parse_source

VERBS = commands.load()
FUTURE = "from __future__ import annotations\n"


def package(folder: Path, files: dict[str, str]) -> Path:
    """Write a package `shop`: texts of modules by name, `a` or `room.a`; every folder gets an `__init__`."""
    root = folder / "shop"
    for name, text in files.items():
        path = root.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for place in (root, *(each for each in root.rglob("*") if each.is_dir())):
        (place / "__init__.py").touch()
    return root


def digest(root: Path, reference: str) -> str:
    code = Code(root, ["shop.talk", "shop.chat:say"])
    return code.digest(code.closure(reference))


PRICES = f'''{FUTURE}
"""Prices."""
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from shop import units
from shop.tax import add_tax

if TYPE_CHECKING:
    from shop.people import Customer

LOW, HIGH = 1, 2
OTHER: int = 3
"""Documented."""


@dataclass
class Price:
    """A price."""

    value: float = 0.0
    kind: units.Kind = None

    def whole(self, digits: int = 2) -> int:
        """Rounded."""
        return round(self.value, digits)


@cache
def cheap(customer: Customer, count: int) -> float:
    """What it costs.

    With the tax.
    """
    units_of = units.weigh(count)
    return add_tax(math.floor(LOW) * units_of)


def dear(price: Price) -> float:
    def inner():
        from shop.people import ask

        return ask()

    return inner() * HIGH


def by_name():
    return "shop.named", "shop.people:Customer", "no.such.thing"


if __name__ == "__main__":
    print(cheap(None, 3))
'''
SHOP = {
    "prices": PRICES,
    "units": f"{FUTURE}class Kind: size = 1\ndef weigh(x): return x * GRAM\nGRAM = 1000\ndef unused(): return 1\n",
    "tax": "from shop.law import RATE as TAX, add_tax\nUNUSED = 1\n",
    "law": "RATE = 0.2\ndef add_tax(x): return x * (1 + RATE)\nclass Other: pass\n",
    "people": "class Customer: pass\ndef ask(): return 1\n",
    "named": "FIRST = 1\ndef g(): return 2\n",
}
IN_SHOP = [
    # What is asked for, the module that changes, old and new text, and whether it counts.
    ("cheap", "prices", "math.floor(LOW)", "math.ceil(LOW)", True),
    ("cheap", "prices", "import math", "import cmath as math", True),
    ("cheap", "prices", "LOW, HIGH = 1, 2", "LOW, HIGH = 0, 2", True),
    ("cheap", "prices", "LOW, HIGH = 1, 2", "LOW, HIGH = 1, 3", False),
    ("dear", "prices", "LOW, HIGH = 1, 2", "LOW, HIGH = 1, 3", True),
    ("cheap", "prices", "OTHER: int = 3", "OTHER: int = 4", False),
    ("OTHER", "prices", "OTHER: int = 3", "OTHER: int = 4", True),
    ("OTHER", "prices", "OTHER: int = 3", "OTHER: float = 3", False),
    ("cheap", "prices", "customer: Customer", "customer: None", False),
    ("cheap", "prices", '-> float:\n    """What', '-> int:\n    """What', False),
    ("cheap", "prices", "customer: Customer", "client: Customer", True),
    ("cheap", "prices", "What it costs.", "Its price.", False),
    ("cheap", "prices", '"""Documented."""', "# Not documented.", False),
    ("cheap", "prices", "@cache\n", "", True),
    ("cheap", "prices", "print(", "repr(", False),
    ("cheap", "prices", "* HIGH", "/ HIGH", False),
    ("cheap", "units", "GRAM = 1000", "GRAM = 999", True),
    ("cheap", "units", "return 1", "return 2", False),
    ("cheap", "units", "size = 1", "size = 2", False),
    ("cheap", "law", "0.2", "0.3", True),
    ("cheap", "law", "Other: pass", "Other: size = 1", False),
    ("cheap", "tax", "import RATE as TAX, add_tax", "import RATE as TAX, Other as add_tax", True),
    ("cheap", "tax", "UNUSED = 1", "UNUSED = 2", False),
    ("cheap", "people", "Customer: pass", "Customer: size = 1", False),
    ("dear", "people", "return 1", "return 2", True),
    ("dear", "people", "Customer: pass", "Customer: size = 1", False),
    ("dear", "prices", "round(", "int(", False),
    ("Price", "prices", "value: float", "value: int", True),
    ("Price", "prices", "digits: int", "digits: float", False),
    ("Price", "prices", '"""Rounded."""\n        ', "", False),
    ("Price", "prices", "A price.", "Some price.", False),
    ("Price", "prices", "@dataclass\n", "", True),
    ("Price", "units", "size = 1", "size = 2", True),
    ("Price", "units", "GRAM = 1000", "GRAM = 999", False),
    ("by_name", "named", "FIRST = 1", "FIRST = 2", True),
    ("by_name", "named", "return 2", "return 3", True),
    ("by_name", "people", "Customer: pass", "Customer: size = 1", True),
    ("by_name", "people", "return 1", "return 2", False),
    ("", "prices", "print(", "repr(", True),
    ("", "prices", "OTHER: int = 3", "OTHER: int = 4", True),
    ("", "named", "FIRST = 1", "FIRST = 2", True),
    ("", "units", "return 1", "return 2", False),
]


@pytest.mark.parametrize(("name", "module", "old", "new", "counts"), IN_SHOP)
def test_a_change_counts_for_whoever_uses_it(
    tmp_path: Path, memory: Path, name: str, module: str, old: str, new: str, counts: bool
) -> None:
    reference = f"shop.prices:{name}" if name else "shop.prices"
    before = digest(package(tmp_path / "before", SHOP), reference)
    assert SHOP[module].count(old) == 1
    changed = {**SHOP, module: SHOP[module].replace(old, new)}
    assert (digest(package(tmp_path / "after", changed), reference) != before) == counts


B = "X = 1\nY = 2\ndef f(): return X\ndef g(): return Y\n"
CASES = {
    # Modules of the package, the change of one of them, and whether shop.a:f takes notice.
    "a module under another name": ({"a": "import shop.b as b\ndef f(): return b.f()\n", "b": B}, ("b", "X = 1"), True),
    "another definition there": ({"a": "import shop.b as b\ndef f(): return b.f()\n", "b": B}, ("b", "Y = 2"), False),
    "a module by its full name": ({"a": "import shop.b\ndef f(): return shop.b.f()\n", "b": B}, ("b", "X = 1"), True),
    "not all of it": ({"a": "import shop.b\ndef f(): return shop.b.f()\n", "b": B}, ("b", "Y = 2"), False),
    "a module handed on": ({"a": "from shop import b\ndef f(): return vars(b)\n", "b": B}, ("b", "Y = 2"), True),
    "an attribute nobody defines": ({"a": "from shop import b\ndef f(): return b.z\n", "b": B}, ("b", "Y = 2"), True),
    "the file of a module": ({"a": "from shop import b\ndef f(): return b.__file__\n", "b": B}, ("b", "Y = 2"), False),
    "an import that nobody uses": (
        {"a": "from shop.b import f as g\ndef f(): return 1\n", "b": B},
        ("b", "X = 1"),
        False,
    ),
    "an import in a function": (
        {"a": "def f():\n    from shop import b\n    return b.f()\n", "b": B},
        ("b", "X = 1"),
        True,
    ),
    "not all of that": ({"a": "def f():\n    from shop import b\n    return b.f()\n", "b": B}, ("b", "Y = 2"), False),
    "in a class": ({"a": "class f:\n    from shop.b import f\n    g = f()\n", "b": B}, ("b", "X = 1"), True),
    "in an inner function": (
        {"a": "def f():\n    from shop import b\n    return lambda: [b.f() for _ in '1']\n", "b": B},
        ("b", "X = 1"),
        True,
    ),
    "everything at once": ({"a": "from shop.b import *\ndef f(): return X\n", "b": B}, ("b", "Y = 2"), True),
    "a relative import": (
        {"room.a": "from .b import f as g\ndef f(): return g()\n", "room.b": B},
        ("room.b", "X = 1"),
        True,
    ),
    "further up": ({"room.a": "from .. import b\ndef f(): return b.f()\n", "b": B}, ("b", "X = 1"), True),
    "not all of it either": ({"room.a": "from .. import b\ndef f(): return b.f()\n", "b": B}, ("b", "Y = 2"), False),
    "a room that passes on": (
        {"a": "from shop.room import f as g\ndef f(): return g()\n", "room.__init__": "from shop.b import f\n", "b": B},
        ("b", "X = 1"),
        True,
    ),
    "only what it passes on": (
        {
            "a": "from shop.room import f as g\ndef f(): return g()\n",
            "room.__init__": "from shop.b import f, g\n",
            "b": B,
        },
        ("b", "Y = 2"),
        False,
    ),
    "a class above": ({"a": "from shop.b import g\nclass f(g): pass\n", "b": B}, ("b", "Y = 2"), True),
    "a default": ({"a": "from shop.b import X\ndef f(x=X): pass\n", "b": B}, ("b", "X = 1"), True),
    "annotations that are read": ({"a": "from shop.b import X\ndef f(x: X): pass\n", "b": B}, ("b", "X = 1"), True),
    "annotations that nobody reads": (
        {"a": f"{FUTURE}from shop.b import X\ndef f(x: X) -> X:\n    y: X = 1\n", "b": B},
        ("b", "X = 1"),
        False,
    ),
    "annotations that a decorator may read": (
        {"a": f"{FUTURE}import check\nfrom shop.b import X\n@check.calls\ndef f(x: X): pass\n", "b": B},
        ("b", "X = 1"),
        True,
    ),
    "annotations of fields": (
        {"a": f"{FUTURE}from shop.b import X\nclass f:\n    x: X\n", "b": B},
        ("b", "X = 1"),
        True,
    ),
    "a local name like another": (
        {"a": "from shop.b import X, Y\ndef f(Y):\n    return [X for X in Y]\n", "b": B},
        ("b", "X = 1"),
        False,
    ),
    "the name after a comprehension": (
        {"a": "from shop.b import X\ndef f():\n    return [X for X in (1,)], X\n", "b": B},
        ("b", "X = 1"),
        True,
    ),
    "the global name behind a local one": (
        {"a": "from shop.b import X\ndef f():\n    X = 1\n    def g():\n        global X\n        return X\n", "b": B},
        ("b", "X = 1"),
        True,
    ),
    "a loose statement of the module": ({"a": "import cv\ncv.threads(0)\ndef f(): pass\n"}, ("a", "threads(0)"), True),
    "a constant in it": ({"a": "import cv\nN = 1\ncv.threads(N)\ndef f(): pass\n"}, ("a", "N = 1"), True),
    "one of a room around": (
        {"room.a": "def f(): pass\n", "room.__init__": "import cv\ncv.threads(0)\n"},
        ("room.__init__", "0"),
        True,
    ),
    "one of an imported module": (
        {"a": "from shop.b import X\ndef f(): pass\n", "b": "import cv\nX = 1\ncv.threads(0)\n"},
        ("b", "threads(0)"),
        True,
    ),
    "one of a module that a function imports": (
        {"a": "def f():\n    import shop.b\n", "b": "import cv\nX = 1\ncv.threads(0)\n"},
        ("b", "threads(0)"),
        True,
    ),
    "one of a module for type checkers": (
        {
            "a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import shop.b\ndef f(): pass\n",
            "b": "x.y = 0\n",
        },
        ("b", "0"),
        False,
    ),
    "an item that is set": ({"a": "T = {}\nT['x'] = 1\nT['y'] = 1\ndef f(): pass\n"}, ("a", "['x'] = 1"), True),
    "a name that is bound twice": ({"a": "X = 1\nX += 2\ndef f(): return X\n"}, ("a", "X = 1"), True),
    "one of two ways": (
        {"a": "try:\n    import x\nexcept ImportError:\n    x = 1\ndef f(): return x\n"},
        ("a", "= 1"),
        True,
    ),
    "a definition that is made twice": ({"a": "def f(): return 1\ndef f(): return 2\n"}, ("a", "return 1"), True),
    "names from one value": ({"a": "X, Y = make(1)\ndef f(): return Y\n"}, ("a", "make(1)"), True),
    "names from other values": ({"a": "X, Y = make(1), 2\ndef f(): return Y\n"}, ("a", "make(1)"), False),
    "what is registered": (
        {
            "a": "from shop.b import T\ndef f(): return T\n",
            "b": "T = []\ndef add(x): T.append(x)\n@add\ndef g(): return 1\n",
        },
        ("b", "return 1"),
        True,
    ),
    "what is registered elsewhere": (
        {
            "a": "import shop.c\ndef f(): pass\n",
            "b": "def add(x): pass\n",
            "c": "from shop import b\n@b.add\ndef g(): return 1\n",
        },
        ("c", "return 1"),
        True,
    ),
    "what is only declared": (
        {
            "a": "import shop.c\ndef f(): pass\n",
            "c": "from shop.list import table\n@table('x', 1)\ndef g(): return 1\n",
        },
        ("c", "return 1"),
        False,
    ),
    "how it is declared": (
        {"a": "from shop.list import table\n@table('x', 1)\ndef f(): pass\n"},
        ("a", "'x', 1"),
        False,
    ),
    "what is decorated by others": (
        {"a": "import x\n@x.y\ndef g(): return 1\ndef f(): pass\n"},
        ("a", "return 1"),
        False,
    ),
    "all names at once": ({"a": "def g(): return 1\ndef f(): return globals()\n"}, ("a", "return 1"), True),
    "a module by name": ({"a": "def f(): return load('shop.b')\n", "b": B}, ("b", "Y = 2"), True),
    "a definition by name": ({"a": "def f(): return load('shop.b:f')\n", "b": B}, ("b", "X = 1"), True),
    "only that one": ({"a": "def f(): return load('shop.b:f')\n", "b": B}, ("b", "Y = 2"), False),
    "a name that is put together": (
        {"a": "def f(x): return load(f'shop.room.{x}')\n", "room.b": B},
        ("room.b", "Y = 2"),
        True,
    ),
    "a name in a docstring": ({"a": "def f():\n    'shop.b'\n", "b": B}, ("b", "X = 1"), False),
    "what is told": (
        {"a": "from shop.talk import say\ndef f(): say(1)\n", "talk": "def say(x): pass\n"},
        ("talk", "pass"),
        False,
    ),
    "one thing that is told": (
        {"a": "from shop.chat import say\ndef f(): say(1)\n", "chat": "X = 1\ndef say(x): return X\n"},
        ("chat", "X = 1"),
        False,
    ),
    "another that is not": (
        {"a": "from shop.chat import X\ndef f(): return X\n", "chat": "X = 1\ndef say(x): return X\n"},
        ("chat", "X = 1"),
        True,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_references_are_followed_to_definitions(
    tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setattr(source, "DECLARATIONS", ("shop.list.table",))
    files, (module, text), counts = CASES[case]
    root = "shop.room.a:f" if "room.a" in files else "shop.a:f"
    before = digest(package(tmp_path / "before", files), root)
    assert files[module].count(text) == 1
    changed = files[module].replace(text, re.sub(r"\d+|pass|'x'", "77", text, count=1))
    assert changed != files[module]
    assert (digest(package(tmp_path / "after", files | {module: changed}), root) != before) == counts


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\f\x00\x0b\x1c\x1d\x1e\x85\u2028\u2029"), max_size=40)
)
def test_any_comment_is_without_meaning(comment: str) -> None:
    bare = parse_source(ast.parse("def f():\n    x = 1\n"), "shop")
    assert parse_source(ast.parse(f"# {comment}\n\ndef f():  # {comment}\n    x = (1)\n"), "shop") == bare


def test_the_closure_of_a_verb_has_what_it_uses_and_nothing_else() -> None:
    closure = our_code().closure(*VERBS["split_photos"].code)
    assert {"uncover.data.splits:split_by_photo", "uncover.commands.data_sets:run_split_photos"} <= set(closure)
    others = ("uncover.data.parts", "uncover.console", "uncover.errors", "uncover.commands.data_sets:run_read_faces")
    assert not [part for part in closure if part.startswith(others)]


@pytest.mark.parametrize("verb", ["read_faces", "split_photos", "make_synthetic", "label_frames"])
def test_verbs_without_part_boxes_do_not_depend_on_them(verb: str) -> None:
    assert "uncover.data.parts:corrected_boxes" not in our_code().closure(*VERBS[verb].code)


def test_every_verb_has_a_digest_of_its_own() -> None:
    assert len({code_digest(*verb.code) for verb in VERBS.values()}) == len(VERBS)


@pytest.mark.parametrize("name", ["uncover.nowhere", "uncover.data.parts:NOTHING", "elsewhere"])
def test_what_does_not_exist_is_an_error(name: str) -> None:
    with pytest.raises(ImportError, match=name.rpartition(":")[2]):
        code_digest(name)


def test_modules_that_do_not_count_exist() -> None:
    assert [name for name in TALK if our_code().closure(name)] == []


def test_the_package_has_nothing_that_digests_cannot_follow() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py") if path.parent.name != "workflow"}
    assert [path for path, text in texts.items() if "__init_subclass__" in text or "sys.modules[" in text] == []
