"""The whole file: what its keys come to, and what is said about each mistake, exactly where it stands."""

from operator import attrgetter

import pytest

from bridge import clock
from bridge.config import load, needs_restart, serving_problems
from bridge.config.report import MOST_PROBLEMS
from bridge.config.schema import Address
from bridge.errors import ConfigError
from bridge.vendors.autotab import AutotabOptions
from tests.config.samples import GOOD, HIDDEN, changed, pointed, problems, read


def test_what_is_left_out_has_its_default(tmp_path):
    config = read(tmp_path, GOOD)
    assert (str(config.listen), str(config.admin.listen)) == ("0.0.0.0:8080", "127.0.0.1:8081")
    assert (config.public_url, config.admin_token, config.templates) == (None, None, None)
    assert config.store.url.get_secret_value() == "sqlite:///drawbridge.db"
    assert config.store.keep == 30 * clock.DAY
    source = config.sources["qa"]
    assert (source.vendor.name, source.verify, source.tests) == ("autosana", "enforce", "show")
    assert (source.max_body, source.dedupe_window) == (5 << 20, None)
    assert source.secrets == (HIDDEN,)
    assert config.files == (config.file,)


@pytest.mark.parametrize(
    ("key", "attribute", "value"),
    [
        ("listen: 127.0.0.1:80", "listen", Address("127.0.0.1", 80)),
        ("listen: :80", "listen", Address("0.0.0.0", 80)),
        ('listen: "[::1]:80"', "listen", Address("::1", 80)),
        ("listen: localhost:${PORT}", "listen", Address("localhost", 9000)),
        ("public_url: https://x.example/", "public_url", "https://x.example"),
        ("admin: {url: 'http://x.internal:8081/bridge/'}", "admin.url", "http://x.internal:8081/bridge"),
        ("admin: {token: '${EMPTY}'}", "admin_token", None),
        ("admin: {token: '${NONE:-}'}", "admin_token", None),
        ("admin: {token: 0123}", "admin_token", "0123"),
        ("tests:", "tests", ()),
    ],
)
def test_outer_keys(key, attribute, value, tmp_path):
    assert attrgetter(attribute)(read(tmp_path, f"{GOOD}{key}\n")) == value


@pytest.mark.parametrize(
    ("keys", "attribute", "value"),
    [
        ("secret: 012345", "secrets", ("012345",)),
        ("secret: 1.50", "secrets", ("1.50",)),
        ("secret: true", "secrets", ("true",)),
        ("secret: [new, 017]", "secrets", ("new", "017")),
        ("secret: x, dedupe_window: 0s", "dedupe_window", 0),
        ("secret: x, max_body: 64KiB", "max_body", 64 << 10),
        ("secret: x, tests: hide", "tests", "hide"),
        ("verify: none", "secrets", ()),
        ("verify: none", "scheme", None),
    ],
)
def test_source_keys(keys, attribute, value, tmp_path):
    config = read(tmp_path, changed("sources", f"sources:\n  qa: {{vendor: autosana, {keys}}}"))
    assert getattr(config.sources["qa"], attribute) == value


def test_a_source_may_sign_differently_from_its_vendor(tmp_path):
    config = read(tmp_path, changed("sources", "sources:\n  qa: {vendor: autosana, secret: x, signature: {header: X}}"))
    scheme, vendors = config.sources["qa"].scheme, config.sources["qa"].vendor.signature
    assert vendors is not None
    assert scheme == vendors.model_copy(update={"header": "X"})


def test_options_are_the_vendors_own_class(tmp_path):
    text = "sources:\n  qa: {vendor: autotab, secret: x, options: {cancel_is_failure: '${TRUE}'}}"
    options = read(tmp_path, changed("sources", text)).sources["qa"].options
    assert options == AutotabOptions(cancel_is_failure=True)


