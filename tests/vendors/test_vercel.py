"""Vercel's quirks, by name. https://vercel.com/docs/webhooks/webhooks-api"""

import hashlib
import hmac

from tests.vendors.cases import is_genuine, sample


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
