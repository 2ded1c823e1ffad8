"""Vercel's quirks, by name. https://vercel.com/docs/webhooks/webhooks-api"""

import hashlib
import hmac

import pytest

from tests.vendors.cases import is_genuine, read, said, sample


def test_the_body_is_signed_with_sha_1_as_the_page_says():
    # https://vercel.com/docs/headers/request-headers#x-vercel-signature
    body = b'{"id":"whe_1"}'
    signed = {"x-vercel-signature": hmac.new(b"secret", body, hashlib.sha1).hexdigest()}
    assert is_genuine("vercel", body, signed, "secret")
    assert not is_genuine("vercel", body + b" ", signed, "secret")
    assert not is_genuine(
        "vercel", body, {"x-vercel-signature": hmac.digest(b"secret", body, "sha256").hex()}, "secret"
    )


def test_ready_is_not_yet_succeeded():
    ready, succeeded = sample("vercel", "ready"), sample("vercel", "succeeded")
    assert (ready.state, ready.outcome, succeeded.outcome) == ("running", None, "passed")
    assert ready.run_id == succeeded.run_id


def test_a_null_target_is_a_preview_whose_subject_is_its_branch():
    preview, production = sample("vercel", "error-of-a-preview"), sample("vercel", "error")
    assert (preview.environment, preview.subject_key) == ("preview", "prj_shop/preview/fix/coupon")
    assert (production.environment, production.subject_key) == ("production", "prj_shop/production/-")


def test_a_deployments_url_has_no_scheme():
    (link,) = sample("vercel", "succeeded").links
    assert link.url == "https://shop-4f1c09ab-acme.vercel.app"


def test_a_deployment_without_git_is_told_all_the_same():
    result = sample("vercel", "succeeded-without-git")
    assert (result.title, result.outcome, result.vcs.commit) == ("shop: deployment to production", "passed", None)


def test_a_rollback_is_no_verdict_and_matters():
    result = sample("vercel", "rollback")
    assert (result.outcome, result.severity, result.attention) == ("neutral", "high", True)


@pytest.mark.parametrize("name", ["promoted", "rollback"])
def test_what_is_promoted_or_rolled_back_names_no_target_and_is_production(name):
    assert "target" not in said("vercel", name)["payload"]
    result = sample("vercel", name)
    assert (result.environment, result.subject_key) == ("production", "prj_shop/production/-")


def test_a_rollback_names_its_project_and_both_deployments():
    result = sample("vercel", "rollback")
    assert (result.app.id, result.run_id, result.summary) == ("prj_shop", "dpl_411", "from dpl_412 to dpl_411")


def test_where_nobody_says_a_target_it_is_no_preview():
    result = sample("vercel", "check-rerequested")
    assert (result.environment, result.subject_key, result.title) == (None, None, "Check asked for again")


def test_a_cleaned_up_deployment_has_its_target_inside():
    body = said("vercel", "cleanup-of-a-preview")
    assert read("vercel", body).environment == "preview"
    body["payload"]["deployment"]["target"] = "production"
    assert read("vercel", body).environment == "production"


@pytest.mark.parametrize(
    ("event", "state", "outcome"),
    [
        ("started", "running", None),
        ("approved", "running", None),
        ("completed", "finished", "passed"),
        ("aborted", "finished", "cancelled"),
        ("paused", "finished", "unknown"),
    ],
)
def test_a_rolling_release_is_a_deployment_of_its_own(event, state, outcome):
    body = said("vercel", "rolling-release-completed")
    body["type"] = f"project.rolling-release.{event}"
    result = read("vercel", body)
    assert (result.state, result.outcome) == (state, outcome)
    if outcome != "unknown":
        assert (result.subject_key, result.run_id) == ("prj_shop/rolling-release", "dpl_412")


def test_an_alert_leads_to_its_page_and_is_no_verdict():
    result = sample("vercel", "alert")
    assert (result.outcome, result.severity, result.subject_key) == ("neutral", "high", None)
    assert result.title == "shop: Many more edge requests than usual"
    assert result.url == "https://vercel.com/acme/shop/observability"


@pytest.mark.parametrize("name", ["certificate-renew-failed", "certificate.renew.failed"])
def test_names_of_domains_events_are_known_as_the_page_and_as_the_api_spell_them(name):
    body = said("vercel", "certificate-not-renewed")
    body["type"] = f"domain.{name}"
    result = read("vercel", body)
    assert (result.outcome, result.title) == ("failed", "Certificate not renewed: shop.example.com")


def test_a_deployment_from_the_command_line_names_its_commit_otherwise():
    vcs = sample("vercel", "error-from-the-command-line").vcs
    assert (vcs.repository, vcs.ref) == ("acme/shop", "main")
    assert vcs.commit == "4f1c09ab7d2e5b6388a0c1d4e97f2b3a5c6d7e8f"


@pytest.mark.parametrize(
    "meta",
    [
        {"githubOrg": "acme", "githubRepo": "shop"},
        {"gitlabProjectPath": "acme/shop"},
        {"bitbucketRepoOwner": "acme", "bitbucketRepoSlug": "shop"},
        {"gitRemoteUrl": "https://git.example.com/acme/shop.git"},
    ],
)
def test_each_git_host_names_the_repository_in_its_own_way(meta):
    body = said("vercel", "succeeded-without-git")
    body["payload"]["deployment"]["meta"] = meta
    assert read("vercel", body).vcs.repository == "acme/shop"
