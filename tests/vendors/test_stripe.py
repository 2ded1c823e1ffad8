"""Stripe's quirks, by name. https://docs.stripe.com/webhooks"""

import pytest
import stripe

from bridge import history
from tests.vendors.cases import is_genuine, read, said, sample

SECRET, SENT = "whsec_made_up", 1772442900
BODY = '{"id":"evt_1","object":"event"}'


def header(*secrets: str) -> dict[str, str]:
    macs = (stripe.WebhookSignature._compute_signature(f"{SENT}.{BODY}", secret) for secret in secrets)
    return {"Stripe-Signature": ",".join([f"t={SENT}", *(f"v1={mac}" for mac in macs), "v0=ignored"])}


def test_it_signs_as_stripes_own_library_does_and_with_both_secrets_while_one_is_rolled():
    assert is_genuine("stripe", BODY.encode(), header(SECRET), SECRET, seconds=SENT)
    assert is_genuine("stripe", BODY.encode(), header("whsec_old", SECRET), SECRET, seconds=SENT)
    assert not is_genuine("stripe", BODY.encode(), header("whsec_old"), SECRET, seconds=SENT)
    assert not is_genuine("stripe", BODY.encode(), header(SECRET), SECRET, seconds=SENT + 301)


def test_what_we_take_stripes_library_takes_too():
    signed = header(SECRET)["Stripe-Signature"]
    assert stripe.WebhookSignature.verify_header(BODY, signed, SECRET, tolerance=None)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [(4900, "eur", "49.00 EUR"), (1500, "jpy", "1,500 JPY"), (1234567, "kwd", "1,234.567 KWD"), (0, "usd", "0.00 USD")],
)
def test_an_amount_is_in_the_smallest_unit_of_its_currency(amount, currency, shown):
    body = said("stripe", "charge-succeeded")
    body["data"]["object"] |= {"amount": amount, "currency": currency}
    assert read("stripe", body).title == f"Charge: {shown}"


def test_a_type_that_is_in_no_table_is_news_and_not_refused():
    result = read("stripe", said("stripe", "customer-created") | {"type": "tax.brand_new.created"})
    assert (result.title, result.outcome, result.severity) == ("Tax brand new created", "neutral", "info")


def test_an_invoice_that_is_paid_at_the_third_attempt_is_fixed():
    failed, paid = sample("stripe", "invoice-payment-failed"), sample("stripe", "invoice-paid")
    history.place(history.place(None, failed), paid)
    assert paid.history.transition == "fixed"


def test_test_mode_is_an_environment_and_leads_to_its_own_dashboard():
    result = sample("stripe", "payment-intent-failed")
    assert (result.environment, result.is_test) == ("test", False)
    assert result.url == "https://dashboard.stripe.com/test/events/evt_3Made0Up000003"


def test_who_paid_is_told_nowhere_but_in_the_payload():
    result = sample("stripe", "invoice-payment-failed")
    assert "jane@example.com" in str(result.payload)
    result.payload = None
    assert "jane@example.com" not in str(result)
