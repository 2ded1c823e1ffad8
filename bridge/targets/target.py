"""A target as the delivering stage sees it: compose a message, send it, and be told what became of it.

In: a stored `Message` and what the configuration says of its routes; out: an `Outgoing`, then an `Answer`. What a
kind of target knows by itself stands in its own file as two functions: `compose`, and a pure `judge`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from bridge import clock
from bridge.editing import NEW, Place
from bridge.model import Answer, Gone, Message, Sent, Why
from bridge.pace import Pace
from bridge.render import Renderer, View
from bridge.targets.settings import Common, Patience
from bridge.targets.wire import Failure, HttpAnswer, Outgoing, after_failure

LATE_AFTER = 5 * clock.MINUTE
"""A message that waited longer says so."""

SHORTEST_SECRET = 6
"""Texts shorter than this are not struck out of answers: they would strike out words."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the configuration of the moment says, by route: the template, and whom to mention at this target."""

    templates: Mapping[str, str | None] = field(default_factory=dict)
    mentions: Mapping[str, str | None] = field(default_factory=dict)
    place: Place = NEW
    """Where the message goes: `Edit` and `Reply` only at targets that can (`mode_problem`)."""

    def template(self, message: Message) -> str | None:
        """The template of a message's route: of several members, all are of one."""
        return self.templates.get(message.members[0].route)


class Wire(Protocol):
    """What carries an attempt away: `sender.Sender`, or the screen of an inbox."""

    async def send(self, outgoing: Outgoing) -> HttpAnswer | Failure: ...

    async def close(self) -> None: ...


Compose = Callable[[Any, Message, Context, Renderer, int], Outgoing]
Judge = Callable[[HttpAnswer], Answer | Gone]


def view(message: Message, context: Context, now: int, **shape: Any) -> View:
    """What the renderer is shown of a message; `shape` is what the target's options say about looks.

    A digest mentions once, where one of its members would have.
    """
    members = message.members
    waited = now - min(member.created_at for member in members)
    reasons = {member.why for member in members}
    notes = {member.note for member in members}
    mentions = (context.mentions.get(member.route) for member in members if member.mention)
    return View(
        result=members[0].result,
        route=members[0].route,
        mention=next((mention for mention in mentions if mention), None),
        why=reasons.pop() if len(reasons) == 1 else Why.NEW,
        note=notes.pop() if len(notes) == 1 else None,
        late_by=waited if waited > LATE_AFTER else None,
        members=tuple(member.result for member in members) if len(members) > 1 else (),
        cause=message.cause,
        message=message.id,
        **shape,
    )


class Target:
    """One place that messages go to, with its own connections and its own pace.

    `batch` is how many deliveries a message may hold as they come. `idempotent`: the receiver can tell copies apart.
    `whole`: members of a message go out with all that they hold, not as lines of a digest. `reads_payload`: a message
    may say something of the vendor's own body.
    """

    def __init__(
        self,
        name: str,
        options: Any,
        renderer: Renderer,
        common: Common,
        compose: Compose,
        judge: Judge,
        wire: Wire,
        *,
        batch: int = 1,
        idempotent: bool = False,
        whole: bool = False,
        reads_payload: bool = True,
    ) -> None:
        self.name = name
        self.type: str = options.type
        self.options = options
        self.pace = Pace(common.pace)
        self.concurrency: int = common.concurrency
        self.retry: Patience = common.retry
        self.fallback = common.fallback
        self.digest = common.digest
        self.quiet_hours = common.quiet_hours
        self.batch = batch
        self.idempotent = idempotent
        self.whole = whole
        self.reads_payload = reads_payload
        self._renderer = renderer
        self._compose = compose
        self._judge = judge
        self._wire = wire

    def lets_through(self, result: dict[str, Any]) -> bool:
        """Whether a result, its payload included, does not wait for the end of quiet hours."""
        return self.quiet_hours is not None and self.quiet_hours.lets_through(result)

    def compose(self, message: Message, context: Context, now: int) -> Outgoing:
        """The message as it would go out at `now` (microseconds), with the templates of the moment. Never raises for
        what a result or a template holds: the renderer falls to a simpler layout, and `falls` says so."""
        return self._compose(self.options, message, context, self._renderer, now)

    async def send(self, outgoing: Outgoing) -> Answer | Gone:
        """One attempt, and what it came to. No reason in it holds the target's address, token or other secret."""
        came = await self._wire.send(outgoing)
        answer = after_failure(came, outgoing) if isinstance(came, Failure) else self._judge(came)
        return answer if isinstance(answer, Sent) else replace(answer, reason=_struck(answer.reason, outgoing.secrets))

    async def close(self) -> None:
        """Close its connections. Attempts under way must have ended."""
        await self._wire.close()


def _struck(reason: str, secrets: tuple[str, ...]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            reason = reason.replace(secret, "…")
    return reason
