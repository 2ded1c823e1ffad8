"""A captured hook, fit to be kept in a repository. In: a parsed body; out: the same shape without what is private.

Addresses, tokens, signed links and long random texts are replaced, each by a text of the same kind; equal ones by equal
ones, so that ids that tell two samples apart still do.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

SECRET_KEY = re.compile(
    r"(^|[_-])(token|secret|password|passwd|authorization|cookie|credentials?|signature|(api|access|private)[_-]?key)s?$"
)
NAME_KEY = re.compile(
    r"(^|[_-])(author|user|username|login|owner|actor|sender|committer|assignee|creator|first_?name|last_?name|full_?name|"
    r"display_?name|phone)$"
)

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)
_KNOWN = re.compile(
    r"\b(gh[opsur]_|github_pat_|glpat-|xox[a-z]-|sk[_-]|pk[_-]|rk_|whsec_|AKIA|ASIA|AIza|npm_|pypi-)[\w-]{8,}"
)
_HEX = re.compile(r"(?<![\w-])[0-9a-f]{32,}(?![\w-])", re.IGNORECASE)
_BASE64 = re.compile(r"(?<![\w+/-])(?=[\w+/-]*[0-9])(?=[\w+/-]*[A-Z])(?=[\w+/-]*[a-z])[\w+/-]{32,}={0,2}(?![\w+/-])")


def redacted(body: Any, *, names: bool = False) -> Any:
    """The body without addresses, tokens and signed links; with `names`, without people's names either."""
    return _Redaction(names).value(body, "")


class _Redaction:
    def __init__(self, names: bool) -> None:
        self._names = names
        self._seen: dict[str, int] = {}

    def value(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {self._text(name): self.value(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.value(inner, key) for inner in value]
        folded = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).casefold()
        if SECRET_KEY.search(folded) and isinstance(value, str | int) and not isinstance(value, bool):
            return "redacted"
        if not isinstance(value, str):
            return value
        if self._names and NAME_KEY.search(folded):
            return f"Person {self._number(value)}"
        return self._text(value)

    def _text(self, text: str) -> str:
        text = _URL.sub(lambda found: self._url(found[0]), text)
        text = _EMAIL.sub(lambda found: f"user{self._number(found[0])}@example.com", text)
        rules: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
            (_JWT, lambda found: f"redacted-{self._number(found[0])}"),
            (_KNOWN, lambda found: f"{found[1]}redacted{self._number(found[0])}"),
            (_HEX, lambda found: f"{self._number(found[0]):0{len(found[0])}x}"),
            (_BASE64, lambda found: f"redacted{self._number(found[0]):0{len(found[0]) - 8}d}"),
        ]
        for pattern, replace in rules:
            text = pattern.sub(replace, text)
        return text

    def _url(self, url: str) -> str:
        """Without who logs in and without its query, where signed links carry their signature."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return url
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, "redacted" if parts.query else "", parts.fragment))

    def _number(self, text: str) -> int:
        """Which of the texts that were replaced it is, from 1."""
        return self._seen.setdefault(text, len(self._seen) + 1)
