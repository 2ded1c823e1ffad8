"""What follows from an attempt besides its record: who else is told, and which alarms are raised.

In: an attempt that was recorded a moment ago, and its target's condition before and after it; out, in the same
transaction: deliveries to the target's fallback where the message died, and alarms. What happens to a message that
carries alarms only raises none.
"""

from collections.abc import Mapping, Sequence

from bridge import alarms
from bridge.alarms import Alarm
from bridge.model import Why
from bridge.normalize import Parsed, parse
from bridge.retry import Dead, Step
from bridge.store import Tx, events, replays
from bridge.store.replays import Carried
from bridge.store.targets import TargetState
from bridge.targets import Target


async def follow_up(
    tx: Tx,
    target: Target,
    message_id: str,
    *,
    step: Step,
    falls: Sequence[str],
    before: TargetState,
    after: TargetState,
    targets: Mapping[str, Target],
    now: int,
) -> None:
    """Tell whoever should know. `falls` says which templates could not be used for the message, `targets` are all that
    there are.
    """
    paused, resumed = _changed(before, after)
    if not (falls or paused or resumed or isinstance(step, Dead)):
        return
    members = await replays.carried(tx, message_id)
    raised = [alarms.template_failed(fall) for fall in falls]
    if isinstance(step, Dead):
        told = await _fall_back(tx, target, targets, members, step.reason, now)
        if not told and members:
            raised.append(alarms.dead_letter(target.name, step.reason, members[0]["id"]))
    if paused:
        raised.append(alarms.target_paused(target.name, after.paused_reason or ""))
    if resumed:
        raised.append(alarms.target_resumed(target.name))
    if any(member["source"] != alarms.SOURCE for member in members):
        await _raise(tx, raised, now)


def _changed(before: TargetState, after: TargetState) -> tuple[bool, bool]:
    """Whether the target was paused, or goes on, by this attempt."""
    return (
        before.paused_at is None and after.paused_at is not None,
        before.paused_at is not None and after.paused_at is None,
    )


async def _raise(tx: Tx, raised: Sequence[Alarm], now: int) -> None:
    for alarm in raised:
        await alarms.raise_alarm(tx, alarm, now)


async def _fall_back(
    tx: Tx, target: Target, targets: Mapping[str, Target], members: Sequence[Carried], reason: str, now: int
) -> bool:
    """Owe what died at a target to its fallback. False where nobody is told that way: there is no fallback, or this was
    one already (a message falls back once), or it is an alarm about the fallback itself.
    """
    if target.fallback is None:
        return False
    told = False
    for member in members:
        if member["why"] == Why.FALLBACK or await _is_about(tx, member, target.fallback):
            continue
        note = f"sent here because {target.name} could not be: {reason}"
        urgent = await _is_urgent(tx, member, targets.get(target.fallback))
        await replays.owe_again(tx, member["id"], target.fallback, Why.FALLBACK, now, urgent=urgent, note=note)
        told = True
    return told


async def _is_urgent(tx: Tx, member: Carried, target: Target | None) -> bool:
    """Whether it does not wait for the end of that target's quiet hours: they let it through, or it was asked for."""
    if member["why"] == Why.REPLAY:
        return True
    if target is None or target.quiet_hours is None:
        return False
    event = await events.find(tx, member["event_id"])
    results = await events.results(tx, member["event_id"])
    result = next((one for one in results if one["id"] == member["result_id"]), None)
    if event is None or result is None:
        return False
    parsed = parse(event["body"])
    payload = parsed.value if isinstance(parsed, Parsed) else None
    return bool(event["is_test"]) or target.lets_through(result | {"payload": payload})


async def _is_about(tx: Tx, member: Carried, target: str) -> bool:
    if member["source"] != alarms.SOURCE:
        return False
    results = await events.results(tx, member["event_id"])
    return any(alarms.is_about(result, target) for result in results)
