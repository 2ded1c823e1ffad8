"""What goes into the rendering room and what comes out of it, whichever target it is for."""

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from bridge import clock
from bridge.model import Why

Body: TypeAlias = dict[str, Any] | list[Any] | str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One result, or several as a digest, on the way to one target.

    `result` is JSON as stored, with or without its `payload`. `mention` is text from the configuration that really
    pings at the target (`<!subteam^S0123>`, `<@&42>`); it is trusted and not escaped. `late_by` is in microseconds and
    null unless the message goes out late. `note` says how it came here, where it was meant for another target. `style`
    (`bar` or `blocks`) is Slack's; `username` is the name to post under.

    With `members`, the results of a digest in the order in which they came, the message is about all of them; `cause`
    says in the title why they are together: `while Slack was down`. `message` is its id, by which the operator finds
    what there was no room for.
    """

    result: dict[str, Any]
    route: str = ""
    mention: str | None = None
    why: Why = Why.NEW
    note: str | None = None
    late_by: int | None = None
    style: str = "bar"
    buttons: bool = False
    username: str | None = None
    members: tuple[dict[str, Any], ...] = ()
    cause: str | None = None
    message: str | None = None


def on_occasion(view: View, template: str | None) -> View:
    """The view on the occasion that the built-in template of that name is for, so that it can be tried."""
    if template == "late":
        return replace(view, late_by=12 * clock.MINUTE)
    if template in ("test", "replay"):
        return replace(view, why=Why(template))
    return view


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message's body, ready to be sent: a tree to be written as JSON, or text.

    `falls` says why a lower rung of the ladder was used; empty when the chosen template did it.
    """

    body: Any
    content_type: str = "application/json"
    falls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """How much room a message takes: a template reads it as `fit`, and is filled in again with less until it fits.

    `items` is how many failed items to list, `message` how long each one's message may be (0: none), `full` whether a
    single failed item's message may stand in full, `label` how long an item's name may be, `details` whether secondary
    fields are shown.
    """

    items: int
    message: int
    full: bool
    label: int
    details: bool


FITS = (
    Fit(items=10, message=150, full=True, label=150, details=True),
    Fit(items=10, message=60, full=False, label=100, details=True),
    Fit(items=10, message=0, full=False, label=100, details=True),
    Fit(items=5, message=0, full=False, label=100, details=True),
    Fit(items=3, message=0, full=False, label=60, details=False),
    Fit(items=1, message=0, full=False, label=60, details=False),
    Fit(items=0, message=0, full=False, label=60, details=False),
)
"""Item messages go first, then the item count, then the secondary fields; never verdict, counts or link."""
