"""The ladder: the chosen template, else the built-in layout that says so, else one line. Something always arrives."""

from typing import Any

import pytest

from bridge.model import Why
from bridge.render import Renderer
from bridge.render.renderer import TargetType
from tests.render.making import ID, failing, problems, renderer, result, texts, view

TYPES: tuple[TargetType, ...] = ("slack", "discord", "http", "inbox")
BUILT_IN = Renderer()
SHIPPED = ["alarm", "default", "digest", "late", "replay", "test"]
MINE = {
    "slack": "text: 'mine {{ result.title }}'",
    "discord": "content: 'mine {{ result.title }}'",
    "http": "body: {said: 'mine {{ result.title }}'}",
    "inbox": "escape: none\nbody: 'mine {{ result.title }}'",
}
FAILS = {
    "slack": "text: ok\nblocks:\n  - {type: section, text: {type: mrkdwn, text: '{{ result.duration_ms / 0 }}'}}",
    "discord": "content: ok\nembeds:\n  - {title: '{{ result.duration_ms / 0 }}'}",
    "http": "content_type: a/b\nbody: {a: [\n  '{{ result.duration_ms / 0 }}']}",
    "inbox": "escape: none\nbody:\n  '{{ result.duration_ms / 0 }}'",
}


def shown(rendered):
    return "\n".join(texts(rendered.body))


@pytest.mark.parametrize("target_type", TYPES)
def test_the_chosen_template_is_used(target_type, tmp_path):
    rendered = renderer(tmp_path, **{f"{target_type}__mine": MINE[target_type]}).render(target_type, "mine", view())
    assert "mine My App (android)" in shown(rendered)
    assert rendered.falls == ()


@pytest.mark.parametrize("target_type", TYPES)
def test_a_default_of_ones_own_takes_the_built_in_ones_place(target_type, tmp_path):
    own = renderer(tmp_path, **{f"{target_type}__default": MINE[target_type]})
    assert "mine My App (android)" in shown(own.render(target_type, None, view()))


@pytest.mark.parametrize("target_type", TYPES)
@pytest.mark.parametrize("style", ["bar", "blocks"])
@pytest.mark.parametrize("made", [result(outcome="failed"), result(outcome="passed")], ids=["failed", "passed"])
def test_a_template_that_fails_gives_way_to_the_built_in_layout_which_says_so(target_type, style, made, tmp_path):
    own = renderer(
        tmp_path, **{f"{target_type}__mine": FAILS[target_type], f"{target_type}__default": FAILS[target_type]}
    )
    rendered = own.render(target_type, "mine", view({**made, "duration_ms": 1}, style=style))
    (fall,) = rendered.falls
    assert fall.startswith(f"template {target_type}/mine: ")
    assert f"{target_type}/mine.yaml:" in fall
    assert "ZeroDivisionError" in fall
    assert f"template {target_type}/mine" in shown(rendered).replace("\\", "")
    assert "My App (android)" in shown(rendered)
    if target_type in ("slack", "discord"):
        assert problems(target_type, rendered) == []


@pytest.mark.parametrize("target_type", TYPES)
def test_a_template_that_does_not_exist_is_a_fall_too(target_type):
    rendered = BUILT_IN.render(target_type, "mien", view())
    assert rendered.falls == (f"template {target_type}/mien: there is no such template",)
    assert "My App (android)" in shown(rendered)


@pytest.mark.parametrize("target_type", TYPES)
@pytest.mark.parametrize(
    "broken",
    [
        {"counts": "many"},
        {"history": []},
        {"items": [{"name": 3, "outcome": "failed", "path": 7}]},
        {"links": 5},
        {"time": {}},
        {"duration_ms": "soon"},
        {"vcs": None},
        {"title": None},
    ],
)
def test_a_result_that_no_template_can_read_is_still_told(target_type, broken):
    rendered = BUILT_IN.render(target_type, None, view({**result(), **broken}, mention="<@&42>"))
    assert ID in shown(rendered)
    if target_type == "discord":
        assert problems(target_type, rendered) == []


@pytest.mark.parametrize("target_type", TYPES)
@pytest.mark.parametrize("nothing", [{}, {"id": None}, {"id": "<!channel>", "title": "@everyone *x*", "counts": 3}])
def test_the_last_rung_needs_nothing(target_type, nothing):
    rendered = BUILT_IN.render(target_type, None, view(nothing))
    assert rendered.body
    assert target_type != "slack" or problems("slack", rendered) == []


def test_the_last_rung_names_the_event_and_its_verdict():
    rendered = BUILT_IN.render("slack", None, view(result(items=[{"name": "a", "path": 7, "outcome": "failed"}])))
    assert rendered.falls
    assert rendered.body["text"] == f"❌ My App (android) — FAILED · event {ID} from mobile-tests"


