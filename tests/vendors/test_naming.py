"""What code hosts and build servers say alike, in words and keys."""

import pytest

from bridge.model import Draft, Vcs
from bridge.vendors.naming import first_line, key, numbered, repository_name, short_ref, tell_push, titled


@pytest.mark.parametrize(
    ("parts", "made"), [(("a", "b"), "a/b"), (("a", None), None), ((None,), None), (("a", ""), None), (("a",), "a")]
)
def test_a_key_is_made_of_all_its_parts_or_not_at_all(parts, made):
    assert key(*parts) == made


@pytest.mark.parametrize(
    ("place", "what", "title"), [("acme/shop", "Tests", "acme/shop: Tests"), (None, "Tests", "Tests"), (None, None, "")]
)
def test_a_title_is_where_and_what(place, what, title):
    assert titled(place, what) == title


@pytest.mark.parametrize(
    ("name", "number", "said"), [("Tests", "7", "Tests #7"), ("Tests", None, "Tests"), (None, "7", None)]
)
def test_a_number_stands_only_behind_a_name(name, number, said):
    assert numbered(name, number) == said


@pytest.mark.parametrize(
    ("ref", "short"),
    [
        ("refs/heads/main", "main"),
        ("refs/heads/fix/coupon", "fix/coupon"),
        ("refs/tags/v1", "v1"),
        ("refs/pull/7/merge", "refs/pull/7/merge"),
        ("refs/heads/", None),
        ("main", "main"),
        (None, None),
    ],
)
def test_a_ref_is_a_branch_or_a_tag_or_as_it_is(ref, short):
    assert short_ref(ref) == short


@pytest.mark.parametrize(
    "remote",
    [
        "git@git.example.com:acme/shop.git",
        "https://git.example.com/acme/shop.git",
        "https://git.example.com/acme/shop",
        "ssh://git@git.example.com:2222/acme/shop.git",
    ],
)
def test_a_repository_is_named_without_its_host(remote):
    assert repository_name(remote) == "acme/shop"


@pytest.mark.parametrize("remote", [None, "shop", "acme/shop", "C:\\code"])
def test_what_is_no_remote_is_left_as_it_is(remote):
    assert repository_name(remote) == remote


def test_a_message_is_told_by_its_first_line():
    assert first_line("\nRound half up\n\nCents were cut off.") == "Round half up"
    assert first_line(" ") is None


BRANCH, TAG = "refs/heads/main", "refs/tags/v1"


@pytest.mark.parametrize(
    ("ref", "messages", "how", "title"),
    [
        (BRANCH, ["a"], {}, "1 commit pushed to main"),
        (BRANCH, ["a", "b"], {"total": 24}, "24 commits pushed to main"),
        (BRANCH, ["a"], {"forced": True}, "1 commit forced to main"),
        (BRANCH, ["a"], {"created": True}, "1 commit pushed to main (new branch)"),
        (BRANCH, [], {"created": True}, "branch main created"),
        (BRANCH, [], {}, "branch main moved"),
        (BRANCH, [], {"deleted": True}, "branch main deleted"),
        (TAG, ["a"], {"created": True}, "tag v1 created"),
        (TAG, [], {}, "tag v1 moved"),
        (TAG, [], {"deleted": True}, "tag v1 deleted"),
    ],
)
def test_a_push_says_what_it_did(ref, messages, how, title):
    draft = Draft(type="push", vcs=Vcs(repository="acme/shop"))
    tell_push(draft, ref, messages, **how)
    assert (draft.title, draft.outcome) == (f"acme/shop: {title}", "neutral")


def test_of_many_commits_the_last_five_are_told():
    draft = Draft(type="push")
    tell_push(draft, BRANCH, [str(n) for n in range(20)], total=24)
    assert draft.summary == "• 15\n• 16\n• 17\n• 18\n• 19\n• 19 more"
