"""The messages as they are sent, for people to read: every vendor's samples, on every kind of target.

`python -m tests.render.goldens` writes `tests/render/goldens/<vendor>/<target type>.yaml` anew, and the requests of
HTTP targets (`tests/targets/requests.py`); read the difference as the person who will get the message. A sample with a
verdict stands there once for each thing that can have changed since the verdict before it (as far as `history` gives it
that change), any other one once.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from bridge import alarms, clock, history, vendors
from bridge.history import Subject, Verdict
from bridge.model import BAD, GOOD, Event, Item, Outcome, Result, Verification, Why
from bridge.normalize import as_json, normalize
from bridge.render import Rendered, Renderer, View
from bridge.render.renderer import TargetType
from tests.render.making import failing, item, result

FOLDER = Path(__file__).parent / "goldens"
TARGETS: tuple[TargetType, ...] = ("slack", "discord", "http", "inbox")
CHANGES = ("first", "broke", "still failing", "different failures", "fixed", "passed")
FULLY = ("agnox", "autonoma", "autosana", "autotab", "autousers")
"""Vendors whose samples are shown with every change; the others' with one."""

OCCASIONS = "occasions"
"""Where what is not about a vendor stands: digests, alarms, late ones, long ones."""

SHAPES = "shapes"
"""Where each change stands in the shapes that a target may ask for, besides its usual one."""

RECEIVED_AT = 1_777_939_200_000_000
EVENT_ID = "019df560-5400-7000-8000-000000000001"
MESSAGE = "019df560-5400-7000-8000-0000000000aa"
RENDERER = Renderer()
LED = ", with the page's address"
"""What the names of messages end in that lead to the operator's page."""

LEADING = Renderer(admin_url="https://drawbridge.internal.example")


def vendor_views(vendor: str) -> Iterator[tuple[str, View]]:
    """`sample, change` and what is rendered for it."""
    samples = vendors.samples(vendor)
    for name, body in samples.items():
        for number, one in enumerate(_results(vendor, name, body)):
            named = f"{name} {number + 1}" if number else name
            for change, made in _changes(one, every=vendor in FULLY):
                yield f"{named}, {change}" if change else named, View(result=made, route="broken tests")


def _results(vendor: str, name: str, body: bytes) -> list[Result]:
    headers = {header.lower(): value for header, value in vendors.sample_headers(vendor, name).items()}
    proof = Verification("hmac-sha256", verified=True, secret=1)
    event = Event(EVENT_ID, 1, "room", vendor, RECEIVED_AT, headers, body, proof, False)
    return list(normalize(event, vendors.load(vendor)))


