import json

import pytest
from pydantic import ValidationError

from bridge.clock import DAY, HOUR, SECOND
from bridge.targets import Rate
from bridge.targets.settings import is_link_local
from tests.targets.making import File, options

HOOK = "https://hooks.slack.com/services/T0/B0/very-secret"
DISCORD = "https://discord.com/api/webhooks/42/very-secret"
SIGNING = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


BOT = {"type": "slack", "token": "xoxb-very-secret", "channel": "C0123456"}


@pytest.mark.parametrize(
    "keys",
    [
        {"type": "slack", "url": HOOK},
        {"type": "slack", "token": "xoxb-1", "channel": "C0123456", "username": "Results", "style": "blocks"},
        {**BOT, "api_url": "https://slack-gov.com/api/"},
        {**BOT, "api_url": "http://localhost:8080"},
        {**BOT, "api_url": "http://[::1]:8080/api"},
        {"type": "slack", "url": HOOK, "pace": "30/m", "retry": {"first": "2s"}, "timeout": {"read": "1m"}},
        {"type": "discord", "url": DISCORD, "username": "Results", "buttons": True},
        {"type": "discord", "url": DISCORD + "?thread_id=7", "pace": ["5/2s", "30/m"]},
        {"type": "http", "url": "http://lake.internal:8080/in?key=1", "signing_secret": SIGNING},
        {"type": "http", "url": "http://[::1]/in", "signing_secret": [SIGNING, SIGNING], "method": "PUT"},
        {"type": "http", "url": "http://10.0.0.7/in", "headers": {"Authorization": "Bearer x"}, "include": ["payload"]},
        {"type": "inbox"},
    ],
)
def test_what_a_target_may_say(keys):
    assert options(**keys).type == keys["type"]


@pytest.mark.parametrize(
    ("keys", "because"),
    [
        ({"type": "slack"}, "needs the url of an incoming webhook, or a bot's token and a channel"),
        ({**BOT, "api_url": "http://slack-gov.com/api/"}, "must begin with https://: a token is sent there"),
        ({**BOT, "api_url": "https://slack-gov.com/api/?x=1"}, "without ? and #"),
        ({**BOT, "api_url": "https://169.254.169.254/api/"}, "may not be a link-local address"),
        ({**BOT, "api_url": "slack-gov.com/api/"}, "must be an address of the form"),
        (
            {"type": "slack", "url": "https://hooks.slack.com/x", "api_url": "https://slack-gov.com/api/"},
            "api_url needs a token",
        ),
        ({"type": "slack", "token": "xoxb-very-secret"}, "a bot's token and a channel"),
        ({"type": "slack", "channel": "C1"}, "a bot's token and a channel"),
        ({"type": "slack", "url": HOOK, "channel": "C1"}, "a webhook posts to its own channel only"),
        ({"type": "slack", "url": HOOK, "username": "x"}, "username needs a token"),
        ({"type": "slack", "token": "very-secret\nX: y", "channel": "C1"}, "token must be printable ASCII"),
        ({"type": "slack", "url": HOOK, "style": "fancy"}, "'bar' or 'blocks'"),
        ({"type": "slack", "url": HOOK, "colour": "red"}, "Extra inputs are not permitted"),
        ({"type": "slack", "url": "hooks.slack.com/very-secret"}, "https://host/path"),
        ({"type": "slack", "url": "ftp://very-secret/"}, "https://host/path"),
        ({"type": "slack", "url": "https:///very-secret"}, "https://host/path"),
        ({"type": "slack", "url": "https://[very-secret/"}, "https://host/path"),
        ({"type": "slack", "url": "https://host:port/very-secret"}, "https://host/path"),
        ({"type": "slack", "url": HOOK + "\r\nX: y"}, "https://host/path"),
        ({"type": "slack", "url": HOOK, "concurrency": 0}, "greater than or equal to 1"),
        ({"type": "slack", "url": HOOK, "retry": {"first": "2h"}}, "must not be longer than retry.most"),
        ({"type": "slack", "url": HOOK, "timeout": {"read": "0s"}}, "greater than 0"),
        ({"type": "slack", "url": HOOK, "pace": "fast"}, "as in 1/s"),
        ({"type": "discord"}, "Field required"),
        ({"type": "discord", "url": "https://discord.com/very-secret"}, "must be a webhook's address"),
        ({"type": "discord", "url": DISCORD + "/slack"}, "must be a webhook's address"),
        ({"type": "discord", "url": DISCORD, "username": "Not Discord"}, "neither 'clyde' nor 'discord'"),
        ({"type": "http", "url": "https://user:very-secret@host/"}, "Authorization header"),
        ({"type": "http", "url": "http://169.254.169.254/very-secret"}, "link-local"),
        ({"type": "http", "url": "http://[fd00:ec2::254]/"}, "link-local"),
        ({"type": "http", "url": "http://x/", "signing_secret": "very-secret"}, "must be 'whsec_'"),
        ({"type": "http", "url": "http://x/", "signing_secret": ["whsec_c2hvcnQ="]}, "24 to 64 random bytes"),
        ({"type": "http", "url": "http://x/", "headers": {"Content-Length": "1"}}, "set by Drawbridge itself"),
        ({"type": "http", "url": "http://x/", "headers": {"webhook-id": "1"}}, "set by Drawbridge itself"),
        ({"type": "http", "url": "http://x/", "headers": {"X Y": "1"}}, "not the name of an HTTP header"),
        ({"type": "http", "url": "http://x/", "headers": {"X": "very-secret\r\nY: 1"}}, "printable ASCII"),
        ({"type": "http", "url": "http://x/", "include": ["all"]}, "'payload', 'extra' or 'artifacts'"),
        ({"type": "http", "url": "http://x/", "method": "GET"}, "'POST', 'PUT' or 'PATCH'"),
        ({"type": "inbox", "url": HOOK}, "Extra inputs are not permitted"),
        ({"type": "email"}, "'slack', 'discord', 'http', 'inbox'"),
    ],
)
def test_what_cannot_work_is_refused_without_showing_a_secret(keys, because):
    with pytest.raises(ValidationError) as caught:
        options(**keys)
    assert because in str(caught.value)
    assert "very-secret" not in str(caught.value)