def test_a_private_vendor_has_the_keys_of_a_built_in_one(tmp_path):
    text = """\
vendors:
  my-ci:
    signature: {header: X-CI-Signature, prefix: "sha256="}
    dedupe: [build.id]
    result: {title: build.name, summary: "{{ payload.tests|length }} tests"}
    outcomes: {green: passed, 1: failed}
sources:
  qa: {vendor: my-ci, secret: x}"""
    vendor = read(tmp_path, changed("sources", text)).sources["qa"].vendor
    assert (vendor.name, vendor.title, vendor.dedupe) == ("my-ci", "my-ci", ("build.id",))
    assert vendor.outcomes == {"green": "passed", "1": "failed"}


def test_text_in_targets_and_routes_is_taken_as_it_is_written(tmp_path):
    text = changed("targets", "targets:\n  slack: {type: slack, token: 1e3, channel: 0123}\n  screen: {type: inbox}")
    text += "tests: []\n"
    config = read(tmp_path, text.replace("to: [slack", "match: {is_test: false, run_id: [007, 1.0]}, to: [slack"))
    assert config.targets["slack"].channel == "0123"
    assert config.targets["slack"].token.get_secret_value() == "1e3"
    assert config.routes[0].match == {"is_test": "false", "run_id": ("007", "1.0")}


def test_conditions_come_compiled_by_route(tmp_path):
    config = read(tmp_path, GOOD.replace("to:", "when: result.outcome == 'failed', to:"))
    assert config.conditions["all"]({"outcome": "failed"}) is True
    assert config.conditions["all"]({"outcome": "passed"}) is False


def test_everything_that_the_file_names_is_watched(tmp_path):
    (tmp_path / "secret").write_text("s")
    (tmp_path / "mine").mkdir()
    config = read(tmp_path, GOOD.replace("${SECRET}", "${file:secret}") + "templates: mine\n")
    assert config.files == (config.file, tmp_path / "secret", tmp_path / "mine")
    assert config.templates == tmp_path / "mine"


def test_a_message_can_say_where_something_stands(tmp_path):
    config = read(tmp_path, GOOD)
    assert config.where("targets", "slack") == f"{tmp_path}/config.yaml:4"
    assert config.where("targets", "gone") == f"{tmp_path}/config.yaml"


# ---------------------------------------------------------------------------------------------- mistakes


