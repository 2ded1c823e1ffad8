"""Any HTTP endpoint: the result as JSON, as a CloudEvent, or as a template makes it; signed where it has a secret.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from bridge import clock
from bridge.model import Answer, Message, Sent
from bridge.render import Renderer
from bridge.targets.export import Part, attributes, binary_headers, exported, written
from bridge.targets.settings import Common, Url, secrets_of
from bridge.targets.target import Context, view
from bridge.targets.wire import HttpAnswer, Outgoing, by_status
from bridge.verify.standard import standard_headers, standard_key

SINGLE = frozenset({"cloudevents-binary", "template"})
"""Formats that hold one result: of one the headers say what it is, of the other the template."""

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
    batch: int = Field(default=1, ge=1, le=1_000)
    """The most results in one request. More than 1: each request is a list, however short."""

    @model_validator(mode="after")
    def _can_hold_several(self) -> Self:
        if self.batch > 1 and self.format in SINGLE:
            raise ValueError(f"batch needs a format that can hold several: json or cloudevents, not {self.format}")
        if self.digest is not None and self.format != "template":
            raise ValueError(
                "digest needs format: template, which says how it reads; batch is what sends several as data"
            )
        return self


def is_idempotent(options: HttpOptions) -> bool:
    """Whether each request says by which id a receiver can know a repeat."""
    return bool(options.signing_secret) or options.format != "template"


def reads_payload(options: HttpOptions) -> bool:
    """Whether a request may hold something of the vendor's own body."""
    return options.format == "template" or "payload" in options.include


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
        idempotent=is_idempotent(options),
        attempts=message.attempts,
        falls=falls,
        secrets=(*secrets_of(url), *(value.get_secret_value() for value in options.headers.values())),
    )


def _body(
    options: HttpOptions, message: Message, context: Context, renderer: Renderer, now: int
) -> tuple[bytes, dict[str, str], tuple[str, ...]]:
    """(body, headers, falls) in the target's format."""
    if options.format == "template":
        rendered = renderer.render("http", context.template(message), view(message, context, now))
        text = rendered.body.encode() if isinstance(rendered.body, str) else written(rendered.body)
        return text, {"Content-Type": rendered.content_type}, rendered.falls
    exports = [exported(member.result, options.include) for member in message.members]
    several = options.batch > 1 or message.size > 1
    if options.format == "json":
        return written(exports if several else exports[0]), {"Content-Type": "application/json"}, ()
    events = [attributes(member.result) for member in message.members]
    if options.format == "cloudevents":
        whole = [{**event, "data": data} for event, data in zip(events, exports, strict=True)]
        kind = "application/cloudevents-batch+json" if several else "application/cloudevents+json"
        return written(whole if several else whole[0]), {"Content-Type": f"{kind}; charset=utf-8"}, ()
    if several:
        raise ValueError("format cloudevents-binary holds one result")  # halved, and then each goes out alone
    return written(exports[0]), binary_headers(events[0]), ()


def judge(answer: HttpAnswer) -> Answer:
    """What any endpoint's answer means: 2xx is success, the rest is `by_status`."""
    return Sent() if 200 <= answer.status < 300 else by_status(answer)
