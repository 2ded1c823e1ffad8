"""YAML with places: what a scalar means, where everything stands, and that no file can do harm."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import marks
from bridge.config.marks import Place, parse
from bridge.errors import ConfigError


def value(text: str):
    document = parse(text.encode(), "config.yaml")
    assert document.problems == []
    return document.value


def problems(text: str | bytes) -> list[str]:
    """What is wrong with the file, fatal or not."""
    try:
        document = parse(text if isinstance(text, bytes) else text.encode(), "config.yaml")
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return [str(problem) for problem in document.problems]


@pytest.mark.parametrize(
    ("scalar", "meaning"),
    [
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("+7", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
        ("012", 12),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("tRUE", "tRUE"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("2025-01-31", "2025-01-31"),
        ("2025-01-31T12:00:00Z", "2025-01-31T12:00:00Z"),
        ("0b11", "0b11"),
        ("=", "="),
        ("'true'", "true"),
        ('"12"', "12"),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("9" * 401, "9" * 401),
    ],
)
def test_scalars_mean_what_the_core_schema_of_yaml_1_2_says(scalar, meaning):
    found = value(f"key: {scalar}\n")["key"]
    assert found == meaning
    assert isinstance(found, type(meaning))


def test_not_a_number_is_a_float():
    assert math.isnan(value("key: .nan")["key"])


def test_keys_are_text_as_they_are_written():
    assert value("{012: a, true: b, ~: c}") == {"012": "a", "true": "b", "~": "c"}


def test_every_key_and_value_has_its_line_and_column():
    document = parse(b"sources:\n  qa: {vendor: autosana}\nroutes:\n  - to: [a, b]\n", "config.yaml")
    assert document.keys == {
        ("sources",): Place(1, 1),
        ("sources", "qa"): Place(2, 3),
        ("sources", "qa", "vendor"): Place(2, 8),
        ("routes",): Place(3, 1),
        ("routes", 0, "to"): Place(4, 5),
    }
    assert document.values[("sources", "qa", "vendor")] == Place(2, 16)
    assert document.values[("routes", 0)] == Place(4, 5)
    assert document.values[("routes", 0, "to", 1)] == Place(4, 13)


def test_columns_count_characters_and_not_bytes():
    assert parse("{é: 1, ü: 2}".encode(), "f").keys[("ü",)] == Place(1, 8)


def test_a_byte_order_mark_is_not_part_of_the_first_key():
    document = parse(b"\xef\xbb\xbfa: 1", "f")
    assert document.value == {"a": 1}
    assert document.keys[("a",)] == Place(1, 1)


def test_how_a_scalar_was_written_is_kept_where_it_means_something_else():
    assert parse(b"{a: 0123, b: True, c: text, d: '1'}", "f").written == {("a",): "0123", ("b",): "True"}


def test_an_alias_repeats_what_its_anchor_holds_and_keeps_its_place():
    document = parse(b"a: &x {k: 1}\nb: *x\n", "f")
    assert document.value == {"a": {"k": 1}, "b": {"k": 1}}
    assert document.keys[("b", "k")] == Place(1, 8)


def test_an_empty_file_holds_nothing():
    assert [value(text) for text in ("", "# only a comment\n", "---\n")] == [None, None, None]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "config.yaml:3:1: the key 'a' is here twice; it is on line 1 already"),
        ("a: {b: 1, b: 2}", "config.yaml:1:11: the key 'b' is here twice; it is on line 1 already"),
        ("[a]: 1", "config.yaml:1:1: a key must be plain text, not a list or a mapping"),
        ("{{a: 1}: 1}", "config.yaml:1:2: a key must be plain text, not a list or a mapping"),
        ("b: &b {}\na:\n  <<: *b", "config.yaml:3:3: merge keys ('<<') are not part of YAML 1.2; write the keys out"),
        ("a: !secret x", "config.yaml:1:4: tags ('!...') have no meaning here; if this is text, put quotes around it"),
        ("a: !!python/none x", "config.yaml:1:4: tags ('!...') have no meaning here; if this is text, put quotes"),
        ("a: *b", "config.yaml:1:4: '*' refers to an anchor that is not complete before this line; if this is text"),
        ("a: &a [*a]", "config.yaml:1:8: '*' refers to an anchor that is not complete before this line"),
        ("a: 1\n---\nb: 2", "config.yaml:2:1: a second document starts here; the file must hold only one"),
        ("a: [1\n", "config.yaml:2:1: is not valid YAML"),
        ("a: b: c", "config.yaml:1:5: is not valid YAML"),
        ("a: 1\n\tb: 2", "config.yaml:2:1: is not valid YAML"),
        ("a: 1\nb: \x07", "config.yaml:2:4: there is a control character here; YAML allows none"),
        (b"a: 1\nb: \xff", "config.yaml:2:4: is not UTF-8 from here on; save the file as UTF-8"),
        ("[" * 42 + "]" * 42, "config.yaml:1:42: is nested more than 40 levels deep"),
        ("#" * (marks.MAX_BYTES + 1), "config.yaml: is larger than 1024 KiB"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, problem):
    [found] = problems(text)
    assert found.startswith(problem)


def test_what_can_be_stepped_over_is_reported_together():
    assert len(problems("a: 1\na: 2\nb: !x 1\n<<: {}\n")) == 3


def test_the_first_of_two_equal_keys_counts():
    assert parse(b"{a: 1, a: 2}", "f").value == {"a": 1}


def test_aliases_cannot_grow_without_end():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    [found] = problems("\n".join(lines))
    assert "once its aliases are followed" in found


@pytest.mark.parametrize(
    "text",
    [
        "secret: *hunter2secret",
        "secret: !hunter2secret",
        "secret: &hunter2secret",
        "secret: @hunter2secret",
        "secret: !hunter2!secret x",
        "{secret:hunter2secret: 1, secret:hunter2secret: 1}",
        "secret: 'hunter2secret",
        'secret: "hunter2secret\\q"',
        "secret: %hunter2secret\n %hunter2secret",
        "secret: {hunter2secret",
        "secret: hunter2secret: x",
        "secret: `hunter2secret",
        "? secret\nhunter2secret",
        "%hunter2secret 1\n---\na: 1",
        "%TAG hunter2secret hunter2secret\n---\na: 1",
    ],
)
def test_an_unquoted_secret_is_not_shown(text):
    assert "hunter2" not in "\n".join(problems(text))


@given(st.one_of(st.binary(), st.text().map(lambda text: text.encode(errors="surrogatepass"))))
def test_any_bytes_are_read_or_refused_with_places(data):
    assert all(found.startswith("config.yaml") for found in problems(data))


@given(st.text(alphabet="[]{}:,-?&*!|>'\"%@#\n\t 0a~<", max_size=60))
def test_any_mixture_of_yaml_signs_is_read_or_refused_with_places(text):
    try:
        document = parse(text.encode(), "config.yaml")
    except ConfigError as error:
        places = [(problem.line, problem.column) for problem in error.problems]
    else:
        places = [*document.keys.values(), *document.values.values()]
    assert all(line >= 1 and column >= 1 for line, column in places)