def says(folder, text: str, expected: str) -> None:
    """The file has one problem, where "▶" points, and it is told so."""
    text, [place] = pointed(text)
    [found] = problems(folder, text)
    assert found.startswith(f"config.yaml:{place}: {expected}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("▶publik_url: https://x", "unknown key 'publik_url'; did you mean 'public_url'?"),
        ("listen: ▶8080", "listen: must be an address and a port, as in 0.0.0.0:8080 or [::]:8080"),
        ("listen: ▶1.2.3.4:99999", "listen: must be an address and a port"),
        ("public_url: ▶hooks.example.com", "public_url: must be an address of the form https://hooks.example.com"),
        ("public_url: ▶https://a:b@x", "public_url: must be an address of the form https://hooks.example.com"),
        *(
            (f"admin: {{url: ▶'{url}'}}", "admin.url: must be an address of the form https://drawbridge.example.com")
            for url in ("drawbridge", "ftp://x", "https://x/?a=b", "https://x/?", "https://x/#a", "https://a:b@x")
        ),
        ("public_url: ▶'http://[x'", "public_url: must be an address of the form https://hooks.example.com"),
        ("templates: ▶gone", "templates: there is no folder '"),
        ("admin: {listen: ▶'0.0.0.0:8080'}", "admin.listen: needs another port than listen, which is 0.0.0.0:8080"),
        ("admin: {▶tokn: x}", "admin: unknown key 'tokn'; did you mean 'token'?"),
        ("admin: ▶5", "admin: must be a mapping (key: value), not a number"),
        ("store: {keep: ▶30}", "store.keep: must be a number with a unit (ms, s, m, h, d), as in 90s or 26h"),
        ("store: {keep: ▶0s}", "store.keep: must be greater than 0"),
        ("store: {url: ▶mysql://x}", "store.url: must be sqlite:///file.db, sqlite:////folder/file.db or postgre"),
        ("store: {url: ▶'sqlite:///:memory:'}", "store.url: may not be in memory"),
        ("store: {url: ▶'postgresql://u:p@db:badport/x'}", "store.url: must have a port of digits, up to 65535, as in"),
        ("store: {url: ▶'postgresql://db:99999/x'}", "store.url: must have a port of digits"),
        ("store: {url: ▶'postgresql://u:p/w@db/x'}", "store.url: must have a port of digits"),
        ("▶digest: {after: 5}", "unknown key 'digest'"),
        ("▶sources: {}", "the key 'sources' is here twice; it is on line 1 already"),
        (
            "admin: {token: ▶'${NONE}'}",
            "admin.token: the environment has no variable NONE; set it, or give it a default",
        ),
        (
            "tests: [{name: t, source: ▶q, sample: x, expect: {}}]",
            "tests[0].source: no source named 'q'; did you mean 'qa'?",
        ),
        ("tests: [{name: t, source: qa, sample: x, expect: {to: [▶scren]}}]", "tests[0].expect.to: no target name"),
        ("tests: [{name: t, source: qa, sample: x, expect: {match: {▶knd: x}}}]", "tests[0].expect.match: a resu"),
        ("tests: [{name: t, source: qa, sample: x, after: [▶ok], expect: {}}]", "tests[0].after[0]: must be 'pass"),
        ("tests: [▶{name: t, source: qa, sample: x}]", "tests[0]: the key 'expect' is missing"),
    ],
)
def test_mistakes_in_the_outer_keys_and_tests(text, expected, tmp_path):
    says(tmp_path, f"{GOOD}{text}\n", expected)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("qa: {vendor: ▶autosna, secret: x}", "sources.qa.vendor: no vendor named 'autosna'; did you mean 'autosana'?"),
        ("▶qa: {secret: x}", "sources.qa: the key 'vendor' is missing"),
        ("▶qa: {vendor: autosana}", "sources.qa: needs the key 'secret'; without one anybody could post here"),
        ("▶qa: {vendor: autosana, secret: }", "sources.qa: needs the key 'secret'"),
        ("qa: {vendor: autosana, secret: ▶[]}", "sources.qa.secret: must not be empty"),
        ("qa: {vendor: autosana, secret: ▶''}", "sources.qa.secret: must not be empty"),
        ("qa: {vendor: autosana, secret: [a, ▶'']}", "sources.qa.secret[1]: must not be empty"),
        ("qa: {vendor: autosana, secret: ▶'${EMPTY}'}", "sources.qa.secret: must not be empty (filled in from ${EMP"),
        ("qa: {vendor: autosana, secret: ▶{a: 1}}", "sources.qa.secret: must be text or a list, not a mapping"),
        ("qa: {vendor: autosana, ▶secert: x}", "sources.qa: unknown key 'secert'; did you mean 'secret'?"),
        ("qa: {vendor: autosana, ▶secret:x}", "sources.qa: unknown key 'secret…'; put a space after the ':'"),
        ("qa: {vendor: autosana, verify: ▶nope}", "sources.qa.verify: must be 'enforce', 'shadow' or 'none'"),
        ("▶qa: {vendor: autosana, verify: shadow}", "sources.qa: needs the key 'secret'"),
        ("qa: {vendor: autosana, verify: none, ▶secret: x}", "sources.qa.secret: is never used with 'verify: none'"),
        ("qa: {vendor: autosana, secret: x, max_body: ▶1GiB}", "sources.qa.max_body: must be more than 0 and at mo"),
        ("qa: {vendor: autosana, secret: x, max_body: ▶5}", "sources.qa.max_body: must be a number with a unit (B, "),
        ("qa: {vendor: autosana, secret: x, dedupe_window: ▶1h30m}", "sources.qa.dedupe_window: must be a number "),
        ("qa: {vendor: autotab, secret: x, options: {▶cancel: yes}}", "sources.qa.options: unknown key 'cancel'; "),
        ("qa: {vendor: autotab, secret: x, options: {cancel_is_failure: ▶on}}", "sources.qa.options.cancel_is_fai"),
        ("qa: {vendor: autousers, secret: x, options: {outcome_when: ▶'x ='}}", "sources.qa.options.outcome_when:"),
        ("qa: {vendor: autosana, secret: x, options: {result: {title: ▶'{{ 1'}}}", "sources.qa.options.result.ti"),
        ("qa: {vendor: autosana, secret: x, signature: {▶kye: utf8}}", "sources.qa.signature: unknown key 'kye';"),
        ("qa: {vendor: autosana, secret: ▶x, signature: {key: whsec}}", "sources.qa.secret: the secret is not one "),
        ("qa: {vendor: autosana, secret: x, ▶signature: {format: kv}}", "sources.qa.signature: message must have '"),
        ("▶QA_1: {vendor: autosana, secret: x}", "sources.QA_1: a name is made of lower-case letters, digits and '-'"),
        ("▶bridge: {vendor: autosana, secret: x}", "sources.bridge: the name 'bridge' belongs to Drawbridge's own"),
        ("qa: ▶autosana", "sources.qa: must be a mapping (key: value), not text"),
        ("qa:▶", "sources.qa: must be a mapping (key: value), not empty"),
        ("qa: {vendor: autosana, secret: x, allow_from: ▶['::1', nowhere]}", "sources.qa.allow_from: must be an"),
        ("qa: {vendor: autosana, secret: x, allow_from: ▶10.0.0.1/8}", "sources.qa.allow_from: is an address inside"),
        ("qa: {vendor: autosana, secret: x, allow_from: ▶[]}", "sources.qa.allow_from: must"),
        ("qa: {vendor: autosana, secret: x, rate: ▶100}", "sources.qa.rate: must be a number per time, as in"),
        ("qa: {vendor: autosana, secret: x, expect_every: ▶5s}", "sources.qa.expect_every: must be at least 1m"),
        ("qa: {vendor: autosana, secret: x, expect_every: ▶30d}", "sources.qa.expect_every: must be shorter than"),
    ],
)
def test_mistakes_in_sources(source, expected, tmp_path):
    says(tmp_path, changed("sources", f"sources:\n  {source}"), expected)


