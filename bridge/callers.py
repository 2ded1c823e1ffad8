"""Who calls, when there are proxies in between. In: the connection's other end and what the proxies wrote; out: an
address that may be believed, or none.

A header is believed only as far as a trusted proxy wrote it: everything to the left of that, any caller can make up.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, WithJsonSchema

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

FORWARDED_FOR = "x-forwarded-for"

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
    address = _address(peer or "")
    hops = [hop for value in forwarded_for for hop in value.split(",") if hop.strip()] if trusted else []
    while address is not None and hops and within(address, trusted):
        address = _address(hops.pop().strip())
    return address


def _address(text: str) -> Address | None:
    """An address, with or without a port. One of IPv4 that is written as IPv6 is one of IPv4."""
    if match := _WITH_PORT.fullmatch(text):
        text = match[1] or match[2]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
