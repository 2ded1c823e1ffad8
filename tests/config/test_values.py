"""What stands for `${...}`, and that it stays out of every message."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.marks import parse
from bridge.config.values import MAX_FILE_BYTES, fill

ENV = {"NAME": "value", "EMPTY": "", "YAML": "{a: [1, 2]}", "HOLE": "${NAME}"}


def filled(text: str, folder, env=ENV):
    document = parse(b"key: ''", "config.yaml")
    document.value = {"key": text}
    filling = fill(document, env, folder)
    return filling.problems.get(("key",)) or document.value["key"]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${NAME}", "value"),
        ("a-${NAME}-${NAME}-b", "a-value-value-b"),
        ("${EMPTY}", ""),
        ("${EMPTY:-default}", "default"),
        ("${NONE:-default}", "default"),
        ("${NONE:-}", ""),
        ("${NONE:-a b:c-{d}", "a b:c-{d"),
        ("${NAME:-default}", "value"),
        ("$${NAME}", "${NAME}"),
        ("$$${NAME}", "$${NAME}"),
        ("$NAME $ {NAME}", "$NAME $ {NAME}"),
        ("{{ payload.x }}", "{{ payload.x }}"),
        ("${YAML}", "{a: [1, 2]}"),
        ("${HOLE}", "${NAME}"),
    ],
)
def test_holes_are_filled_once_and_as_text(text, result, tmp_path):
    assert filled(text, tmp_path) == result


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${NONE}", "the environment has no variable NONE; set it, or give it a default: ${NONE:-default}"),
        ("x ${NAME", "a ${ is not closed"),
        ("${}", "there is no variable name inside ${...}"),
        ("${a b}", "there is no variable name inside ${...}"),
        ("${NAME-x}", "there is no variable name inside ${...}"),
        ("${1X}", "there is no variable name inside ${...}"),
        ("${file:${NAME}}", "one ${...} cannot stand inside another"),
        ("${NONE:-${NAME}}", "one ${...} cannot stand inside another"),
        ("${file:gone}", "there is no file 'gone' here; make it, or correct the path"),
        ("${file:}", "there is no file '' here; make it, or correct the path"),
        ("${file:folder}", "there is no file 'folder' here; make it, or correct the path"),
        ("${file:a\0b}", "there is no file 'a\\x00b' here; make it, or correct the path"),
        ("${file:binary}", "the file 'binary' cannot be read: it is not UTF-8 text"),
        ("${file:large}", "the file 'large' is larger than 64 KiB"),
    ],
)
def test_what_cannot_be_filled_is_an_error_and_never_text(text, problem, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "large").write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    assert filled(text, tmp_path).startswith(problem)


@pytest.mark.parametrize(
    ("content", "result"),
    [
        (b"s3cret\n", "s3cret"),
        (b"s3cret", "s3cret"),
        (b"s3cret\n\n", "s3cret\n"),
        (b"s3cret\r\n", "s3cret"),
        (b" a ", " a "),
    ],
)
def test_a_file_is_taken_without_its_last_newline(content, result, tmp_path):
    (tmp_path / "secret").write_bytes(content)
    assert filled("${file:secret}", tmp_path) == result
    assert filled(f"${{file:{tmp_path}/secret}}", tmp_path) == result


def test_only_values_are_filled_and_everywhere(tmp_path):
    document = parse(b"'${NAME}': ['${NAME}', {a: '${NAME}', b: 1}]", "f")
    filling = fill(document, ENV, tmp_path)
    assert document.value == {"${NAME}": ["value", {"a": "value", "b": 1}]}
    assert filling.variables == {("${NAME}", 0): ["NAME"], ("${NAME}", 1, "a"): ["NAME"]}


def test_what_was_filled_in_is_hidden_from_messages(tmp_path):
    document = parse(b"['a${NAME}b', '${SHORT}', '${LONGER}']", "f")
    filling = fill(document, {"NAME": "value", "SHORT": "abc", "LONGER": "value-and-more"}, tmp_path)
    assert filling.hide("no value-and-more, no value, abc") == "no …, no …, abc"


@given(st.text(alphabet="${}:-file/NAME", max_size=40))
def test_any_text_is_filled_or_refused(text):
    document = parse(b"x", "f")
    document.value = text
    filling = fill(document, ENV, folder=Path("/nowhere"))
    assert isinstance(document.value, str)
    assert filling.problems == {} or document.value == text