@pytest.mark.parametrize(
    ("heartbeat", "expected"),
    [
        ("{every: 1m}", "heartbeat: the key 'url' is missing"),
        ("{url: 'https://x.example/', every: ▶9s}", "heartbeat.every: must be at least 10s, and be written with"),
        ("{url: 'https://x.example/', every: ▶60}", "heartbeat.every: must be a number"),
        ("{url: ▶'http://169.254.169.254/'}", "heartbeat.url: may not be a link-local address"),
        ("{url: 'https://x.example/', ▶evry: 1m}", "heartbeat: unknown key 'evry'; did you mean 'every'?"),
    ],
)
def test_mistakes_in_the_heartbeat(heartbeat, expected, tmp_path):
    says(tmp_path, f"{GOOD}\n{'' if '▶' in heartbeat else '▶'}heartbeat: {heartbeat}\n", expected)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("slack: {type: ▶slak}", "targets.slack.type: there is no type 'slak'; did you mean 'slack'?"),
        ("▶slack: {url: 'https://x'}", "targets.slack: the key 'type' is missing"),
        (
            "▶slack: {type: slack}",
            "targets.slack: needs the url of an incoming webhook, or a bot's token and a channel",
        ),
        ("slack: {type: slack, url: '${SLACK}', ▶chanel: C}", "targets.slack: unknown key 'chanel'; did you mean 'c"),
        ("slack: {type: slack, url: ▶'ftp://x'}", "targets.slack.url: must be an address of the form https://host"),
        ("slack: {type: slack, url: ▶'http://169.254.169.254/'}", "targets.slack.url: may not be a link-local addr"),
        ("slack: {type: slack, url: '${SLACK}', style: ▶bars}", "targets.slack.style: must be 'bar' or 'blocks'; did"),
        ("slack: {type: slack, url: '${SLACK}', buttons: ▶on}", "targets.slack.buttons: must be true or false"),
        ("slack: {type: slack, url: '${SLACK}', concurrency: ▶x}", "targets.slack.concurrency: must be a whole num"),
        ("slack: {type: slack, url: '${SLACK}', concurrency: ▶0}", "targets.slack.concurrency: must be greater tha"),
        ("slack: {type: slack, url: '${SLACK}', timeout: {read: ▶5}}", "targets.slack.timeout.read: must be a numb"),
        ("slack: {type: slack, url: '${SLACK}', timeout: {▶raed: 5s}}", "targets.slack.timeout: unknown key 'raed'"),
        ("slack: {type: slack, url: '${SLACK}', ▶batch: 9}", "targets.slack: unknown key 'batch'"),
        ("slack: {type: inbox, ▶url: x}", "targets.slack: unknown key 'url'"),
        ("slack: ▶[slack]", "targets.slack: must be a mapping (key: value), not a list"),
    ],
)
def test_mistakes_in_targets(target, expected, tmp_path):
    says(tmp_path, changed("targets", f"targets:\n  screen: {{type: inbox}}\n  {target}"), expected)


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("{name: a, to: [▶slakc]}", "routes[0].to: no target named 'slakc'; did you mean 'slack'?"),
        ("{name: a, to: ▶slack}", "routes[0].to: must be a list, not text"),
        ("{name: a, ▶to: []}", "routes[0].to: `to` names no target"),
        ("▶{to: [slack]}", "routes[0]: the key 'name' is missing"),
        ("{name: a, to: [slack], stop: ▶on}", "routes[0].stop: must be true or false"),
        ("{name: a, to: [slack], mode: ▶edit}", "routes[0].mode: must be 'post', 'update' or 'thread'"),
        (
            "{name: a, to: [slack], mode: ▶update}",
            "routes[0].mode: 'update' cannot be at target 'slack': an incoming webhook only posts; give the target",
        ),
        (
            "{name: a, to: [slack], thread_key: ▶result.run_id}",
            "routes[0].thread_key: counts in `mode: update` and `mode: thread` only",
        ),
        (
            "{name: a, to: [slack], match: {kind: [▶test_rum]}}",
            "routes[0].match.kind: is never 'test_rum'; did yo",
        ),
        ("{name: a, to: [slack], match: {▶knd: test_run}}", "routes[0].match: a result has no field 'knd'; did you me"),
        (
            "{name: a, to: [slack], match: {source: ▶q}}",
            "routes[0].match.source: no source named 'q'; did you mean 'qa'?",
        ),
        ("{name: a, to: [slack], match: {source: ['*', ▶'!q?b']}}", "routes[0].match.source: no source named 'q?b'"),
        ("{name: a, to: [slack], match: {vendor: ▶agnox}}", "routes[0].match.vendor: no vendor named 'agnox'; there i"),
        ("{name: a, to: [slack], match: {kind: ▶{a: b}}}", "routes[0].match.kind: must be text or a list, not a mapp"),
        (
            "{name: a, to: [slack], when: ▶result.outcme == 1}",
            "routes[0].when: the result has no field 'outcme'; did you ",
        ),
        ("{name: a, to: [slack], when: ▶'1 +'}", "routes[0].when: "),
        (
            "{name: a, to: [slack], mention: {who: {▶slakc: x}}}",
            "routes[0].mention.who: names 'slakc', which is not in",
        ),
        (
            "{name: a, to: [screen], mention: {who: {screen: ▶x}}}",
            "routes[0].mention.who.screen: cannot be, since a tar",
        ),
        (
            "{name: a, to: [slack], mention: {who: {slack: '<!here>'}, at_most: ▶5}}",
            "routes[0].mention.at_most: must be a numb",
        ),
        (
            "{name: a, to: [slack], mention: {who: {slack: '<!here>'}, transition: [▶brok]}}",
            "routes[0].mention.transition[0]",
        ),
    ],
)
def test_mistakes_in_routes(route, expected, tmp_path):
    says(tmp_path, changed("routes", f"routes:\n  - {route}"), expected)


