"""The doctor: what is wrong with a hook that was kept as refused, and with the door as a whole."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from bridge import clock
from bridge.config import load
from bridge.doctor import look, of_refusal
from bridge.model import Refusal, Verification, Verified
from bridge.store import open_store, refusals
from bridge.vendors import samples
from bridge.verify import sign

NOW = 1_773_489_600_000_000
BODY = samples("autosana")["passed"]
HEAD = """
public_url: https://hooks.example.com
targets: {screen: {type: inbox}}
routes: [{name: all, to: [screen]}]
"""
QA = "sources: {qa: {vendor: autosana, secret: topsecret}, ci: {vendor: autotab, secret: other}}"


def configured(folder, text=QA):
    (folder / "config.yaml").write_text(HEAD + text)
    return load(folder / "config.yaml", {})


def refusal(config, secret="topsecret", reason="no_key_matched", **changes):
    scheme = config.sources["qa"].scheme
    headers = tuple((name.lower(), value) for name, value in sign(scheme, secret, BODY, NOW).items())
    made = Refusal("id", "qa", NOW, reason, "was odd", "POST", "198.51.100.1", headers, BODY, len(BODY))
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "has been mended"),
        ({"secret": "topsecret\n"}, "ends in a newline"),
        ({"reason": "address_not_allowed"}, "add 198.51.100.1 to sources.qa.allow_from"),
        ({"reason": "too_many"}, "raise sources.qa.rate"),
        ({"reason": "too_large"}, "raise sources.qa.max_body"),
        ({"reason": "too_slow"}, "is slow"),
        ({"reason": "not_a_post"}, "must use POST"),
        ({"size": 1 << 20}, "capture one"),
        ({"source": "gone"}, "no source 'gone' any more"),
    ],
)
def test_a_kept_refusal_is_diagnosed_by_the_configuration_of_today(tmp_path, changes, said):
    config = configured(tmp_path)
    first = of_refusal(refusal(config, **changes), config)[0]
    assert said in first.what + first.advice


def looked(folder, config, **there):
    """The last check of each thing, by what it is about."""
    return {check.about: check for check in looked_all(folder, config, **there)}


def looked_all(folder, config, *, refused=(), heard=None):
    """The checks of a store in which these were refused and one hook was kept."""

    async def story():
        store = await open_store(f"sqlite:///{folder}/bridge.db", exclusive=True)
        try:
            await store.write(partial(refusals.add, counts={}, last=list(refused), now=NOW))
            if heard is not None:
                proof = Verification("hmac-sha256", True, 1)
                await store.keep(Verified("qa", "autosana", heard, {}, b"{}", proof, b"k" * 32, NOW))
            return await look(store, config, None, NOW)
        finally:
            await store.close()

    return asyncio.run(story())


def test_a_door_with_nothing_wrong_is_good(tmp_path):
    checks = looked(tmp_path, configured(tmp_path), heard=NOW - clock.HOUR)
    assert {check.state for check in checks.values()} == {"ok"}
    assert checks["qa"].text == "the last hook came 1 h ago, and nothing was refused"


@pytest.mark.parametrize(("heard", "state"), [(None, "wrong"), (NOW - clock.DAY, "wrong"), (NOW, "doubt")])
def test_a_source_whose_last_hook_was_refused_is_wrong_until_one_is_let_in(tmp_path, heard, state):
    config = configured(tmp_path)
    checks = looked(tmp_path, config, refused=[refusal(config, "topsecret\n", at=NOW - clock.MINUTE)], heard=heard)
    assert checks["qa"].state == state
    assert "1 min ago, one was refused. The sender's secret ends in a newline" in checks["qa"].text
    assert "topsecret" not in repr(checks)


def test_a_source_that_is_silent_for_too_long_is_wrong(tmp_path):
    config = configured(tmp_path, QA.replace("secret: topsecret", "secret: topsecret, expect_every: 26h"))
    checks = looked(tmp_path, config, heard=NOW - 27 * clock.HOUR)
    assert (checks["qa"].state, checks["qa"].text) == (
        "wrong",
        "the last hook came 1 d ago, though one is expected every 1 d",
    )


def test_a_doubtful_secret_is_told_without_being_shown(tmp_path):
    config = configured(tmp_path, 'sources: {qa: {vendor: autosana, secret: ["good-one", "topsecret "]}}')
    told = [check for check in looked_all(tmp_path, config) if check.state == "doubt"]
    assert [check.text[:35] for check in told] == ["secret 2 begins or ends with a blank"[:35]]
    assert "topsecret" not in repr(told)


@pytest.mark.parametrize(
    ("url", "state"),
    [
        ("https://hooks.example.com", "ok"),
        ("http://hooks.example.com", "doubt"),
        ("https://localhost", "wrong"),
        ("https://10.0.0.1:8080", "wrong"),
        ("https://bridge.internal", "wrong"),
        ("https://203.0.113.7", "wrong"),
        ("https://8.8.8.8", "ok"),
    ],
)
def test_a_public_url_must_be_reachable_from_outside(tmp_path, url, state):
    (tmp_path / "config.yaml").write_text(HEAD.replace("https://hooks.example.com", url) + QA)
    assert looked(tmp_path, load(tmp_path / "config.yaml", {}))["public_url"].state == state
