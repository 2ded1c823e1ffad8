"""Who calls, and by which address, when there are proxies in between. In: the connection's other end and what the
proxies wrote; out: what of it may be believed, or none.

A header is believed only as far as a trusted proxy wrote it: everything to the left of that, any caller can make up.
"""

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, WithJsonSchema

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

FORWARDED_FOR = "x-forwarded-for"
FORWARDED_HOST = "x-forwarded-host"
FORWARDED_PROTO = "x-forwarded-proto"
FORWARDED = "forwarded"

_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d{1,5})?|(\d+\.\d+\.\d+\.\d+):\d{1,5}", re.ASCII)
_MAPPED = ip_network("::ffff:0:0/96")


def parse_network(text: Any) -> Network:
    """`203.0.113.0/24`, `2001:db8::/32`, or one address, as a network. Raises ValueError that says what is wrong."""
    if isinstance(text, IPv4Network | IPv6Network):
        return text
    try:
        network = ip_network(text if isinstance(text, str) else "")
    except ValueError as error:
        if "has host bits set" in str(error):
            meant = ip_network(text, strict=False)
            raise ValueError(f"is an address inside a network: write {meant}, or the address alone") from None
        raise ValueError(
            "must be an address or a network, as in 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32"
        ) from None
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and network.subnet_of(_MAPPED):  # type: ignore[arg-type]
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


def _parse_networks(value: Any) -> tuple[Network, ...]:
    return tuple(parse_network(each) for each in (value if isinstance(value, list | tuple) else [value]))


Networks = Annotated[
    tuple[Network, ...],
    BeforeValidator(_parse_networks),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}, mode="validation"),
]
"""One network, or a list of them."""


def within(address: Address, networks: Sequence[Network]) -> bool:
    """Whether the address is in one of the networks."""
    return any(address in network for network in networks)


def caller(peer: str | None, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> Address | None:
    """Who called: the peer itself, or where that is a trusted proxy, the right-most address that is none.

    `forwarded_for` are the values of `X-Forwarded-For`, in the order of the wire. Null where an address that counts
    cannot be read: nobody knows then who called.
    """
    return _walk(peer, _listed(forwarded_for), trusted)[0]


def reached(
    peer: str | None, header: Callable[[str], Sequence[str]], trusted: Sequence[Network], scheme: str = "http"
) -> str | None:
    """`https://hooks.example.com`, as the sender wrote it; null where no trusted proxy is in between to say so.

    `header` gives the values of a header, `scheme` is that of the connection. What the outermost trusted proxy wrote
    counts: to the left of that, any caller can write what it likes. A proxy that hands on what a caller says of itself
    is trusted too much.
    """
    if not trusted:
        return None
    fors, hosts, protos = (_listed(header(name)) for name in (FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO))
    if not (fors or hosts or protos):
        # RFC 7239. A proxy that writes the older headers may hand on this one, so it is read only where those are not.
        pairs = [dict(_pairs(hop)) for hop in _listed(header(FORWARDED))]
        fors, hosts, protos = ([pair[key] for pair in pairs if key in pair] for key in ("for", "host", "proto"))
    proxies = _walk(peer, fors, trusted)[1]
    if not proxies:
        return None
    host, proto = _outermost(hosts or header("host"), proxies), (_outermost(protos, proxies) or scheme).lower()
    return f"{proto}://{host}" if host and proto in ("http", "https") else None


def _outermost(values: Sequence[str], proxies: int) -> str | None:
    """Each proxy adds a value at the right, or leaves what another one wrote: never more than there are proxies."""
    return values[-min(proxies, len(values))].strip() if values else None


def _pairs(hop: str) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in hop.split(";"))
    return [(name.strip().lower(), value.strip().strip('"')) for name, _, value in parts]


def _listed(values: Sequence[str]) -> list[str]:
    return [hop for value in values for hop in value.split(",") if hop.strip()]


def _walk(peer: str | None, hops: list[str], trusted: Sequence[Network]) -> tuple[Address | None, int]:
    """Who called, and through how many trusted proxies. `hops` is used up."""
    address, proxies = _address(peer or ""), 0
    while address is not None and within(address, trusted):
        proxies += 1
        if not hops:
            break
        address = _address(hops.pop().strip())
    return address, proxies


def _address(text: str) -> Address | None:
    """An address, with or without a port. One of IPv4 that is written as IPv6 is one of IPv4."""
    if match := _WITH_PORT.fullmatch(text):
        text = match[1] or match[2]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
