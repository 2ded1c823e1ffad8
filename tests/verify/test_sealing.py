"""A seal is known to who has the secret, for what it is for, until its time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.verify.sealing import seal, sealed

SEAL = seal("secret", "session", 100)


@pytest.mark.parametrize(
    ("secret", "purpose", "now", "good"),
    [
        ("secret", "session", 0, True),
        ("secret", "session", 99, True),
        ("secret", "session", 100, False),
        ("Secret", "session", 0, False),
        ("", "session", 0, False),
        ("secret", "another", 0, False),
    ],
)
def test_it_counts_for_its_secret_its_purpose_and_its_time(secret, purpose, now, good):
    assert sealed(SEAL, secret, purpose, now) is good


@given(st.integers(0, len(SEAL) - 1), st.characters())
def test_one_character_changed_makes_it_none(place, character):
    changed = SEAL[:place] + character + SEAL[place + 1 :]
    assert sealed(changed, "secret", "session", 0) is (changed == SEAL)


@given(st.text())
def test_no_text_is_an_error(text):
    assert sealed(text, "secret", "session", 0) is False


def test_it_says_nothing_of_the_secret_and_no_two_are_alike():
    made = {seal("a secret", "session", 100) for _ in range(50)}
    assert len(made) == 50
    assert not any("secret" in one for one in made)
