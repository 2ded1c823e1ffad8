"""The JSON Schema for editors, and the example that explains every key."""

import re

import jsonschema
import pytest
import yaml

from bridge.config import json_schema, load
from bridge.config.check import check
from bridge.config.schema import known_keys
from tests.config.samples import EXAMPLE, EXAMPLE_ENV, GOOD


def valid(text: str) -> bool:
    validator = jsonschema.Draft202012Validator(json_schema())
    return bool(validator.is_valid(yaml.safe_load(text)))


def test_it_is_a_json_schema():
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        EXAMPLE.read_text(),
        GOOD.replace("autosana,", "autosana, max_body: 5MiB,"),
        GOOD.replace("'${SECRET}'", "12345"),
        GOOD.replace("to:", "stop: '${STOP}', match: {is_test: false}, to:"),
        GOOD.replace("type: slack,", "type: slack, concurrency: '${N}', "),
    ],
)
def test_what_loads_is_valid(text):
    assert valid(text)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("sources:", "source:"),
        GOOD.replace("secret:", "secert:"),
        GOOD.replace("vendor: autosana, ", ""),
        GOOD.replace("type: slack,", "type: slak,"),
        GOOD.replace("type: slack,", "type: slack, concurrency: many,"),
        GOOD.replace("to: [", "stop: maybe, to: ["),
        GOOD + "vendors: {ci: {understand: x}}",
    ],
)
def test_slips_are_not(text):
    assert not valid(text)


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        (("admin",), {"listen", "token", "url"}),
        (("targets", "lake", "timeout"), {"connect", "read"}),
        (("routes", 0, "mention"), {"who", "transition", "at_most"}),
        (("vendors", "ci", "signature", "kv"), {"delimiter", "signature", "timestamp"}),
        (("targets", "screen"), {"type", "digest", "quiet_hours"}),
        (("sources", "qa", "options"), set()),
    ],
)
def test_the_keys_of_a_mapping_are_known_by_its_path(path, keys):
    assert known_keys(path, {"targets": {"lake": {"type": "http"}, "screen": {"type": "inbox"}}}) == keys


# ---------------------------------------------------------------------------------------------- the example


def test_the_example_loads_and_passes_its_own_check():
    assert check(EXAMPLE, EXAMPLE_ENV, now=1_800_000_000_000_000) == []


def test_the_example_has_every_key_there_is():
    written = set(re.findall(r"([a-z_]+): ?", EXAMPLE.read_text()))
    schema = json_schema()
    keys = {key for node in [schema, *schema["$defs"].values()] for key in node.get("properties", {})}
    options = {
        key for source in load(EXAMPLE, EXAMPLE_ENV).sources.values() for key in type(source.options).model_fields
    }
    assert keys | options <= written


def test_the_example_explains_each_section_right_above_it():
    lines = EXAMPLE.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"[a-z_]+:", line):
            assert lines[number - 1].startswith("#"), line


def test_the_example_writes_each_default_as_it_is():
    text = re.sub(r"\n# templates: .*", "", EXAMPLE.read_text())
    config = load(EXAMPLE, EXAMPLE_ENV)
    assert f"Default: {config.listen}" in text
    assert f"Default: {config.admin.listen}" in text
