import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.clock import HOUR, MINUTE, SECOND
from bridge.pace import Pace, Rate, parse_intake, parse_rate, parse_rates
from bridge.targets import discord, slack

NOW = 1_773_489_600 * SECOND


def sent_at(pace: Pace, count: int, start: int = NOW) -> list[int]:
    """When `count` messages go that are all there at `start`."""
    times, now = [], start
    for _ in range(count):
        now += pace.wait(now)
        pace.spend(now)
        times.append(now)
    return times


def most_within(times: list[int], period: int) -> int:
    """The most messages in any span shorter than `period`."""
    return max(sum(start <= time < start + period for time in times) for start in times)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1/s", Rate(1, SECOND)),
        ("30/m", Rate(30, MINUTE)),
        ("5/2s", Rate(5, 2 * SECOND)),
        ("100/h burst 10", Rate(100, HOUR, 10)),
        (" 1/s ", Rate(1, SECOND)),
    ],
)
def test_a_pace_is_written_as_a_number_per_time(text, rate):
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "1", "s", "0/s", "1/0s", "-1/s", "1.5/s", "1/d", "1/s burst 0", "\u0661/s", 5, None, {}]
)
def test_what_is_no_pace_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="as in 1/s"):
        parse_rate(text)


def test_a_list_of_rates_holds_all_of_them_and_an_empty_one_sets_no_limit():
    pace = Pace(parse_rates(["10/s burst 10", "2/m burst 2"]))
    assert sent_at(pace, 3) == [NOW, NOW, NOW + 30 * SECOND]
    assert sent_at(Pace(parse_rates([])), 100) == [NOW] * 100


def test_a_burst_goes_at_once_and_the_rest_one_by_one():
    assert [time - NOW for time in sent_at(Pace(slack.PACE), 6)] == [0, 0, 0, SECOND, 2 * SECOND, 3 * SECOND]


def test_a_rest_fills_the_bucket_and_no_further():
    pace = Pace([Rate(1, SECOND, burst=3)])
    sent_at(pace, 3)
    assert [time - NOW - HOUR for time in sent_at(pace, 4, NOW + HOUR)] == [0, 0, 0, SECOND]


def test_asking_costs_nothing():
    pace = Pace([Rate(1, SECOND)])
    assert [pace.wait(NOW) for _ in range(3)] == [0, 0, 0]


@given(st.lists(st.integers(0, 20 * SECOND), min_size=1, max_size=60))
def test_discord_never_sees_more_than_five_in_two_seconds_or_thirty_in_a_minute(gaps):
    pace, now, times = Pace(discord.PACE), NOW, []
    for gap in gaps:
        now += gap // 10
        now += pace.wait(now)
        pace.spend(now)
        times.append(now)
    assert most_within(times, 2 * SECOND) <= 5
    assert most_within(times, MINUTE) <= 30


@given(st.integers(1, 20), st.integers(1, 100), st.integers(1, 10))
def test_no_span_of_a_period_sees_more_than_burst_less_one_and_the_count(count, seconds, burst):
    rate = Rate(count, seconds * SECOND, burst)
    assert most_within(sent_at(Pace([rate]), 3 * (count + burst)), rate.period) <= burst - 1 + count


def test_a_restart_goes_on_where_it_stood():
    pace = Pace([Rate(1, SECOND)])
    pace.spend(NOW)
    again = Pace([Rate(1, SECOND)], json.loads(json.dumps(pace.state)))
    assert again.wait(NOW) == SECOND
    assert again.state == pace.state


@pytest.mark.parametrize("state", [{}, {"full_at": None}, {"full_at": []}, {"full_at": ["x", None]}, {"other": 1}])
def test_a_state_that_is_none_leaves_the_bucket_full(state):
    assert Pace([Rate(1, SECOND), Rate(5, MINUTE)], state).wait(NOW) == 0


def test_a_state_of_other_rates_counts_as_far_as_it_fits():
    state = {"full_at": [NOW + SECOND, NOW + HOUR]}
    assert Pace([Rate(1, SECOND)], state).wait(NOW) == SECOND
    assert Pace([Rate(1, SECOND), Rate(1, HOUR), Rate(1, HOUR)], state).wait(NOW) == HOUR


def test_a_clock_that_was_set_back_stops_a_target_for_one_message_at_most():
    pace = Pace([Rate(1, SECOND, burst=3)])
    sent_at(pace, 3)
    assert pace.wait(NOW - HOUR) == SECOND
    pace.spend(NOW - HOUR)
    assert pace.wait(NOW - HOUR + SECOND) <= SECOND


def test_after_a_clock_was_set_back_the_wait_for_the_first_message_passes():
    pace = Pace([Rate(1, SECOND)])
    sent_at(pace, 1)
    assert [pace.wait(NOW - HOUR + passed) for passed in (0, SECOND // 2, SECOND)] == [SECOND, SECOND // 2, 0]


@pytest.mark.parametrize(
    ("text", "rate"), [("100/s", Rate(100, SECOND, 100)), ("1000/m burst 20", Rate(1000, MINUTE, 20))]
)
def test_what_may_come_in_may_come_at_once_unless_it_says_otherwise(text, rate):
    assert parse_intake(text) == rate
