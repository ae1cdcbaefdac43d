"""Digests of code: what counts and what does not."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.cli import command_names
from uncover.workflow.digest import code_digest, import_closure
from uncover.workflow.source import canonical

SOURCE = '''
"""Module."""
import os


def add(a: int, b: int = 2) -> int:
    """Add."""
    return a + b


class Thing:
    """A thing."""

    size = 3
'''


def meaning(source: str) -> str:
    return canonical(ast.parse(source))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Add."""', '"""Add two numbers."""'),
        ('    """Add."""\n', ""),
        ('"""Module."""', "# no docstring"),
        ('    """A thing."""\n', ""),
        ("return a + b", "return (a\n            + b)  # sum"),
        ("import os\n", "import os\n\n\n\n"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(old: str, new: str) -> None:
    assert old in SOURCE
    assert meaning(SOURCE.replace(old, new)) == meaning(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [("a + b", "a - b"), ("= 2", "= 3"), ("size = 3", "size = '3'"), ("import os", "import sys"), ("a: int", "a: str")],
)
def test_names_values_and_operators_count(old: str, new: str) -> None:
    assert meaning(SOURCE.replace(old, new, 1)) != meaning(SOURCE)


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\f\x00\x0b\x1c\x1d\x1e\x85\u2028\u2029"), max_size=40)
)
def test_any_comment_is_without_meaning(comment: str) -> None:
    assert meaning(f"x = 1  # {comment}\n") == meaning("x = 1\n")


def test_a_string_that_is_no_docstring_counts() -> None:
    assert meaning("x = 1\n'a'\n") != meaning("x = 1\n'b'\n")


def test_the_closure_follows_imports_inside_functions_and_nothing_else() -> None:
    closure = import_closure("uncover.commands.split_photos")
    assert "uncover.datasets.splits" in closure
    assert "uncover.parts.boxes" not in closure
    assert not {"uncover.console", "uncover.progress", "uncover.errors"} & set(closure)


@pytest.mark.parametrize("command", ["read_faces", "split_photos", "make_standin", "label_frames", "table_01"])
def test_rules_without_part_boxes_do_not_depend_on_them(command: str) -> None:
    assert "uncover.parts.boxes" not in import_closure(f"uncover.commands.{command}")


@pytest.mark.parametrize("command", command_names())
def test_every_command_has_a_digest_of_its_own(command: str) -> None:
    others = {code_digest(f"uncover.commands.{other}") for other in command_names() if other != command}
    assert code_digest(f"uncover.commands.{command}") not in others


def test_a_module_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"uncover\.nowhere"):
        code_digest("uncover.nowhere")