@pytest.mark.parametrize(
    ("vendor", "expected"),
    [
        ("▶autosana: {dedupe: [id]}", "vendors.autosana: a built-in vendor has this name; choose another"),
        ("ci: {▶understand: x}", "vendors.ci: unknown key 'understand'"),
        ("ci: {▶name: x}", "vendors.ci: unknown key 'name'"),
        ("ci: {result: {▶titel: a.b}}", "vendors.ci.result.titel: no field 'titel'; did you mean 'title'?"),
        ("ci: {result: {title: ▶'{{ payloda.x }}'}}", "vendors.ci.result.title: nothing here is called 'payloda'; did"),
        ("ci: {outcomes: {green: ▶pased}}", "vendors.ci.outcomes.green: must be "),
        ("ci: {▶signature: {prefix: x}}", "vendors.ci.signature: must say in one of header"),
    ],
)
def test_mistakes_in_vendors(vendor, expected, tmp_path):
    says(tmp_path, f"{GOOD}vendors:\n  {vendor}\n", expected)


def test_a_vendor_that_signs_nothing_needs_a_signature_or_an_open_door(tmp_path):
    text = "vendors: {ci: {title: CI}}\nsources:\n  qa: {vendor: ci, secret: x%s}"
    [found] = problems(tmp_path, changed("sources", text % ""))
    assert found.startswith("config.yaml:8:3: sources.qa: vendor 'ci' signs nothing; say how with 'signature', or 'ver")
    assert problems(tmp_path, changed("sources", text % ", signature: {header: X-S}")) == []
    [found] = problems(tmp_path, changed("sources", text % ", signature: {prefix: x}"))
    assert found.startswith("config.yaml:8:31: sources.qa.signature: must say in one of header, json_field and query")


