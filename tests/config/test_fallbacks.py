"""`fallback` of a target: what can never work is told at its place."""

import pytest

from tests.config.samples import problems, read

HTTP = '{type: http, url: "https://x.example/in", fallback: %s}'
ROUTES = 'sources: {qa: {vendor: autosana, secret: "${SECRET}"}}\nroutes: [{name: all, to: [a]}]\ntargets:\n'


def file(**fallbacks: str) -> str:
    lines = [f"  {name}: {HTTP % to}\n" for name, to in fallbacks.items()]
    return ROUTES + "".join(lines) + "  end: {type: inbox}\n"


@pytest.mark.parametrize(
    ("fallbacks", "said"),
    [
        ({"a": "a"}, ["config.yaml:4:58: targets.a.fallback: is this target itself; name another one, or remove it"]),
        ({"a": "edn"}, ["config.yaml:4:58: targets.a.fallback: no target named 'edn'; did you mean 'end'?"]),
        (
            {"a": "b", "b": "a"},
            ["config.yaml:4:58: targets.a.fallback: leads back to where it came from: a -> b -> a; end it somewhere"],
        ),
        (
            {"a": "b", "b": "c", "c": "d", "d": "b"},
            [
                "config.yaml:5:58: targets.b.fallback: leads back to where it came from: b -> c -> d -> b; "
                "end it somewhere"
            ],
        ),
    ],
)
def test_a_fallback_leads_to_another_target_and_never_back(fallbacks, said, tmp_path):
    assert problems(tmp_path, file(**fallbacks)) == said


def test_fallbacks_may_form_a_line(tmp_path):
    config = read(tmp_path, file(a="b", b="end"))
    assert (config.targets["a"].fallback, config.targets["b"].fallback) == ("b", "end")