def _changes(one: Result, *, every: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    if one.outcome not in GOOD | BAD or one.is_test:
        yield "", as_json(one)
        return
    failed = [each for each in one.items if each.outcome in BAD]
    known = [history.item_key(each) for each in failed]
    gone = history.item_key(Item("Log out", ["Account"]))
    before: dict[str, Subject | None] = {
        "first": None,
        "broke": _subject(one, Outcome.PASSED, 12, {}),
        "still failing": _subject(one, Outcome.FAILED, 3, dict.fromkeys(known, 3)),
        "different failures": _subject(one, Outcome.FAILED, 3, {gone: 3}),
    }
    if one.outcome in GOOD:
        before = {
            "first": None,
            "fixed": _subject(one, Outcome.FAILED, 2, {history.item_key(each): 2 for each in one.items[:2]}),
            "passed": _subject(one, Outcome.PASSED, 12, {}),
        }
    elif not failed:
        del before["different failures"]
    if one.subject_key is None:
        before = {"first": None}
    for name, subject in before.items() if every else list(before.items())[-1:]:
        again = replace(one, items=[replace(each) for each in one.items])
        history.place(subject, again)
        yield name, as_json(again)


def _subject(one: Result, outcome: Outcome, streak: int, failing: dict[str, int]) -> Subject:
    """What is remembered of a subject whose last verdict was an hour ago, the first of its streak so many before."""
    assert one.time
    last = clock.to_micros(one.time) - clock.HOUR
    return Subject(Verdict(last, outcome, streak, last - (streak - 1) * clock.HOUR), failing)


def occasion_views() -> Iterator[tuple[str, View]]:
    """What is told on occasions that no single hook makes."""
    broken = result(
        counts={"total": 3, "passed": 2, "failed": 1, "unit": "group"},
        items=[
            item("pay with saved card", is_new=True, streak=1, url="https://example.com/t/1", message="no button"),
            item("coupon", streak=3, url="https://example.com/t/2", message="total differs\n  at cart.py:12"),
        ],
        history={"previous": "passed", "previous_streak": 12, "transition": "broke", "streak": 1},
        vcs={"repository": "acme/shop", "ref": "main", "commit": "a1b2c3d4e5f6", "change": "12"},
        app={"name": "My App", "platform": "android", "version": "2.4.0"},
        environment="staging",
        duration_ms=252_000,
    )
    passed = result(outcome="passed", counts={"total": 3, "passed": 3, "unit": "group"}, vcs={"ref": "main"})
    seen = partial(View, route="broken tests")
    yield "a mention", seen(result=broken, mention="<@&42>")
    yield (
        "a mention, blocks and buttons",
        seen(result=broken, mention="<@&42>", style="blocks", buttons=True, username="CI"),
    )
    yield "late", seen(result=broken, late_by=12 * clock.MINUTE)
    yield "late, passed", seen(result=passed, late_by=12 * clock.MINUTE)
    yield "a test", seen(result=broken | {"is_test": True}, why=Why.TEST)
    yield "a replay", seen(result=broken | {"is_replay": True}, why=Why.REPLAY)
    yield "not verified", seen(result=broken | {"verification": {"scheme": "none", "verified": False}})
    yield "overtaken", seen(result=broken | {"history": {"transition": "none", "late": True}})
    yield "thirty failures", seen(result=failing(30))
    yield (
        "one failure in full",
        seen(result=result(items=[item(message="AssertionError: 1 != 2\n  at pay.py:12\n  at main.py:3")])),
    )
    flaky = [item("search", outcome="passed", flaky=True), item("pay")]
    yield "flaky", seen(result=result(items=flaky, counts={"total": 9, "failed": 1, "flaky": 1}))
    yield (
        "flaky, passed",
        seen(
            result=result(
                outcome="passed", items=flaky[:1], counts={"total": 9, "passed": 9, "flaky": 1, "unit": "test"}
            ),
        ),
    )
    yield "a template that does not exist", View(result=broken, route="deploys")
    yield "nothing can be read", View(result={"id": EVENT_ID, "source": "room", "counts": "many", "items": 3})
    yield "a digest", seen(result=broken, members=tuple(_storm()), cause="while Slack was down", message=MESSAGE)
    yield "a digest of passes", seen(result=passed, members=tuple(_storm("passed")), cause="in quiet hours")
    told = (
        alarms.target_paused("qa", "no_service (HTTP 404): make a new webhook in Slack and change the target's url"),
        alarms.dead_letter("qa", "invalid_blocks (HTTP 400)", "0195945f-c000-7000-8000-000000000009"),
        alarms.target_resumed("qa"),
    )
    for alarm in told:
        made = result(
            source=alarms.SOURCE,
            vendor="bridge",
            kind="system",
            type=alarm.kind,
            outcome="neutral",
            severity=alarm.severity,
            url=None,
            title=alarm.title,
            summary=alarm.summary,
        )
        yield f"alarm {alarm.kind}", View(result=made, route="alarms")
    many = tuple(_storm("failed", subjects=30))[:23]
    crowded = seen(result=broken, members=many, cause="while Slack was down", message=MESSAGE)
    yield "a digest with no room for all", crowded
    yield f"a digest with no room for all{LED}", crowded
    yield f"a failed run{LED}", seen(result=broken)
    yield "meant for another target", View(result=passed, note="meant for qa, which does not take it: no_service")


def _storm(outcome: str | None = None, subjects: int = 9) -> Iterator[dict[str, Any]]:
    """Thirty-seven results of so many subjects within an hour."""
    start = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
    for number in range(37):
        ended = outcome or ("failed" if number % 9 in (0, 4) or number == 7 else "passed")
        yield result(
            id=f"{EVENT_ID[:-2]}{number:02}",
            title=f"Suite {number % subjects} (ios)",
            subject_key=f"suite-{number % subjects}",
            outcome=ended,
            counts={"total": 9, "passed": 8 + (ended == "passed"), "failed": int(ended == "failed"), "unit": "test"},
            items=[item("coupon")] if ended == "failed" else [],
            time=(start + timedelta(minutes=number)).isoformat().replace("+00:00", "Z"),
            url=f"https://example.com/runs/{number}",
            vcs={"ref": "main"},
        )


def shape_views(target_type: TargetType) -> Iterator[tuple[str, View]]:
    """Every change in the shapes of a target: Slack's style without a bar, and buttons in place of links."""
    for sample, changes in (("failures-changed", CHANGES[:4]), ("passed", CHANGES[4:])):
        for change in changes:
            view = dict(vendor_views("autosana"))[f"{sample}, {change}"]
            if target_type == "slack":
                yield f"{change}, blocks", replace(view, style="blocks")
                yield f"{change}, blocks and buttons", replace(view, style="blocks", buttons=True)
            yield f"{change}, buttons", replace(view, buttons=True)


FOLDERS = (*vendors.names(), OCCASIONS, SHAPES)


def targets(folder: str) -> tuple[TargetType, ...]:
    """The target types whose messages stand in a folder."""
    return ("slack", "discord") if folder == SHAPES else TARGETS


def views(folder: str, target_type: TargetType) -> Iterator[tuple[str, View]]:
    """What each message of one file is made of."""
    if folder == SHAPES:
        return shape_views(target_type)
    return occasion_views() if folder == OCCASIONS else vendor_views(folder)


def rendered(folder: str, target_type: TargetType) -> Iterator[tuple[str, View, Rendered]]:
    """Each message of one file: its name, what it is made of, and what becomes of it."""
    for name, view in views(folder, target_type):
        mention = "<!subteam^S0123>" if view.mention and target_type == "slack" else view.mention
        template = "mine" if name == "a template that does not exist" else None
        renderer = LEADING if name.endswith(LED) else RENDERER
        yield name, view, renderer.render(target_type, template, replace(view, mention=mention))


def golden_file(folder: str, target_type: str) -> Path:
    return FOLDER / folder / f"{target_type}.yaml"


def written(folder: str, target_type: TargetType) -> str:
    """What that file should hold."""
    return as_yaml({name: plain(message.body) for name, _, message in rendered(folder, target_type)})


def as_yaml(whole: dict[str, Any]) -> str:
    """What is to be read and compared, as a file."""
    return yaml.dump(whole, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=200)


def plain(body: Any) -> Any:
    """A body as it goes out: what JSON makes of it."""
    return json.loads(json.dumps(body))


class _Dumper(yaml.SafeDumper):
    """YAML in which a text of several lines reads as such, and nothing is abbreviated."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def write() -> None:
    for folder in FOLDERS:
        for target_type in targets(folder):
            file = golden_file(folder, target_type)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(written(folder, target_type), encoding="utf-8")
    for left in FOLDER.iterdir():
        if left.name not in FOLDERS:
            sys.stderr.write(f"{left} belongs to no vendor; remove it\n")


if __name__ == "__main__":
    from tests.targets import requests

    write()
    requests.write()
