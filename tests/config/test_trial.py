"""A private vendor is tried on the operator's own samples: paths that find nothing, words in no table, repeats."""

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.config.check import check
from tests.config.samples import pointed, problems

NOW = 1_800_000_000_000_000

FILE = """\
vendors:
  ci:
    signature: {header: X-S}
    samples: samples
%s
sources:
  builds: {vendor: ci, secret: x}
targets:
  screen: {type: inbox}
routes:
  - {name: all, to: [screen]}
"""

RED: dict[str, Any] = {
    "event": "build.done",
    "build": {"id": 1, "name": "main", "state": "red", "url": "https://ci.example/1"},
    "suites": [{"name": "login", "tests": [{"name": "works", "status": "ok"}, {"name": "fails", "status": "purple"}]}],
}
GREEN = {**RED, "build": {**RED["build"], "id": 2, "state": "green"}, "suites": []}


def folder_with(folder: Path, **samples: Any) -> Path:
    (folder / "samples").mkdir()
    for name, body in samples.items():
        text = body if isinstance(body, str) else json.dumps(body)
        (folder / "samples" / f"{name}.json").write_text(text)
    return folder


def checked(folder: Path, keys: str) -> list[str]:
    """What is found about a vendor with these keys, below `vendors.ci`."""
    text, _ = pointed(FILE % "\n".join(f"    {line}" for line in keys.splitlines()))
    (folder / "config.yaml").write_text(text)
    return [str(problem).replace(f"{folder}/", "") for problem in check(folder / "config.yaml", {}, NOW)]


def says(folder: Path, keys: str, *expected: str) -> None:
    _, places = pointed(FILE % "\n".join(f"    {line}" for line in keys.splitlines()))
    found = checked(folder, keys)
    wanted = [f"config.yaml:{place}: {text}" for place, text in zip(places, expected, strict=True)]
    assert [each[: len(start)] for each, start in zip(found, wanted, strict=True)] == wanted


TABLE = "outcomes: {green: passed, red: failed, purple: failed}"


def test_a_description_that_fits_its_samples_is_good(tmp_path):
    keys = f"""\
event: event
events: [build.done]
dedupe: [build.id, build.state]
result:
  kind: test_run
  title: [build.title, build.name]
  outcome: build.state
  summary: "{{{{ payload.suites|length }}}} suites"
items: {{each: suites.*.tests, path: [suites.*.name], name: name, outcome: status}}
{TABLE}"""
    assert checked(folder_with(tmp_path, red=RED, green=GREEN), keys) == []


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("result: {▶title: build.nmae}", "vendors.ci.result.title: finds nothing in any sample at 'build.nmae'; did y"),
        ("result: {▶environment: stage}", "warning: vendors.ci.result.environment: finds nothing in any sample at 'st"),
        ("result: {▶vcs.ref: [ref, git.ref]}", "warning: vendors.ci.result.vcs.ref: finds nothing in any sample at 'r"),
        ("result: {▶summary: '{{ payload.none }}'}", "warning: vendors.ci.result.summary: finds nothing in any sample"),
        ("result: {▶summary: '{{ 1 // 0 }}'}", "vendors.ci.result.summary: '{{ 1 // 0 }}' cannot be worked out for an"),
        ("result: {▶title: header:X-Title}", "warning: vendors.ci.result.title: finds nothing in any sample at 'heade"),
        ("▶event: evnt", "vendors.ci.event: finds nothing in any sample at 'evnt'; did you mean 'event'?"),
        ("event: event\n▶events: [build.started]", "vendors.ci.events: the sample 'red' is of the event 'build.done',"),
        ("dedupe: [▶build.ids]", "vendors.ci.dedupe[0]: finds nothing in any sample at 'build.ids'; did you mean 'bui"),
        ("dated: [▶at]", "warning: vendors.ci.dated[0]: finds nothing in any sample at 'at'"),
        ("result: {▶outcome: build.state}", "warning: vendors.ci.result.outcome: the word 'red' at 'build.state' (sam"),
        ("items: {▶each: suite.*.tests, name: name}", "vendors.ci.items.each: finds nothing in any sample at 'suite.*"),
        ("items: {each: suites.*.tests, ▶name: nam}", "vendors.ci.items.name: finds nothing in any sample at 'nam'; d"),
        (
            "items: {each: suites.*.tests, name: name, ▶outcome: status}",
            "warning: vendors.ci.items.outcome: the word 'purple' at 'suites.*.tests.*.status' (sample 'red') is in no",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit(keys, expected, tmp_path):
    says(folder_with(tmp_path, red=RED), keys, expected)


def test_two_samples_that_would_be_one_event(tmp_path):
    folder = folder_with(tmp_path, a=RED, b={**RED, "event": "build.gone"})
    says(
        folder,
        f"▶dedupe: [build.id]\n{TABLE}",
        "warning: vendors.ci.dedupe: the samples 'a' and 'b' are one event by build.id: the second would be taken for",
    )


def test_a_sample_that_is_no_json(tmp_path):
    folder = folder_with(tmp_path, a="<xml/>")
    [found] = checked(folder, "title: CI")
    assert found.startswith(
        "config.yaml:4:5: vendors.ci.samples: the sample 'a' cannot be understood: the body is not JSON"
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("gone", "vendors.ci.samples: '%s/gone' cannot be read: No such file or directory"),
        ("[samples/a.json, gone.json]", "vendors.ci.samples[1]: '%s/gone.json' cannot be read: No such file"),
        ("empty", "vendors.ci.samples: the folder '%s/empty' holds no file named *.json"),
        ("[samples, more]", "vendors.ci.samples[1]: '%s/samples/a.json' has the same name as '%s/more/a.json'; rename"),
    ],
)
def test_samples_that_are_not_there(said, expected, tmp_path):
    folder_with(tmp_path, a=RED)
    (tmp_path / "empty").mkdir()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.json").write_text("{}")
    text = (FILE % "").replace("samples: samples", f"samples: {said}")
    [found] = problems(tmp_path, text)
    assert expected.replace("%s/", "") in found


def test_a_sample_has_its_headers_beside_it(tmp_path):
    folder = folder_with(tmp_path, red=RED)
    (folder / "samples" / "red.headers").write_text("X-Event: build.done\n")
    assert checked(folder, "event: header:X-Event\nevents: [build.done]") == []


def test_the_files_tests_know_the_samples_by_name(tmp_path):
    folder = folder_with(tmp_path, red=RED)
    keys = f"result: {{outcome: build.state}}\n{TABLE}"
    test = "tests:\n  - {name: t, source: builds, sample: red, expect: {match: {outcome: failed}}}\n"
    (folder / "config.yaml").write_text(FILE % "\n".join(f"    {line}" for line in keys.splitlines()) + test)
    assert check(folder / "config.yaml", {}, NOW) == []


def test_a_text_that_should_be_json_and_is_none_is_told(tmp_path):
    good, bad = ({"build": {"id": number, "meta": meta}} for number, meta in ((1, '{"env": "prod"}'), (2, "{broken")))
    keys = "dedupe: [build.id]\ndecode: [▶build.meta]\nresult: {environment: build.meta.env}"
    says(
        folder_with(tmp_path, good=good, bad=bad),
        keys,
        "warning: vendors.ci.decode[0]: the text at 'build.meta' (sample 'bad') is no JSON, so it stays a text",
    )