def test_of_a_missing_variable_nothing_else_is_said(tmp_path):
    sources = "sources:\n  qa: {vendor: autosana, secret: ▶'${NONE}', signature: {key: whsec}, max_body: ▶'${NONE}'}"
    text, places = pointed(changed("sources", sources))
    found = problems(tmp_path, text)
    assert [":".join(each.split(":")[1:3]) for each in found] == places
    assert all("has no variable NONE" in each for each in found)


def test_all_mistakes_are_reported_together_in_the_order_of_the_file(tmp_path):
    text, places = pointed("""\
▶listn: 0.0.0.0:1
sources:
  qa: {vendor: autosana, ▶secrt: "${NONE}"}
  qb: {vendor: autotab, secret: x, max_body: ▶5}
targets:
  ▶slack: {type: slack}
routes:
  - {name: a, match: {kind: ▶test_rum}, to: [▶slakc]}
  - {name: ▶a, to: [slack, ▶lake]}
  - {name: ▶a, to: [slack]}
""")
    places.insert(2, "3:33")  # the variable that is not there, behind the key that is not one either
    assert [":".join(found.split(":")[1:3]) for found in problems(tmp_path, text)] == places


def test_a_hopeless_file_stops_at_some_point(tmp_path):
    found = problems(tmp_path, GOOD + "\n".join(f"k{n}: x" for n in range(5 * MOST_PROBLEMS)))
    assert len(found) == MOST_PROBLEMS + 1
    assert found[0] == f"config.yaml: has more problems than these; correct the first {MOST_PROBLEMS} first"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "config.yaml: is empty; config.example.yaml explains every key"),
        ("# nothing", "config.yaml: is empty; config.example.yaml explains every key"),
        ("[]", "config.yaml:1:1: must be a mapping (key: value), not a list"),
        ("text", "config.yaml:1:1: must be a mapping (key: value), not text"),
        ("listen: 0.0.0.0:80", "config.yaml:1:1: the key 'sources' is missing"),
        ("sources:", "config.yaml:1:9: sources: must be a mapping (key: value), not empty"),
        ("sources: {}", "config.yaml:1:1: sources: must not be empty"),
        ("sources: [qa]", "config.yaml:1:10: sources: must be a mapping (key: value), not a list"),
        ("a: b: c", "config.yaml:1:5: is not valid YAML"),
    ],
)
def test_a_file_of_the_wrong_shape(text, expected, tmp_path):
    [found] = problems(tmp_path, text)
    assert found.startswith(expected)


