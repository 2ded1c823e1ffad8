"""What the documents say about the code is true of it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = sorted([*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "deploy" / "README.md"])


def text(path):
    return path.read_text("utf-8")


def named(path):
    """The tests that a document names, as (file, test)."""
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text(path))


def functions(path):
    return {node.name for node in ast.walk(ast.parse(text(path))) if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_the_tests_that_hold_it_and_they_exist():
    path = ROOT / "docs" / "guarantees.md"
    assert named(path)
    missing = [f"{file}::{test}" for file, test in named(path) if test not in functions(ROOT / file)]
    assert missing == []
    promises = [line for line in text(path).splitlines() if line.startswith("| ") and "promise | number" not in line]
    assert [line for line in promises if "::test_" not in line] == []


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_a_link_within_the_repository_leads_somewhere(path):
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text(path)) if "://" not in link]
    assert [link for link in links if link and not (path.parent / link).exists()] == []


def test_the_pictures_of_messages_are_all_shown_in_light_and_in_dark_and_are_small():
    pictures = {path.name: path.stat().st_size for path in (ROOT / "docs" / "pictures").iterdir()}
    shown = re.findall(r"\"pictures/([\w-]+\.png)\"", text(ROOT / "docs" / "templates.md"))
    assert sorted(shown) == sorted(pictures)
    assert {name.removesuffix("-light.png") for name in shown if name.endswith("-light.png")} == {
        name.removesuffix("-dark.png") for name in shown if name.endswith("-dark.png")
    }
    assert max(pictures.values()) < 60_000
