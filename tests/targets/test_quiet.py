"""Quiet hours by the clock on the wall, over midnight and in the nights in which it is set."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from bridge import clock
from bridge.targets.quiet import QuietHours

BERLIN = ZoneInfo("Europe/Berlin")


def at(text, *, fold=0):
    """A moment by Berlin's clocks."""
    return clock.to_micros(datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold))


def quiet(between="22:00-07:00", **more):
    return QuietHours.model_validate({"between": between, "zone": "Europe/Berlin", **more})


@pytest.mark.parametrize(
    ("between", "now", "until"),
    [
        ("22:00-07:00", "2026-05-04T21:59:59", None),
        ("22:00-07:00", "2026-05-04T22:00", "2026-05-05T07:00"),
        ("22:00-07:00", "2026-05-05T00:00", "2026-05-05T07:00"),
        ("22:00-07:00", "2026-05-05T06:59:59", "2026-05-05T07:00"),
        ("22:00-07:00", "2026-05-05T07:00", None),
        ("12:00-13:00", "2026-05-05T12:30", "2026-05-05T13:00"),
        ("12:00-13:00", "2026-05-05T13:30", None),
        ("12:00-11:59", "2026-05-05T11:58", "2026-05-05T11:59"),
    ],
)
def test_within_the_hours_it_is_quiet_until_they_end(between, now, until):
    assert quiet(between).until(at(now)) == (at(until) if until else None)


@pytest.mark.parametrize(
    ("night", "start", "end", "hours"),
    [
        ("an ordinary one", "2026-05-04T22:00", "2026-05-05T07:00", 9),
        ("the clock is set forward", "2026-03-28T22:00", "2026-03-29T07:00", 8),
        ("the clock is set back", "2026-10-24T22:00", "2026-10-25T07:00", 10),
    ],
)
def test_a_night_lasts_as_long_as_it_does(night, start, end, hours):
    assert quiet().until(at(start)) == at(end) == at(start) + hours * clock.HOUR, night


def test_hours_that_end_at_a_time_that_comes_twice_end_the_second_time():
    assert quiet("22:00-02:30").until(at("2026-10-25T02:15")) == at("2026-10-25T02:30", fold=1)


def test_hours_that_end_at_a_time_that_does_not_come_end_when_the_clock_is_past_it():
    assert quiet("22:00-02:30").until(at("2026-03-29T01:59")) == at("2026-03-29T03:30")


@pytest.mark.parametrize(
    ("now", "ended"),
    [
        ("2026-05-05T07:00", "2026-05-05T07:00"),
        ("2026-05-05T23:00", "2026-05-05T07:00"),
        ("2026-05-05T06:00", "2026-05-04T07:00"),
    ],
)
def test_it_is_known_when_the_last_ones_ended(now, ended):
    assert quiet().ended(at(now)) == at(ended)


@pytest.mark.parametrize(
    ("condition", "through"),
    [
        (None, False),
        ("result.severity == 'critical'", True),
        ("result.severity == 'low'", False),
        ("result.duration_ms > 3", True),
    ],
)
def test_what_the_condition_holds_for_or_fails_on_is_let_through(condition, through):
    assert quiet(let_through=condition).lets_through({"severity": "critical", "duration_ms": None}) is through


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"between": "22-7"}, "as in 22:00-07:00"),
        ({"between": "24:00-07:00"}, "as in 22:00-07:00"),
        ({"between": "07:00-07:00"}, "two different times"),
        ({"zone": "Europe/Berlyn"}, "no time zone 'Europe/Berlyn'"),
        ({"zone": "../etc/passwd"}, "no time zone"),
        ({"zone": ""}, "no time zone"),
        ({"let_through": "result.severity =="}, "let_through"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        QuietHours.model_validate({"between": "22:00-07:00", "zone": "Europe/Berlin", **wrong})
