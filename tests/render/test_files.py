"""Where templates lie: which files count, what a paste from a builder needs, and what templates share."""

import json

import pytest

from bridge.render import Renderer
from tests.render.making import failing, problems, result, view


def wrote(folder, **files):
    """A renderer over these files, named as `slack__partials__foot.yaml` with `__` for `/`."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Renderer(folder)


def text_of(own, target_type="slack", made=None):
    message = own.render(target_type, "mine", view(made))
    assert message.falls == ()
    return message.body


BLOCK_KIT = {
    "blocks": [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": "{{ result.title }} \N{PARTY POPPER}", "emoji": True},
        },
        {"type": "divider"},
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "*{{ result|verdict }}*\nsee <https://example.com|the docs>"},
            "accessory": {
                "type": "button",
                "text": {"type": "plain_text", "text": "Open", "emoji": True},
                "url": "{{ result.url }}",
                "action_id": "button-action",
            },
        },
    ]
}
DISCOHOOK = {
    "content": None,
    "embeds": [{"title": "{{ result|headline }}", "url": "{{ result.url }}", "color": 5814783, "fields": []}],
    "username": "CI",
    "attachments": [],
}


@pytest.mark.parametrize("indent", [None, 2, "\t"])
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize(("target_type", "pasted"), [("slack", BLOCK_KIT), ("discord", DISCOHOOK)])
def test_a_paste_from_a_builder_is_a_template(target_type, pasted, indent, ascii_only, tmp_path):
    text = json.dumps(pasted, indent=indent, ensure_ascii=ascii_only)
    own = wrote(tmp_path, **{f"{target_type}__mine_DOT_json": text})
    message = own.render(target_type, "mine", view())
    assert message.falls == ()
    assert problems(target_type, message) == []
    assert "My App (android)" in str(message.body)
    assert target_type == "discord" or "🎉" in str(message.body)


@pytest.mark.parametrize("ending", ["yaml", "yml", "json"])
def test_json_is_yaml_whatever_the_file_is_called(ending, tmp_path):
    own = wrote(tmp_path, **{f"slack__mine_DOT_{ending}": '{"text": "mine {{ result.title }}"}'})
    assert text_of(own)["text"] == "mine My App (android)"


def test_two_files_of_one_name_are_a_problem(tmp_path):
    own = wrote(tmp_path, slack__mine_DOT_json='{"text": "a"}', slack__mine_DOT_yaml="text: b")
    (problem,) = own.problems
    assert problem.where.endswith("slack/mine.yaml")
    assert "mine.json has the same name; rename one" in problem.detail


def test_a_text_partial_stands_in_a_leaf_and_is_escaped_as_the_leaf_is(tmp_path):
    own = wrote(
        tmp_path,
        partials__who_DOT_jinja="{# who ran it #}{{ link(result.url, result.title) }} on {{ one }}\n",
        slack__mine_DOT_yaml="text: \"{% for one in ['a', '<b>'] %}{% include 'who' %}; {% endfor %}\"",
        discord__mine_DOT_yaml="content: \"{% set one = '*c*' %}{% include 'who' %}\"",
    )
    link = "<https://example.com/runs/1|My App (android)>"
    assert text_of(own)["text"] == f"{link} on a; {link} on &lt;b&gt;;"
    assert text_of(own, "discord")["content"] == r"[My App (android)](https://example.com/runs/1) on \*c\*"


def test_a_block_partial_stands_for_its_entries(tmp_path):
    own = wrote(
        tmp_path,
        slack__partials__foot_DOT_yaml=(
            "- {type: divider}\n- {type: context, elements: [{type: mrkdwn, text: '{{ n }}'}]}"
        ),
        slack__partials__rule_DOT_yaml="type: divider",
        slack__mine_DOT_yaml=(
            "text: t\nblocks:\n- {include: rule}\n- {for: 'n in [1, 2]', include: foot}\n- {if: false, include: rule}"
        ),
    )
    assert [block["type"] for block in text_of(own)["blocks"]] == ["divider", *["divider", "context"] * 2]


def test_built_in_partials_lie_behind_ones_own(tmp_path):
    own = wrote(tmp_path, slack__mine_DOT_yaml="text: \"{% include 'failures' %}\"")
    assert "button 0 not found" in text_of(own, made=failing(2))["text"]
    own = wrote(tmp_path, partials__failures_DOT_jinja="{{ result|failing|length }} failed")
    assert text_of(own, made=failing(2))["text"] == "2 failed"
    assert "button 0 not found" in str(own.render("slack", None, view(failing(2))).body)


@pytest.mark.parametrize(
    ("files", "place", "said"),
    [
        ({"slack__mine_DOT_yaml": "text: \"{% include 'foot' %}\""}, "slack/mine.yaml:1:7", "no partials/foot.jinja"),
        (
            {"slack__mine_DOT_yaml": "text: \"{% include 'foo' %}\"", "partials__foot_DOT_jinja": "x"},
            "slack/mine.yaml:1:7",
            "did you mean 'foot'?",
        ),
        (
            {"slack__mine_DOT_yaml": "text: \"{% include 'foot' %}\"", "partials__foot_DOT_jinja": "a\n{{ x"},
            "partials/foot.jinja:2:1",
            "end of template",
        ),
        (
            {"slack__mine_DOT_yaml": "text: \"{% include 'a' %}\"", "partials__a_DOT_jinja": "{% include 'a' %}"},
            "slack/mine.yaml:1:7",
            "without end",
        ),
        ({"slack__mine_DOT_yaml": "blocks: [{include: x}]"}, "slack/mine.yaml:1:20", "no partials/x.yaml beside"),
        (
            {"slack__mine_DOT_yaml": "blocks: [{include: x}]", "slack__partials__x_DOT_yaml": "a: 1\nb: '{{ resul }}'"},
            "slack/partials/x.yaml:2:4",
            "did you mean 'result'?",
        ),
        (
            {"slack__mine_DOT_yaml": "blocks: [{include: x}]", "slack__partials__x_DOT_yaml": "- {include: x}"},
            "slack/partials/x.yaml:1:",
            "too large",
        ),
        (
            {"slack__mine_DOT_yaml": "blocks: [{include: x}]", "slack__partials__x_DOT_yaml": "a: ["},
            "slack/partials/x.yaml",
            "is not YAML",
        ),
    ],
)
def test_what_cannot_be_taken_in_is_refused_with_file_and_line(files, place, said, tmp_path):
    (problem,) = wrote(tmp_path, **files).problems
    assert problem.where.removeprefix(f"{tmp_path}/").startswith(place)
    assert said in problem.detail


def test_an_error_inside_a_block_partial_names_the_partials_line(tmp_path):
    own = wrote(
        tmp_path,
        slack__partials__x_DOT_yaml="type: context\nelements:\n- {type: mrkdwn, text: '{{ 1 / 0 }}'}",
        slack__mine_DOT_yaml="text: t\nblocks: [{include: x}]",
    )
    (fall,) = own.render("slack", "mine", view(result())).falls
    assert "slack/partials/x.yaml:3:24: ZeroDivisionError" in fall


# ---------------------------------------------------------------------------------------------- one over another


def test_a_template_may_be_the_built_in_one_with_other_words_in_some_places(tmp_path):
    own = wrote(
        tmp_path,
        slack__mine_DOT_yaml=(
            "extends: default\ntext: 'mine {{ result.title }}'\n"
            "parts:\n  footer: \"{% include 'footer' %} · ask #qa\"\n  changed: ''"
        ),
    )
    builtin, mine = (own.render("slack", name, view(failing(2))).body for name in (None, "mine"))
    assert mine["text"] == "mine My App (android)"
    *rest, footer = mine["attachments"][0]["blocks"]
    *as_built_in, other = builtin["attachments"][0]["blocks"]
    assert rest == as_built_in
    assert footer["elements"][0]["text"] == f"{other['elements'][0]['text']} · ask #qa"


def test_keys_take_the_place_of_those_below_mappings_are_merged_and_null_takes_away(tmp_path):
    own = wrote(
        tmp_path,
        http__base_DOT_yaml="content_type: a/b\nbody: {a: 1, b: {c: 2, d: 3}, e: [1, 2]}",
        http__mine_DOT_yaml="extends: base\nbody: {a: null, b: {c: 4, f: 5}, e: [3], g: '{{ result.title }}'}",
    )
    message = own.render("http", "mine", view())
    assert (message.body, message.content_type) == (
        {"b": {"c": 4, "d": 3, "f": 5}, "e": [3], "g": "My App (android)"},
        "a/b",
    )


def test_a_default_of_ones_own_may_be_laid_over_the_built_in_one(tmp_path):
    own = wrote(
        tmp_path,
        slack__default_DOT_yaml="extends: default\nparts: {footer: mine}",
        slack__loud_DOT_yaml="extends: default\nparts: {footer: \"{% include 'footer' %}, loud\"}",
    )
    assert "'mine'" in str(own.render("slack", None, view(failing(2))).body)
    assert "'mine, loud'" in str(own.render("slack", "loud", view(failing(2))).body)


def test_a_partial_of_ones_own_may_take_in_the_built_in_one(tmp_path):
    own = wrote(
        tmp_path,
        partials__tally_DOT_jinja="numbers: {% include 'tally' %}",
        slack__mine_DOT_yaml="text: \"{% include 'tally' %}\"",
    )
    assert text_of(own, made=failing(2))["text"] == "numbers: ❌ 2 tests failed"


@pytest.mark.parametrize(
    ("files", "place", "said"),
    [
        ({"slack__mine_DOT_yaml": "extends: defualt"}, "slack/mine.yaml:1:10", "no template 'defualt'"),
        ({"slack__mine_DOT_yaml": "extends: mine"}, "slack/mine.yaml:1:10", "extends itself in the end"),
        ({"slack__mine_DOT_yaml": "extends: [a]"}, "slack/mine.yaml:1:10", "no template ''"),
        ({"slack__mine_DOT_yaml": "text: a\nparts: {footer: x}"}, "slack/mine.yaml:2:8", "needs extends"),
        ({"slack__mine_DOT_yaml": "extends: default\nparts: footer"}, "slack/mine.yaml:2:8", "a mapping of texts"),
        ({"slack__mine_DOT_yaml": "extends: default\nparts: {footer: [x]}"}, "slack/mine.yaml:2:17", "must be a text"),
        ({"slack__mine_DOT_yaml": "extends: default\ntext: a\ntext: b"}, "slack/mine.yaml", "is here twice"),
        ({"slack__mine_DOT_yaml": "extends: default\n{{ x }}: b"}, "slack/mine.yaml:2", "a key must be text"),
        (
            {"slack__mine_DOT_yaml": "extends: default\nparts:\n  footer: |\n    a\n    {{ x"},
            "slack/mine.yaml:5:1",
            "end of template",
        ),
    ],
)
def test_what_cannot_be_laid_over_another_is_refused_with_file_and_line(files, place, said, tmp_path):
    (problem,) = wrote(tmp_path, **files).problems
    assert problem.where.removeprefix(f"{tmp_path}/").startswith(place)
    assert said in problem.detail


def test_two_that_extend_each_other_are_both_refused(tmp_path):
    own = wrote(tmp_path, slack__a_DOT_yaml="extends: b", slack__b_DOT_yaml="extends: a")
    assert ["extends itself in the end" in problem.detail for problem in own.problems] == [True, True]


def test_a_broken_file_is_not_what_another_can_be_laid_over(tmp_path):
    own = wrote(tmp_path, slack__a_DOT_yaml="extends: b", slack__b_DOT_yaml="text: [")
    assert all("slack/b.yaml" in problem.where for problem in own.problems)
