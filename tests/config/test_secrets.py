"""Whatever is wrong with a file, no secret of it is shown."""

import json
import re
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config import load
from bridge.config.report import show
from bridge.errors import ConfigError
from tests.config.samples import EXAMPLE, EXAMPLE_ENV, HIDDEN, problems, read

MARK = HIDDEN[:7]

LITERAL = f"""\
admin: {{token: {HIDDEN}}}
store: {{url: 'postgresql://user:{HIDDEN}@db/x'}}
sources:
  qa: {{vendor: autosana, secret: {HIDDEN}}}
  qb: {{vendor: autonoma, secret: [{HIDDEN}-new, {HIDDEN}-old]}}
targets:
  slack: {{type: slack, url: 'https://hooks.slack.com/services/{HIDDEN}'}}
  bot: {{type: slack, token: xoxb-{HIDDEN}, channel: C1}}
  lake:
    type: http
    url: https://user.example.com/{HIDDEN}
    headers: {{Authorization: Bearer {HIDDEN}}}
    signing_secret: whsec_hunter2hunter2hunter2hunter2hunt
"""

_, LEAVES = zip(*re.findall(r"(^|[ \[(])([^ \[({]*hunter2[^ \],}]*)", LITERAL), strict=True)


def test_the_repr_of_a_configuration_shows_none(tmp_path):
    assert MARK not in repr(read(tmp_path, LITERAL))


@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize(
    "instead",
    [
        "{}",
        "[]",
        "['{0}', '{0}']",
        "{{a: '{0}'}}",
        "{{'{0}': }}",
        "[[['{0}']]]",
        "ftp://{0}",
        "'{0} é'",
        "https://user:{0}@x",
        "https://[{0}",
        "' '",
    ],
)
def test_no_mistake_in_a_secrets_place_shows_it(leaf, instead, tmp_path):
    leaf = leaf.strip("'")
    text = LITERAL.replace(f"'{leaf}'", leaf).replace(leaf, instead.format(leaf) if "{0}" in instead else instead, 1)
    found = [re.sub(r"unknown key '.*", "", each) for each in problems(tmp_path, text)]
    assert MARK not in "".join(found)


def _paths(value, path=()):
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from _paths(inner, (*path, key))


DOCUMENT = yaml.safe_load(EXAMPLE.read_text())
PATHS = [path for path in _paths(DOCUMENT) if path]

HOLES = ["${SLACK_WEBHOOK}", "${AUTOSANA_SECRET}", "x ${LAKE_SECRET} y", "${NONE}", "${", "$${x}", "${LAKE_TOKEN:-x}"]
TEXTS = ["", "true", "on", "5s", "-1", "slack", "qa", "{{ payload.x }}", "{{", "a.b", "https://x", "é\n", "*", "!"]
JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from([*HOLES, *TEXTS]),
        st.text(max_size=10),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "name", "to", "x"]), inner),
    max_leaves=5,
)


def _with(value, path, new):
    """A copy with `new` at `path`; where the path is gone by now, nothing changes."""
    if not path:
        return new
    key, *rest = path
    if isinstance(value, dict) and key in value:
        return {**value, key: _with(value[key], rest, new)}
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return [*value[:key], _with(value[key], rest, new), *value[key + 1 :]]
    return value


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PATHS), JUNK), min_size=1, max_size=4))
def test_junk_anywhere_in_the_file_gives_problems_with_places_and_shows_no_secret(changes):
    document = DOCUMENT
    for path, junk in changes:
        document = _with(document, path, junk)
    places, shown = [1], ""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(json.dumps(document))
        try:
            load(file, EXAMPLE_ENV)
        except ConfigError as error:
            shown = str(error)
            places = [place for problem in error.problems for place in (problem.line, problem.column)]
    assert min(places) >= 1
    assert MARK not in shown


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="sources:targets{}[],'\"\n -&*!$#|>?x1", max_size=80).map(str.encode))
def test_any_bytes_are_a_configuration_or_a_config_error(data):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_bytes(data)
        with pytest.raises(ConfigError):
            load(file, {})


def test_long_and_odd_keys_are_shown_short_and_on_one_line():
    assert show(("sources", "a\nb", "x" * 100, 0)) == f"sources.a\\nb.{'x' * 40}…[0]"
