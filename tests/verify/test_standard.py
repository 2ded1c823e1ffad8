import pytest

from bridge.verify.standard import standard_headers, standard_key


def test_the_example_of_the_standard_is_signed_as_it_says():
    # https://github.com/standard-webhooks/standard-webhooks: the vector that its libraries share.
    headers = standard_headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_not base64!",
        "whsec_c2hvcnQ=",
        "whsec_\N{SNOWMAN}",
        "whsec_" + "A" * 88,
        "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ],
)
def test_a_secret_that_is_none_is_refused_without_showing_it(secret):
    with pytest.raises(ValueError, match="must be 'whsec_' and the base64 of 24 to 64 random bytes") as caught:
        standard_key(secret)
    assert len(secret) < 8 or secret not in str(caught.value)