def test_a_file_that_cannot_be_read(tmp_path):
    (tmp_path / "config.yaml").mkdir()
    for name, reason in (("gone.yaml", "No such file or directory"), ("config.yaml", "Is a directory")):
        with pytest.raises(ConfigError, match=f"{name}: cannot be read: {reason}"):
            load(tmp_path / name, {})


# ---------------------------------------------------------------------------------------------- serving


SQLITE, POSTGRES = "sqlite:///x.db", "postgresql://u@db/x"


@pytest.mark.parametrize(
    ("token", "store", "on_terminal", "allowed"),
    [
        ("secret", SQLITE, False, True),
        ("secret", POSTGRES, False, True),
        ("", SQLITE, True, True),
        ("", SQLITE, False, False),
        ("", POSTGRES, True, False),
        ("", POSTGRES, False, False),
    ],
)
def test_without_a_token_serve_runs_only_on_a_terminal_with_sqlite(token, store, on_terminal, allowed, tmp_path):
    config = read(tmp_path, f"{GOOD}admin: {{token: '{token}'}}\nstore: {{url: '{store}'}}\n")
    found = serving_problems(config, on_terminal)
    assert bool(found) is not allowed
    assert all(
        str(problem).startswith(f"{tmp_path}/config.yaml:8:9: admin.token: must not be empty") for problem in found
    )


def test_a_missing_token_is_reported_at_the_nearest_place(tmp_path):
    [found] = serving_problems(read(tmp_path, GOOD), on_terminal=False)
    assert (found.line, found.column) == (1, 1)


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("listen: 0.0.0.0:1", ["listen"]),
        ("admin: {listen: '0.0.0.0:2'}", ["admin.listen"]),
        ("store: {url: 'sqlite:///other.db'}", ["store.url"]),
        ("store: {keep: 1d}", []),
        ("admin: {token: x}", []),
        ("public_url: https://x", []),
    ],
)
def test_what_needs_a_restart(line, keys, tmp_path):
    assert needs_restart(read(tmp_path, GOOD), read(tmp_path, f"{GOOD}{line}\n")) == keys


SIGNS_URL = "vendor 'trello' signs the URL that it posts to, so 'public_url' must say it, or a proxy of 'trusted"


@pytest.mark.parametrize("line", ["public_url: https://hooks.example.com", "trusted_proxies: 10.0.0.1"])
def test_who_signs_the_url_is_told_by_the_file_or_a_trusted_proxy_which_one_it_is(line, tmp_path):
    trello = GOOD.replace("vendor: autosana", "vendor: trello")
    read(tmp_path, f"{trello}{line}\n")
    says(tmp_path, trello.replace("qa:", "▶qa:", 1), f"sources.qa: {SIGNS_URL}")
