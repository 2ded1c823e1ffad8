"""Messages as one page that shows how they will look. In: rendered bodies; out: HTML that needs nothing else.

Payloads are hostile text: all of it is escaped, and the page's own policy allows no script, no address to load from,
and only the one style sheet that it brings. Light or dark is the reader's choice (`prefers-color-scheme`).
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from bridge.render import looks

STYLE = (Path(__file__).parent / "preview.css").read_text("utf-8")

_NAMES = {"slack": "Slack", "discord": "Discord", "http": "HTTP", "inbox": "Inbox"}

_POLICY = "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'"

_PAGE = Markup("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>As Slack and Discord show it, drawn by Drawbridge. This page runs no script and loads nothing: times are in UTC here,
and each reader's own there; in the place of a picture is its text.</p>
</header>
{contents}<main>
{cases}</main>
</body>
</html>
""")


@dataclass(frozen=True, slots=True)
class Shown:
    """One message: the target it is for, that target's type, and its body. `falls` as in `Rendered`."""

    target: str
    type: str
    body: Any
    falls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One event, as every target tells it. `sent` is when, for the line above a message."""

    title: str
    about: str = ""
    messages: Sequence[Shown] = field(default_factory=tuple)
    sent: datetime | None = None


def look(kind: str, body: Any, sent: datetime | None = None) -> Markup:
    """One message as a target of that type shows it: an HTML fragment for a page with `STYLE`."""
    if kind == "slack" and isinstance(body, dict):
        return looks.slack(body, sent)
    if kind == "discord" and isinstance(body, dict):
        return looks.discord(body, sent)
    return looks.other(body)


def page(title: str, cases: Sequence[Case]) -> str:
    """All cases as one HTML document."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    html = str(
        _PAGE.format(
            policy=_POLICY.format(digest),
            title=title,
            style=Markup(STYLE),  # noqa: S704 (our own file)
            contents=_contents(cases) if len(cases) > 1 else Markup(""),
            cases=Markup("").join(_case(number, case) for number, case in enumerate(cases, 1)),
        )
    )
    return html.encode("utf-8", "replace").decode()  # half a character, which a title may hold, cannot be written


def _contents(cases: Sequence[Case]) -> Markup:
    entries = [
        Markup('<li><a href="#case-{}">{}</a> {}</li>').format(number, case.title, case.about)
        for number, case in enumerate(cases, 1)
    ]
    return Markup('<nav aria-label="Cases"><ol>{}</ol></nav>\n').format(Markup("").join(entries))


def _case(number: int, case: Case) -> Markup:
    drawn = [shown for shown in case.messages if shown.type in ("slack", "discord")]
    texts = [shown for shown in case.messages if shown not in drawn]
    parts = [
        Markup('<section class="place {kind}" aria-label="{target}"><h3>{target}</h3>{falls}{look}</section>').format(
            kind=shown.type, target=_name(shown), falls=_falls(shown), look=look(shown.type, shown.body, case.sent)
        )
        for shown in drawn
    ]
    folded = [
        Markup("<details{}><summary>{}</summary>{}{}</details>").format(
            Markup("") if drawn else Markup(" open"), _name(shown), _falls(shown), look(shown.type, shown.body)
        )
        for shown in texts
    ]
    return Markup(
        '<section class="case" id="case-{n}" aria-labelledby="title-{n}"><h2 id="title-{n}">{title} '
        '<small>{about}</small></h2><div class="places">{places}</div>{folded}</section>\n'
    ).format(
        n=number, title=case.title, about=case.about, places=Markup("").join(parts), folded=Markup("").join(folded)
    )


def _name(shown: Shown) -> str:
    """The target's name; of a target that is only a type, how that is written."""
    return _NAMES.get(shown.target, shown.target)


def _falls(shown: Shown) -> Markup:
    """Why the template that was asked for did not make it."""
    return Markup("").join(Markup('<p class="fall">⚠️ {}</p>').format(fall) for fall in shown.falls)
