"""What a template file may look like, what becomes of it, and how it is refused."""

import pytest

from bridge.errors import RenderError
from bridge.render.files import File, Partials
from bridge.render.slots import JSON, MRKDWN
from bridge.render.templates import compile_template
from tests.render.making import result


def compiled(text):
    return compile_template("http/mine", File("mine.yaml", text), Partials(), lambda _path, _beside: JSON)


def filled(text, **names):
    made = result()
    return compiled(text).fill({"result": made, "payload": {}, "style": "bar", "route": None, **names})


def body(text, payload=None):
    return filled(f"a: {text}", payload=payload or {})


@pytest.mark.parametrize(
    ("leaf", "value"),
    [
        ("'{{ payload.n }}'", 3),
        ("'{{ payload.n }} of 4'", "3 of 4"),
        ("'{{ payload.on }}'", True),
        ("'{{ payload.list }}'", [1, {"x": None}]),
        ("'  {{ payload.text }}  '", "a "),
        ("'{{ payload.text }}'", "a "),
        ("{{ payload.n }}", None),
        ("3", 3),
        ("1.5", 1.5),
        ("true", True),
        ("on", "on"),
        ("yes", "yes"),
        ("0123", 123),
        ("12:30:45", "12:30:45"),
        ("2026-03-14", "2026-03-14"),
        ("'3'", "3"),
        ("'#{{ payload.n }}'", "#3"),
    ],
)
def test_a_leaf_that_is_one_expression_keeps_its_type(leaf, value):
    payload = {"n": 3, "on": True, "list": [1, {"x": None}], "text": "a "}
    if value is None:
        with pytest.raises(RenderError, match="put quotes around a value that begins"):
            body(leaf, payload)
    else:
        assert body(leaf, payload) == {"a": value}


def test_null_takes_its_key_or_entry_away():
    text = "a: null\nb: ~\nc: '{{ payload.no }}'\nd: [1, null, '{{ none }}', 2]\ne: {x: null}\nf: '{{ '''' }}'"
    assert filled(text) == {"d": [1, 2], "e": {}, "f": ""}


def test_if_keeps_an_entry_or_takes_it_away():
    text = """
    list:
      - {if: style == 'bar', name: bar}
      - {if: style == 'blocks', name: blocks}
      - if: payload.missing
        name: nothing
    mapping: {if: style == 'blocks', name: gone}
    """
    assert filled(text) == {"list": [{"name": "bar"}]}


def test_for_makes_an_entry_of_each_element():
    text = """
    list:
      - for: one in payload.tests
        if: one.bad
        name: "{{ one.name }}"
        deep: [{for: x in one.lines, n: "{{ x }}"}]
    """
    tests = [{"name": "a", "bad": True, "lines": [1, 2]}, {"name": "b"}, {"name": "c", "bad": 1}]
    expected = [{"name": "a", "deep": [{"n": 1}, {"n": 2}]}, {"name": "c", "deep": []}]
    assert filled(text, payload={"tests": tests}) == {"list": expected}
    assert filled(text, payload={}) == {"list": []}


def test_entries_stand_in_the_place_of_their_entry():
    text = """
    list:
      - first
      - if: style == 'bar'
        entries: &both [a, "{{ payload.n }}"]
      - for: x in payload.tests
        entries: ["{{ x }}", divider]
      - {if: style == 'blocks', entries: *both}
    """
    assert filled(text, payload={"n": 1, "tests": [7, 8]}) == {"list": ["first", "a", 1, 7, "divider", 8, "divider"]}


def test_a_dollar_writes_the_keys_literally():
    text = "list: [{$if: x, $for: y, $entries: z}]\n$if: 1\nentries: kept"
    assert filled(text) == {"list": [{"if": "x", "for": "y", "entries": "z"}], "if": 1, "entries": "kept"}


def test_no_value_can_change_the_shape():
    hostile = '"}, {"x": 1}\n- a: b\n{{ 7*7 }} {% if %} ${HOME}'
    assert body("'{{ payload.x }}'", {"x": hostile}) == {"a": hostile}
    assert body("'<{{ payload.x }}>'", {"x": hostile}) == {"a": f"<{hostile}>"}


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("a: 1\nb: '{{ result.titel }}'", "mine.yaml:2:4", "did you mean 'title'?"),
        ("a: '{{ resutl }}'", "mine.yaml:1:4", "did you mean 'result'?"),
        ("a: '{{ x '", "mine.yaml:1:4", "unexpected end of template"),
        ("a: '{% for x in y %}'", "mine.yaml:1:4", "Unexpected end of template"),
        ("a: {{ result.title }}", "mine.yaml:1:5", "put quotes"),
        ("a: 1\na: 2", "mine.yaml:2:1", "the key 'a' is here twice"),
        ("a: [1", "mine.yaml:", "is not YAML"),
        ("- a", "mine.yaml", "must be a mapping"),
        ("", "mine.yaml", "is empty"),
        ("a: [{for: nonsense, b: 1}]", "mine.yaml:1:11", "for: must read like"),
        ("a: [{for: x in, b: 1}]", "mine.yaml:1:11", "for: must read like"),
        ("a: [{for: x in result.itemz, b: 1}]", "mine.yaml:1:11", "did you mean 'items'?"),
        ("a: [{if: [1], b: 1}]", "mine.yaml:1:10", "if: must be a condition"),
        ("a: {for: x in payload, b: 1}", "mine.yaml:1:10", "belongs to an entry of a list"),
        ("a: [{if: true, entries: 3}]", "mine.yaml:1:25", "entries: must be a list"),
        ("a: &x [*x]", "mine.yaml:1:", "too large"),
        ("a: " + "[" * 300 + "]" * 300, "mine.yaml", "too large"),
    ],
)
def test_a_file_that_cannot_work_is_refused_with_its_place(text, place, said):
    with pytest.raises(RenderError) as error:
        compiled(text)
    assert error.value.where.startswith(place)
    assert said in error.value.detail


def test_aliases_that_multiply_are_refused():
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9))
    with pytest.raises(RenderError, match="too large"):
        compiled(f"l0: &l0 [x]\n{levels}")


@pytest.mark.parametrize(
    ("text", "payload", "said"),
    [
        ("a: [{for: x in payload.many, b: 1}]", {"many": [0] * 1001}, "at most 1000 entries, not 1001"),
        ("a: [{for: x in payload.text, b: 1}]", {"text": "abc"}, "needs a list, not str"),
        ("a: '{{ payload.n + 1 }}'", {"n": "x"}, "TypeError"),
        ("a: [{for: x in payload.many, b: [{for: y in payload.many, c: 1}]}]", {"many": [0] * 1000}, "20000 parts"),
        ("a: [{for: x in payload.many, b: '{{ payload.text }}'}]", {"many": [0] * 999, "text": "x" * 999}, "262144"),
    ],
)
def test_a_template_that_fails_on_its_data_says_where(text, payload, said):
    with pytest.raises(RenderError) as error:
        filled(text, payload=payload)
    assert error.value.where.startswith("mine.yaml")
    assert said in error.value.detail


def test_a_leaf_knows_where_it_stands():
    seen = []

    def slot_of(path, beside):
        seen.append((path, beside.get("type")))
        return MRKDWN

    file = File("mine.yaml", "a: [{b: {type: mrkdwn, text: '{{ payload }}'}}]")
    compile_template("slack/mine", file, Partials(), slot_of)
    assert seen == [(("a", "b", "text"), "mrkdwn")]
