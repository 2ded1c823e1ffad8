"""However many mistakes a file holds, each is reported, and at its own line; what is only doubtful is a warning."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.config.samples import GOOD, pointed, problems, read

FILE = """\
listen: 0.0.0.0:8080
store:
  url: postgresql://user@a:5432,b:5433/bridge
  keep: 30d
vendors:
  my-ci:
    event: type
    events: [build.done]
    result:
      title: build.name
      summary: "{{ payload.tests|length }} tests"
    outcomes:
      green: passed
sources:
  qa:
    vendor: autosana
    secret: s
    max_body: 1MiB
  nightly:
    vendor: agnox
    secret: s
    options:
      parse_summary: true
  builds:
    vendor: my-ci
    secret: s
    signature: {header: X-S}
targets:
  slack:
    type: slack
    url: https://hooks.slack.com/services/T/B/x
    concurrency: 1
  discord: {type: discord, url: https://discord.com/api/webhooks/1/x}
routes:
  - name: first
    match:
      source: qa
      kind: test_run
      outcome: [failed,
        error]
      state: finished
      type: batch.completed
      vcs.ref: main
      is_test: false
      history.late: false
      counts.total: 3
      vendor: autosana
    when: result.outcome != 'passed'
    to: [slack,
      discord]
    mention:
      who:
        slack: <!here>
        discord: <@&42>
      transition: [broke]
      at_most: 1h
  - name: second
    match:
      source: nightly
      type: [execution.finished,
        execution.completed]
    to: [slack]
    stop: false
tests:
  - name: t
    source: qa
    sample: failed
    expect:
      to: [slack, discord]
      match:
        transition: broke
        outcome: failed
"""

MISTAKES = {
    "listen: 0.0.0.0:8080": "listen: 8080",
    "@a:5432,b:5433/": "@a:5432,b:badport/",
    "keep: 30d": "keep: 30",
    "title: build.name": "titel: build.name",
    "payload.tests|length": "paylaod.tests|length",
    "green: passed": "green: pased",
    "vendor: autosana\n    secret": "vendor: autosna\n    secret",
    "max_body: 1MiB": "max_body: 1",
    "parse_summary: true": "parse_sumary: true",
    "signature: {header: X-S}": "signature: {haeder: X-S, header: Y}",
    "concurrency: 1": "concurrency: 0",
    "discord: {type: discord,": "discord: {type: discort,",
    "source: qa\n      kind": "source: qaa\n      kind",
    "kind: test_run": "kind: [test_rum]",
    "outcome: [failed,": "outcome: [faled,",
    "        error]": "        eror]",
    "state: finished": "state: null",
    "type: batch.completed": "type: batch.complete",
    "vcs.ref: main": "vcs.branch: main",
    "is_test: false": "is_test: yes",
    "history.late: false": "history.late: []",
    "counts.total: 3": "counts.total: '>3'",
    "vendor: autosana\n    when": "vendor: autosena\n    when",
    "when: result.outcome": "when: result.outcme",
    "to: [slack,\n": "to: [slak,\n",
    "      discord]\n": "      discrod]\n",
    "slack: <!here>": "slack: '@here'",
    "discord: <@&42>": "discord: '@qa'",
    "transition: [broke]": "transition: [brok]",
    "at_most: 1h": "at_most: 1",
    "[execution.finished,": "[execution.finish,",
    "        execution.completed]": "        execution.complete]",
    "stop: false": "stop: no",
    "source: qa\n    sample": "source: qqa\n    sample",
    "to: [slack, discord]": "to: [slck, discord]",
    "transition: broke\n": "transition: brok\n",
    "outcome: failed\n": "outcome: fialed\n",
}
"""What stands in the file once, and the mistake that may stand there; each in its first line."""

FOLLOW = {
    "vendor: autosana\n    secret": {"type: batch.completed", "vendor: autosana\n    when"},
    "source: qa\n      kind": {"type: batch.completed"},
    "vendor: autosana\n    when": {"type: batch.completed"},
    "green: passed": {"vendor: autosana\n    when"},
    "title: build.name": {"vendor: autosana\n    when"},
    "type: discord,": {"discord: <@&42>"},
    "concurrency: 1": {"slack: <!here>"},
}
"""Where the first cannot be read, nobody can tell whether the others are right."""


def line_of(part: str) -> int:
    before = FILE[: FILE.index(part)]
    return before.count("\n") + 1


def planted(chosen: set[str]) -> str:
    text = FILE
    for part in chosen:
        text = text.replace(part, MISTAKES[part])
    return text


def reported(text: str) -> list[int]:
    with TemporaryDirectory() as folder:
        return [int(problem.split(":")[1]) for problem in problems(Path(folder), text)]


def test_the_file_without_mistakes_is_good():
    assert reported(FILE) == []
    assert all(FILE.count(part) == 1 for part in MISTAKES)


@settings(max_examples=40, deadline=None)
@given(chosen=st.sets(st.sampled_from(sorted(MISTAKES)), min_size=1))
def test_every_mistake_is_reported_at_its_own_line(chosen):
    silenced = {later for part in chosen for start in FOLLOW if part.endswith(start) for later in FOLLOW[start]}
    assert set(reported(planted(chosen))) - {line_of(part) for part in silenced} == {
        line_of(part) for part in chosen - silenced
    }


# ---------------------------------------------------------------------------------------------- one match


ROUTE = GOOD.replace("to: [slack", "%s, to: [slack")


def says(folder, keys: str, *expected: str) -> None:
    text, places = pointed(ROUTE % keys)
    found = problems(folder, text)
    wanted = [f"config.yaml:{place}: {text}" for place, text in zip(places, expected, strict=True)]
    assert [each[: len(start)] for each, start in zip(found, wanted, strict=True)] == wanted


def test_a_wrong_shape_hides_nothing_beside_it(tmp_path):
    says(
        tmp_path,
        "match: {outcome: ▶[], state: ▶null, ▶knd: x, kind: [code, ▶cod], source: ▶q, is_test: ▶yes, app.name: ▶{}}",
        "routes[0].match.outcome: must not be empty",
        "routes[0].match.state: must be text or a list, not empty",
        "routes[0].match: a result has no field 'knd'; did you mean 'kind'?",
        "routes[0].match.kind: is never 'cod'; did you mean 'code'?",
        "routes[0].match.source: no source named 'q'; did you mean 'qa'?",
        "routes[0].match.is_test: is never 'yes'; it is true or false",
        "routes[0].match.app.name: must be text or a list, not a mapping",
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("▶batch.complete", "no event of 'autosana', 'bridge' has the type 'batch.complete'; did you mean"),
        ("▶Batch.Completed", "no event of 'autosana', 'bridge' has the type 'Batch.Completed'; did you mean"),
        ("['!unreadable', ▶'!batch.start*']", "warning: no event of 'autosana', 'bridge' has the type 'batch.start*'"),
        (
            "▶deploy",
            "warning: no event of 'autosana', 'bridge' has the type 'deploy' that",
        ),
    ],
)
def test_a_type_is_compared_with_the_events_of_the_vendors(words, expected, tmp_path):
    text, [place] = pointed(ROUTE % f"match: {{type: {words}}}")
    warned = expected.startswith("warning")
    found = [str(each) for each in read(tmp_path, text).warnings] if warned else problems(tmp_path, text)
    text = expected.removeprefix("warning: ")
    start = f"config.yaml:{place}: {'warning: ' if warned else ''}routes[0].match.type: {text}"
    assert [each.replace(f"{tmp_path}/", "")[: len(start)] for each in found] == [start]


@pytest.mark.parametrize(
    "keys",
    [
        "match: {type: batch.completed}",
        "match: {type: 'batch.*'}",
        "match: {type: '!unreadable'}",
        "match: {type: [unknown, target.paused]}",
        "match: {source: bridge, type: target.paused}",
    ],
)
def test_types_that_can_come(keys, tmp_path):
    assert read(tmp_path, ROUTE % keys).warnings == ()


@pytest.mark.parametrize("type_", ["anything.at.all", "any*"])
def test_any_type_may_come_from_a_vendor_that_lists_none(type_, tmp_path):
    text = ROUTE.replace(
        "sources:", "vendors: {ci: {event: type}}\nsources:\n  ci: {vendor: ci, verify: none, allow_from: 10.0.0.1}"
    )
    assert read(tmp_path, text % f"match: {{type: {type_}}}").warnings == ()


# ---------------------------------------------------------------------------------------------- mentions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'@here'", "'@here' notifies nobody on Slack; write <!here>"),
        ("'@channel'", "'@channel' notifies nobody on Slack; write <!channel>"),
        ("'@joe'", "'@joe' notifies nobody on Slack; Slack mentions by <!here>, "),
        ("'<!here> and @joe'", "'@joe' notifies nobody on Slack"),
        ("<@joe>", "'<@joe>' notifies nobody on Slack"),
        ("<@&42>", "'<@&42>' notifies nobody on Slack"),
        ("the team", "'the team' notifies nobody on Slack"),
        ("<!here>", None),
        ("<!subteam^S0123>", None),
        ("<!subteam^S0123|@qa>", None),
        ("<@U0123> <@W9> please look", None),
    ],
)
def test_a_mention_on_slack(text, expected, tmp_path):
    mentions(tmp_path, "slack", text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<!here>", "'<!here>' notifies nobody on Discord; write @here"),
        ("'@qa'", "'@qa' notifies nobody on Discord; Discord mentions by @here, "),
        ("<@&qa>", "'<@&qa>' notifies nobody on Discord"),
        ("<#42>", "'<#42>' notifies nobody on Discord"),
        ("'@hereabouts'", "'@hereabouts' notifies nobody on Discord"),
        ("qa", "'qa' notifies nobody on Discord"),
        ("'@here'", None),
        ("'@everyone look'", None),
        ("<@42>", None),
        ("<@!42> <@&7>", None),
    ],
)
def test_a_mention_on_discord(text, expected, tmp_path):
    mentions(tmp_path, "chat", text, expected)


def mentions(folder, target: str, text: str, expected: str | None) -> None:
    chat = "chat: {type: discord, url: https://discord.com/api/webhooks/1/x}\n  screen:"
    file = GOOD.replace("screen:", chat).replace("screen]}", f"chat], mention: {{who: {{{target}: ▶{text}}}}}}}")
    file, [place] = pointed(file)
    found = problems(folder, file)
    if expected is None:
        assert found == []
    else:
        [said] = found
        assert said.startswith(f"config.yaml:{place}: routes[0].mention.who.{target}: {expected}")