def test_templates_that_cannot_be_compiled_are_listed_with_their_place(tmp_path):
    (tmp_path / "slack").mkdir()
    (tmp_path / "slack" / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    own = renderer(
        tmp_path,
        slack__a="text: '{{ result.titel }}'",
        slack__b="text: ok",
        discord__c="content: '{{ x'",
        http__d="body: x",
        http__e="body: x\nescape: html",
        http__f="content_type: x",
        http__g="body: {}\nescape: json",
        http__h="body: {}\nheaders: {}",
    )
    places = [problem.where.removeprefix(str(tmp_path)) for problem in own.problems]
    assert places == [
        *("/slack/bytes.yaml", "/slack/a.yaml:1:7", "/discord/c.yaml:1:10"),
        *("/http/d.yaml:1:1", "/http/e.yaml:2:9", "/http/f.yaml:1:1", "/http/g.yaml:2:9", "/http/h.yaml:2:10"),
    ]
    assert own.names("slack") == sorted([*SHIPPED, "b"])
    assert "did you mean 'title'?" in own.problems[1].detail
    fall = own.render("slack", "a", view()).falls[0]
    assert fall.startswith("template slack/a: ")
    assert "did you mean" in fall


def test_a_folder_that_does_not_exist_has_no_templates(tmp_path):
    assert Renderer(tmp_path / "none").names("slack") == SHIPPED


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("content: ''", "the message is empty"),
        ("embeds: [{color: 3}]", "the message is empty"),
        ("embeds: words", "embeds must be a list of mappings"),
        ("content: a\nembeds: [words]", "embeds must be a list of mappings"),
        ("content: a\ntts: '{{ 10 ** 30 }}'", "TypeError"),
    ],
)
def test_a_template_that_makes_no_message_is_a_fall(text, said, tmp_path):
    (fall,) = renderer(tmp_path, discord__mine=text).render("discord", "mine", view()).falls
    assert said in fall


def test_a_template_is_filled_in_again_with_less_until_it_fits(tmp_path):
    items = "{% for item in result.items[:fit.items] %}{{ item.message|cut(fit.message) }}{{ 'x' * 400 }}{% endfor %}"
    text = f'text: a\nblocks: [{{type: section, text: {{type: mrkdwn, text: "{items}"}}}}]'
    rendered = renderer(tmp_path, slack__mine=text).render("slack", "mine", view(failing(10)))
    assert rendered.body["blocks"][0]["text"]["text"] == "x" * 2000
    assert rendered.falls == ()


def test_a_template_that_knows_no_less_is_cut(tmp_path):
    text = "text: a\nblocks: [{type: section, text: {type: mrkdwn, text: \"{{ '&' * 4000 }}\"}}]"
    rendered = renderer(tmp_path, slack__mine=text).render("slack", "mine", view())
    assert rendered.body["blocks"][0]["text"]["text"] == "&amp;" * 599 + "…"


@pytest.mark.parametrize(
    ("text", "body", "content_type"),
    [
        ("body: {a: '{{ payload.x }}'}", {"a": 'say "hi" & <bye>'}, "application/json"),
        ("body: ['{{ payload.x }}', 2]", ['say "hi" & <bye>', 2], "application/json"),
        ("body: {a: 1}\ncontent_type: application/x", {"a": 1}, "application/x"),
        ("body: 't={{ payload.x }}'\nescape: form", "t=say+%22hi%22+%26+%3Cbye%3E", "text/plain; charset=utf-8"),
        (
            'body: \'{"t": "{{ payload.x }}"}\'\nescape: json',
            '{"t": "say \\"hi\\" & <bye>"}',
            "text/plain; charset=utf-8",
        ),
        ("body: '<{{ payload.x }}>'\nescape: none\ncontent_type: a/b", '<say "hi" & <bye>>', "a/b"),
    ],
)
def test_an_http_body_is_a_tree_or_text(text, body, content_type, tmp_path):
    made = {**result(), "payload": {"x": 'say "hi" & <bye>'}}
    rendered = renderer(tmp_path, http__mine=text).render("http", "mine", view(made))
    assert (rendered.body, rendered.content_type, rendered.falls) == (body, content_type, ())


def test_rendering_changes_nothing_of_the_result():
    made = failing(3)
    before = repr(made)
    for target_type in TYPES:
        BUILT_IN.render(target_type, None, view(made, why="test"))
    assert repr(made) == before


