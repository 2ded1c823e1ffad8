"""`drawbridge check`: samples are routed and rendered, and the file's own tests are run."""

import json

import pytest

from bridge.config.check import check
from tests.config.samples import ENV, GOOD, pointed

NOW = 1_800_000_000_000_000

TEST = "tests:\n  - {name: t, source: qa, "


def checked(folder, text: str) -> list[str]:
    (folder / "config.yaml").write_text(text)
    return [str(problem).replace(f"{folder}/", "") for problem in check(folder / "config.yaml", ENV, NOW)]


def says(folder, text: str, *expected: str) -> None:
    """The file has these problems, where "▶"s point."""
    text, places = pointed(text)
    found = checked(folder, text)
    wanted = [f"config.yaml:{place}: {text}" for place, text in zip(places, expected, strict=True)]
    assert [each[: len(start)] for each, start in zip(found, wanted, strict=True)] == wanted


def template(folder, kind: str, name: str, text: str) -> None:
    (folder / "mine" / kind).mkdir(parents=True, exist_ok=True)
    (folder / "mine" / kind / f"{name}.yaml").write_text(text)


def test_a_good_file_has_no_problems(tmp_path):
    assert checked(tmp_path, GOOD) == []


def test_what_does_not_load_is_reported_as_it_is(tmp_path):
    says(tmp_path, GOOD.replace("to: [slack", "to: [▶slakc"), "routes[0].to: no target named 'slakc'")


# ---------------------------------------------------------------------------------------------- templates


def test_a_template_that_a_target_does_not_have(tmp_path):
    template(tmp_path, "slack", "mine", "text: '{{ result.title }}'")
    text = f"templates: mine\n{GOOD}"
    assert checked(tmp_path, text.replace("[slack, screen]", "[slack], template: mine")) == []
    expected = "routes[0].template: no template named 'mine' for inbox; there is alarm, default, digest"
    says(tmp_path, text.replace("to:", "▶template: mine, to:"), expected)
    expected = "routes[0].template: no template named 'mien' for slack; did you mean 'mine'?"
    says(tmp_path, text.replace("to: [slack, screen]", "▶template: mien, to: [slack]"), expected)


def test_an_endpoint_that_takes_the_result_as_it_is_needs_no_template(tmp_path):
    lake = "lake: {type: http, url: 'https://x', format: %s}\n  screen:"
    template(tmp_path, "slack", "mine", "text: x")
    text = f"templates: mine\n{GOOD}".replace("to: [slack, screen]", "template: mine, to: [slack, lake]")
    assert checked(tmp_path, text.replace("screen:", lake % "json")) == []
    assert len(checked(tmp_path, text.replace("screen:", lake % "template"))) == 1


def test_a_template_that_does_not_compile_is_reported_in_its_file_once(tmp_path):
    template(tmp_path, "slack", "mine", "text: x\nblocks: '{{ result.titel }}'")
    text = f"templates: mine\n{GOOD}".replace("to: [slack, screen]", "template: mine, to: [slack]")
    [found] = checked(tmp_path, text)
    assert found == "mine/slack/mine.yaml:2:9: the result has no field 'titel'; did you mean 'title'?"


def test_a_template_that_fails_on_a_sample_is_reported_with_the_sample(tmp_path):
    template(tmp_path, "slack", "mine", "text: x{{ result.counts.total + 'a' }}")
    [found] = checked(tmp_path, f"templates: mine\n{GOOD}")
    assert found.startswith("mine/slack/mine.yaml:1:7: ")
    assert "of autosana" in found


# ---------------------------------------------------------------------------------------------- conditions


def test_a_condition_that_fails_on_a_sample(tmp_path):
    text = GOOD.replace("to:", "▶when: payload.summary.nothing.there > 1, to:")
    (found,) = checked(tmp_path, pointed(text)[0])
    assert found.startswith(f"config.yaml:{pointed(text)[1][0]}: routes[0].when: ")
    assert "(with the sample " in found


# ---------------------------------------------------------------------------------------------- tests:


@pytest.mark.parametrize(
    "test",
    [
        "sample: failed, expect: {to: [slack, screen]}",
        "sample: failed, expect: {to: [screen, slack]}",
        "sample: failed, expect: {match: {outcome: failed, transition: broke}}",
        "sample: passed, expect: {match: {transition: first}}",
        "sample: failed, after: [passed], expect: {match: {transition: broke, history.previous: passed}}",
        "sample: failed, after: [failed], expect: {match: {transition: still_failing}}",
        "sample: failed, after: [passed, failed, failed], expect: {match: {history.streak: 3}}",
        "sample: passed, after: [failed], expect: {match: {transition: fixed}}",
        "sample: passed, after: [timed_out, error], expect: {match: {transition: fixed, history.previous: error}}",
        "sample: passed, after: [failed, passed], expect: {match: {transition: still_passing}}",
        "sample: failed, expect: {mention: []}",
    ],
)
def test_expectations_that_hold(test, tmp_path):
    assert checked(tmp_path, f"{GOOD}{TEST}{test}}}\n") == []


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (
            "sample: failed, expect: {▶to: [slack]}",
            "tests[0].expect.to: t: goes to screen, slack, not slack",
        ),
        (
            "sample: failed, expect: {▶to: []}",
            "tests[0].expect.to: t: goes to screen, slack, not nobody",
        ),
        (
            "sample: failed, expect: {▶mention: [slack]}",
            "tests[0].expect.mention: t: mentions somebody at nobody, not slack",
        ),
        (
            "sample: failed, after: [failed], expect: {▶match: {transition: broke}}",
            "tests[0].expect.match: t: transition: still_failing does not match broke",
        ),
        (
            "▶sample: faild, expect: {}",
            "tests[0].sample: vendor 'autosana' has no sample 'faild'; did you mean 'failed'?",
        ),
        ("▶sample: gone.json, expect: {}", "tests[0].sample: there is no file '"),
        (
            "sample: body.json, ▶after: [passed], expect: {}",
            "tests[0].after: the sample 'body.json' names no subject, so no verdict can come before it",
        ),
    ],
)
def test_expectations_that_do_not_hold(test, expected, tmp_path):
    (tmp_path / "body.json").write_text("{}")
    says(tmp_path, f"{GOOD}{TEST}{test}}}\n", expected)


def test_the_reason_that_routing_gives_is_told(tmp_path):
    text = (
        GOOD.replace("to:", "match: {transition: fixed}, to:")
        + TEST
        + "sample: failed, expect: {▶to: [slack, screen]}}\n"
    )
    expected = (
        "tests[0].expect.to: t: goes to nobody, not screen, slack; route 'all': transition: broke does not match fixed"
    )
    says(tmp_path, text, expected)


def test_mentions_are_expected_by_target(tmp_path):
    mention = "mention: {who: {slack: '<!here>'}, transition: [broke]}, to:"
    text = GOOD.replace("to:", mention) + TEST + "sample: failed, after: [%s], expect: {mention: [%s]}}\n"
    assert checked(tmp_path, text % ("passed", "slack")) == []
    assert checked(tmp_path, text % ("failed", "")) == []


def test_a_private_vendor_is_tested_with_files_of_its_own(tmp_path):
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "red.json").write_text(json.dumps({"build": {"name": "b", "state": "red"}, "n": [1, 2]}))
    text = """\
vendors:
  ci:
    signature: {header: X-S}
    result: {title: build.name, outcome: build.state, subject_key: build.name, summary: "{{ payload.n|length }} tests"}
    outcomes: {red: failed}
sources:
  builds: {vendor: ci, secret: x}
targets:
  screen: {type: inbox}
routes:
  - {name: all, to: [screen]}
tests:
  - name: red
    source: builds
    sample: samples/red.json
    after: [passed]
    expect: {to: [screen], match: {outcome: failed, summary: 2 tests, transition: broke}}
"""
    assert checked(tmp_path, text) == []


def test_an_unverified_source_has_no_history(tmp_path):
    text = GOOD.replace('secret: "${SECRET}"', "verify: none, allow_from: 10.0.0.1")
    assert (
        checked(tmp_path, f"{text}{TEST}sample: failed, after: [passed], expect: {{match: {{transition: none}}}}}}\n")
        == []
    )
