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
