"""Senders that send by way of Svix: Clerk, Resend and many more. https://docs.svix.com/receiving/verifying-payloads/how

As `standard_webhooks` but for the names of the headers, which are those from before there was a standard.
"""

from bridge.vendors.standard_webhooks import STATES, result, scheme, understand
from bridge.vendors.vendor import Vendor

VENDOR = Vendor(
    name="svix",
    title="Svix",
    docs="https://docs.svix.com/receiving/verifying-payloads/how",
    setup="Where the sender keeps its webhooks (Clerk: Configure > Webhooks > Add Endpoint; Resend: Webhooks > Add "
    "Webhook): paste the URL and pick the events; the signing secret begins with whsec_.",
    signature=scheme("svix"),
    dedupe=(("header:svix-id",),),
    event=("type", "event_type", "event"),
    result=result("svix"),
    outcomes=STATES,
    understand=understand,
)
