"""Any HTTP endpoint: the result as JSON, as a CloudEvent, or as a template makes it; signed where it has a secret.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from bridge import clock
from bridge.model import Answer, Message, Sent
from bridge.render import Renderer
from bridge.targets.export import Part, attributes, binary_headers, exported, written
from bridge.targets.settings import Common, Url, secrets_of
from bridge.targets.target import Context, only, view
from bridge.targets.wire import HttpAnswer, Outgoing, by_status
from bridge.verify.standard import standard_headers, standard_key

OURS = re.compile(r"host|content-length|transfer-encoding|connection|webhook-.*|ce-.*", re.IGNORECASE)
"""Headers that say what we do; an operator's word could only make them wrong."""


def _check_headers(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise ValueError(f"{name!r} is not the name of an HTTP header")
        if OURS.fullmatch(name):
            raise ValueError(f"{name} is set by Drawbridge itself; leave it out")
        if not re.fullmatch(r"[!-~]([ -~\t]*[!-~])?", value.get_secret_value()):
            raise ValueError(f"the value of {name} must be printable ASCII, without spaces at its ends")
    return headers


def _check_secrets(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for secret in secrets:
        standard_key(secret.get_secret_value())
    return secrets


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


class HttpOptions(Common):
    """Where to, in which form. Several `signing_secret`s sign side by side, so that a receiver can change over."""

    type: Literal["http"]
    url: Url
    format: Literal["json", "cloudevents", "cloudevents-binary", "template"] = "json"
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    headers: Annotated[dict[str, SecretStr], AfterValidator(_check_headers)] = Field(default={})
    include: tuple[Part, ...] = ()
    signing_secret: Annotated[
        tuple[SecretStr, ...],
        AfterValidator(_check_secrets),
        BeforeValidator(_listed, json_schema_input_type=str | list[str]),
    ] = ()
    concurrency: int = Field(default=4, ge=1, le=64)


def compose(options: HttpOptions, message: Message, context: Context, renderer: Renderer, now: int) -> Outgoing:
    """The message as this endpoint takes it. A receiver knows a repeat by `webhook-id` (the message's id), by the
    CloudEvents id, or by the result's id; only an unsigned template need not hold any of them."""
    body, headers, falls = _body(options, message, context, renderer, now)
    headers |= {name: value.get_secret_value() for name, value in options.headers.items()}
    signing = [secret.get_secret_value() for secret in options.signing_secret]
    if signing:
        headers |= standard_headers(signing, message.id, now // clock.SECOND, body)
    url = options.url.get_secret_value()
    return Outgoing(
        url=url,
        headers=headers,
        body=body,
        at=now,
        method=options.method,
        idempotent=bool(signing) or options.format != "template",
        attempts=message.attempts,
        falls=falls,
        secrets=(*secrets_of(url), *(value.get_secret_value() for value in options.headers.values())),
    )


def _body(
    options: HttpOptions, message: Message, context: Context, renderer: Renderer, now: int
) -> tuple[bytes, dict[str, str], tuple[str, ...]]:
    """(body, headers, falls) in the target's format."""
    member = only(message)
    if options.format == "template":
        rendered = renderer.render("http", context.templates.get(member.route), view(member, context, now))
        text = rendered.body.encode() if isinstance(rendered.body, str) else written(rendered.body)
        return text, {"Content-Type": rendered.content_type}, rendered.falls
    data = exported(member.result, options.include)
    if options.format == "json":
        return written(data), {"Content-Type": "application/json"}, ()
    event = attributes(member.result)
    if options.format == "cloudevents":
        headers = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
        return written({**event, "data": data}), headers, ()
    return written(data), binary_headers(event), ()


def judge(answer: HttpAnswer) -> Answer:
    """What any endpoint's answer means: 2xx is success, the rest is `by_status`."""
    return Sent() if 200 <= answer.status < 300 else by_status(answer)
