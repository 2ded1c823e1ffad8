"""The requests that an HTTP target sends, for people to read: every format, one result and several, signed and not.

`python -m tests.render.goldens` writes `tests/targets/requests.yaml` anew, with the messages. A body of JSON stands
there as what it says, any other as its text.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bridge import vendors
from bridge.render import Renderer
from bridge.targets import Context, Outgoing
from bridge.targets.http import compose
from tests.render import goldens
from tests.targets.making import NOW, message, options

FILE = Path(__file__).parent / "requests.yaml"
URL = "https://lake.example.com/in"
OLD, NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
SUBJECT = "Käse & Wein/„100 %“"
"""What no header can hold as it is."""

PRIVATE = ["payload", "extra", "artifacts"]
REQUESTS: dict[str, tuple[dict[str, Any], int]] = {
    "json": ({"format": "json"}, 1),
    "json, with all that is private": ({"format": "json", "include": PRIVATE}, 1),
    "json, a batch": ({"format": "json", "batch": 100}, 2),
    "json, signed": ({"format": "json", "signing_secret": NEW}, 1),
    "cloudevents": ({"format": "cloudevents"}, 1),
    "cloudevents, a batch": ({"format": "cloudevents", "batch": 100}, 2),
    "cloudevents, a batch of one": ({"format": "cloudevents", "batch": 100}, 1),
    "cloudevents, signed while the secret changes": ({"format": "cloudevents", "signing_secret": [NEW, OLD]}, 1),
    "cloudevents-binary": ({"format": "cloudevents-binary", "headers": {"Authorization": "Bearer x"}}, 1),
    "template": ({"format": "template"}, 1),
    "template, form-encoded and signed": ({"format": "template", "signing_secret": NEW}, 1),
}
"""Name -> the target's options, and how many results."""

RENDERER = Renderer(Path(__file__).parent / "templates")


def results() -> list[dict[str, Any]]:
    """One that broke and one that passed, with their payloads; the first with a subject that is hard to write."""
    views = dict(goldens.vendor_views("autosana"))
    samples = vendors.samples("autosana")
    broke, passed = (
        {**views[f"{sample}, {change}"].result, "payload": json.loads(samples[sample])}
        for sample, change in (("documented", "broke"), ("passed", "passed"))
    )
    return [{**broke, "subject_key": SUBJECT}, passed]


def requests() -> Iterator[tuple[str, dict[str, Any], Outgoing]]:
    """Each request: its name, its target's options, and what goes out."""
    for name, (keys, number) in REQUESTS.items():
        one = message()
        members = tuple(replace(one.members[0], result=result) for result in results()[:number])
        context = Context(templates={"broken tests": "form"} if "form" in name else {})
        target = options(type="http", url=URL, **keys)
        yield name, keys, compose(target, replace(one, members=members, size=number), context, RENDERER, NOW)


def body(out: Outgoing) -> Any:
    """What the body says."""
    return json.loads(out.body) if "json" in out.headers["Content-Type"] else out.body.decode()


def shown() -> dict[str, Any]:
    """What the file should hold."""
    return {
        name: {"method": out.method, "headers": dict(out.headers), "body": body(out)} for name, _, out in requests()
    }


def write() -> None:
    FILE.write_text(goldens.as_yaml(shown()), encoding="utf-8")