def test_what_is_not_said_follows_the_documented_limits():
    slack, discord = options(type="slack", url=HOOK), options(type="discord", url=DISCORD)
    http = options(type="http", url="https://lake.example.com/in")
    assert [target.concurrency for target in (slack, discord, http)] == [1, 1, 4]
    assert slack.pace == (Rate(1, SECOND, burst=3),)
    assert http.pace == ()
    assert (slack.timeout.connect, slack.timeout.read) == (5 * SECOND, 15 * SECOND)
    assert (slack.retry.first, slack.retry.most, slack.retry.give_up) == (SECOND, HOUR, DAY)
    assert (slack.style, slack.buttons, discord.buttons, http.format) == ("bar", False, False, "json")


@pytest.mark.parametrize(
    "keys",
    [
        {"type": "slack", "url": HOOK},
        {"type": "slack", "token": "xoxb-very-secret", "channel": "C1"},
        {"type": "discord", "url": DISCORD},
        {"type": "http", "url": "https://x/very-secret", "headers": {"A": "very-secret"}, "signing_secret": SIGNING},
    ],
)
def test_nothing_secret_stands_in_a_repr_or_a_dump(keys):
    target = options(**keys)
    shown = repr(target) + str(target) + str(target.model_dump()) + target.model_dump_json()
    assert "very-secret" not in shown
    assert SIGNING not in shown


def test_an_editor_knows_the_keys():
    schema = json.dumps(File.model_json_schema())
    for key in ("pace", "signing_secret", "buttons", "channel", "cloudevents-binary"):
        assert f'"{key}"' in schema


@pytest.mark.parametrize(
    ("address", "is_it"),
    [
        ("169.254.169.254", True),
        ("169.254.0.1", True),
        ("::ffff:169.254.169.254", True),
        ("fe80::1", True),
        ("fe80::1%eth0", True),
        ("fd00:ec2::254", True),
        ("FD00:0EC2:0:0:0:0:0:254", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("169.253.255.255", False),
        ("fd00::1", False),
        ("lake.example.com", False),
        ("", False),
    ],
)
def test_link_local_addresses_are_known_in_every_spelling(address, is_it):
    assert is_link_local(address) is is_it
