"""Who called: what a proxy wrote is believed only where the proxy is trusted."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.callers import caller, parse_network, reached, within

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        ("::/0", "::/0"),
    ],
)
def test_a_network_is_an_address_or_a_range(text, network):
    assert parse_network(text) == ip_network(network)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("203.0.113.7/24", "write 203.0.113.0/24"),
        ("hooks.example.com", "must be an address"),
        ("", "must be"),
        (7, "must be"),
        (None, "must be"),
    ],
)
def test_what_is_no_network_is_refused_with_what_to_write(text, said):
    with pytest.raises(ValueError, match=said):
        parse_network(text)


@pytest.mark.parametrize(
    ("peer", "forwarded", "who"),
    [
        ("198.51.100.1", [], "198.51.100.1"),
        ("::ffff:198.51.100.1", [], "198.51.100.1"),
        ("fe80::1%eth0", [], "fe80::1%eth0"),
        (None, [], None),
        ("testclient", [], None),
    ],
)
def test_without_a_proxy_the_peer_calls(peer, forwarded, who):
    assert caller(peer, forwarded, PROXIES) == (ip_address(who) if who else None)


@pytest.mark.parametrize(
    ("forwarded", "who"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["198.51.100.1:4711"], "198.51.100.1"),
        (["[2001:db8::1]:4711"], "2001:db8::1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["192.0.2.66, 198.51.100.1"], "198.51.100.1"),
        (["192.0.2.66", "198.51.100.1"], "198.51.100.1"),
        (["192.0.2.66, 198.51.100.1, 10.1.1.1, fd00::1"], "198.51.100.1"),
        (["10.1.1.1, 10.1.1.2"], "10.1.1.1"),
        (["198.51.100.1,, "], "198.51.100.1"),
        ([], "10.0.0.1"),
        (["198.51.100.1, unknown"], None),
        (["198.51.100.1, _hidden, 10.1.1.1"], None),
    ],
)
def test_behind_a_trusted_proxy_the_right_most_stranger_calls(forwarded, who):
    assert caller("10.0.0.1", forwarded, PROXIES) == (ip_address(who) if who else None)


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({"x-forwarded-proto": "https", "x-forwarded-host": "hooks.example.com"}, "https://hooks.example.com"),
        ({"x-forwarded-proto": "https", "host": "hooks.example.com:8443"}, "https://hooks.example.com:8443"),
        ({"x-forwarded-for": "198.51.100.1", "host": "hooks.example.com"}, "http://hooks.example.com"),
        ({"forwarded": 'for=198.51.100.1;proto=https;host="hooks.example.com"'}, "https://hooks.example.com"),
        ({"forwarded": "For=198.51.100.1; Host=hooks.example.com", "x-forwarded-proto": "https", "host": "a"}, "https://a"),
        # Two trusted proxies: the outer one is told the name, the inner one adds its own or leaves it.
        (
            {
                "x-forwarded-for": "198.51.100.1, 10.1.1.1",
                "x-forwarded-proto": "https, http",
                "x-forwarded-host": "hooks.example.com, inner",
            },
            "https://hooks.example.com",
        ),
        (
            {"x-forwarded-for": "198.51.100.1, 10.1.1.1", "x-forwarded-proto": "https", "x-forwarded-host": "outer"},
            "https://outer",
        ),
        # What stands to the left of a trusted proxy's word, the caller wrote.
        ({"x-forwarded-for": "198.51.100.1", "x-forwarded-host": "evil, real", "x-forwarded-proto": "https"}, "https://real"),
        ({"forwarded": "host=evil;proto=http, for=198.51.100.1;host=real;proto=https"}, "https://real"),
        ({"x-forwarded-proto": "gopher", "x-forwarded-host": "a"}, None),
        ({"x-forwarded-proto": "https"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_behind_a_trusted_proxy_the_address_that_was_called_is_the_outermost_trusted_one_s_word(headers, url):
    def header(name):
        return [headers[name]] if name in headers else []

    assert reached("10.0.0.1", header, PROXIES) == url
    assert reached("198.51.100.1", header, PROXIES) is None
    assert reached("10.0.0.1", header, []) is None


@pytest.mark.parametrize("trusted", [[], PROXIES])
def test_what_a_stranger_writes_about_itself_is_not_believed(trusted):
    assert caller("198.51.100.1", ["203.0.113.7"], trusted) == ip_address("198.51.100.1")


@given(st.text(), st.lists(st.text()))
def test_whatever_is_written_there_comes_out_as_an_address_or_none(peer, forwarded):
    everybody = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    who = caller(peer, forwarded, everybody)
    assert who is None or within(who, everybody)