@pytest.mark.parametrize(
    ("target_type", "template", "place"),
    [
        ("slack", "text: mine", lambda body: body["text"]),
        ("slack", "text: mine\nblocks: [{type: divider}]", lambda body: body["blocks"][0]["elements"][0]["text"]),
        ("discord", "content: mine", lambda body: body["content"]),
        ("discord", "embeds: [{title: mine}]", lambda body: body["content"]),
    ],
)
@pytest.mark.parametrize(("why", "mark"), [(Why.TEST, "TEST"), (Why.REPLAY, "REPLAY"), (Why.NEW, None)])
def test_a_template_of_ones_own_cannot_leave_out_that_it_is_a_test_or_a_replay(
    target_type, template, place, why, mark, tmp_path
):
    message = renderer(tmp_path, **{f"{target_type}__mine": template}).render(target_type, "mine", view(why=why))
    assert problems(target_type, message) == []
    if mark:
        assert place(message.body).startswith(mark)
    else:
        assert "TEST" not in shown(message)


OCCASIONS: dict[str, dict[str, Any]] = {
    "late": {"late_by": 720_000_000},
    "test": {"why": Why.TEST},
    "replay": {"why": Why.REPLAY},
}
SAID = {
    "late": "Sent 12 m late",
    "test": "This is a test: nothing happened",
    "replay": "Sent again on request; it came ",
}


@pytest.mark.parametrize("target_type", ["slack", "discord", "inbox"])
@pytest.mark.parametrize("occasion", OCCASIONS)
def test_what_is_late_a_test_or_a_replay_says_so_in_its_headline_and_in_a_line(target_type, occasion):
    for style in ("bar", "blocks"):
        text = shown(BUILT_IN.render(target_type, None, view(style=style, **OCCASIONS[occasion])))
        assert f"{occasion.upper()} · ❌ My App (android) — FAILED" in text
        assert SAID[occasion] in text


@pytest.mark.parametrize("target_type", TYPES)
@pytest.mark.parametrize("occasion", OCCASIONS)
def test_an_occasion_may_have_a_template_of_ones_own(target_type, occasion, tmp_path):
    own = renderer(tmp_path, **{f"{target_type}__{occasion}": MINE[target_type]})
    assert "mine My App (android)" in shown(own.render(target_type, None, view(**OCCASIONS[occasion])))
    assert "mine My App (android)" in shown(own.render(target_type, "default", view(**OCCASIONS[occasion])))
    assert "mine My App (android)" not in shown(own.render(target_type, None, view()))


@pytest.mark.parametrize("occasion", OCCASIONS)
def test_on_an_occasion_without_one_ones_own_default_counts_and_is_marked(occasion, tmp_path):
    own = renderer(tmp_path, slack__default=MINE["slack"], slack__other="text: other")
    for template, words in ((None, "mine My App (android)"), ("other", "other")):
        message = own.render("slack", template, view(**OCCASIONS[occasion]))
        assert message.body["text"] == f"{occasion.upper()} · {words}"
        assert message.falls == ()


def test_a_test_that_is_late_says_both():
    message = BUILT_IN.render("slack", None, view(why=Why.TEST, late_by=720_000_000))
    assert message.body["text"].startswith("TEST · LATE · ❌")
    assert "This is a test: nothing happened\nSent 12 m late" in shown(message)


@pytest.mark.parametrize("name", ["default", "late", "digest", "alarm"])
def test_one_of_ones_own_that_cannot_be_compiled_is_a_fall_too(name, tmp_path):
    own = renderer(tmp_path, **{f"slack__{name}": "text: '{{ result.titel }}'"})
    alarm = {"source": "bridge", "kind": "system", "outcome": "neutral"} if name == "alarm" else {}
    members = (result(), result()) if name == "digest" else ()
    late = 720_000_000 if name == "late" else None
    for template in (None, name):
        message = own.render("slack", template, view(result(**alarm), members=members, late_by=late))
        (fall,) = message.falls
        assert fall.startswith(f"template slack/{name}: ")
        assert f"template slack/{name}: " in shown(message)


HARDLY = dict.fromkeys(("title", "type", "url", "summary", "time", "received_at", "severity", "raw_status", "vendor"))


@pytest.mark.parametrize("target_type", TYPES)
@pytest.mark.parametrize("on", [{}, *OCCASIONS.values(), {"members": 3}], ids=["", *OCCASIONS, "digest"])
@pytest.mark.parametrize("source", ["mobile-tests", "bridge"])
def test_a_result_of_which_hardly_anything_is_known_needs_no_lower_rung(target_type, on, source):
    made = result(**HARDLY, source=source, kind="system")
    members = (made,) * on.get("members", 0)
    for style in ("bar", "blocks"):
        named = {**on, "members": members, "style": style, "username": "half \ud83d a character"}
        message = BUILT_IN.render(target_type, None, view(made, **named))
        assert message.falls == ()
        assert target_type in ("http", "inbox") or problems(target_type, message) == []
