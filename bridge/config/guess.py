"""A first description of a vendor, guessed from one of its hooks. In: a parsed body; out: the keys of `vendors.<name>`.

Guesses go by the names of fields and by what stands there. They are a beginning for a person: nothing here decides what
a word means that the common table does not know.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bridge.vendors import Document, words
from bridge.vendors.document import as_count, as_moment, as_text

MOST_LEAVES = 5_000

_HTTP = re.compile(r"https?://\S+")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
_WORD = re.compile(r"[A-Za-z][\w .:/-]{0,60}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= 300 and not _HTTP.fullmatch(value)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def _is_id(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and as_text(value) is not None


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and _HTTP.fullmatch(value) is not None


def _is_commit(value: Any) -> bool:
    return isinstance(value, str) and _COMMIT.fullmatch(value) is not None


def _is_moment(value: Any) -> bool:
    return not isinstance(value, bool) and as_moment(value) is not None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and as_count(value) is not None


GUESSES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "title": ("title display_name name subject suite workflow job project headline", _is_text),
    "outcome": ("outcome conclusion result verdict status state", _is_word),
    "summary": ("summary description message text body error.message", _is_text),
    "url": ("html_url web_url url link permalink build_url target_url", _is_url),
    "severity": ("severity priority level", _is_word),
    "run_id": ("run_id build_id job_id execution_id run.id build.id job.id id number", _is_id),
    "vendor_id": ("event_id delivery_id webhook_id message_id", _is_id),
    "time": ("timestamp time occurred_at finished_at completed_at ended_at created_at created", _is_moment),
    "started_at": ("started_at start_time begin_time", _is_moment),
    "finished_at": ("finished_at completed_at ended_at end_time", _is_moment),
    "duration_ms": ("duration_ms elapsed_ms", _is_count),
    "environment": ("environment environment.name env stage", _is_text),
    "vcs.repository": ("repository.full_name repository.name repository repo", _is_text),
    "vcs.ref": ("branch ref branch_name head_branch branch.name", _is_text),
    "vcs.commit": ("commit_sha commit.sha commit.id commit sha head_sha revision", _is_commit),
    "vcs.change": ("pull_request.number pr_number merge_request.iid", _is_id),
    "app.name": ("app.name application.name app service", _is_text),
    "app.version": ("app.version version app_version", _is_id),
    "counts.total": ("total total_tests tests_total", _is_count),
    "counts.passed": ("passed passed_tests tests_passed", _is_count),
    "counts.failed": ("failed failed_tests tests_failed failures", _is_count),
    "counts.skipped": ("skipped skipped_tests tests_skipped", _is_count),
}
"""Our field -> the ends of paths that name it, best first, and what must stand there."""

EVENT = ("event_type event event_name type action kind", _is_word)
SUBJECTS = ("suite", "workflow", "job", "project", "name", "title", "display_name")
"""Names of things that are the same across runs."""

ITEM = {
    "name": ("name title test_name display_name", _is_text),
    "outcome": ("outcome status state result conclusion", _is_word),
    "message": ("error.message failure.message error message", _is_text),
    "url": ("html_url web_url url link", _is_url),
    "duration_ms": ("duration_ms elapsed_ms", _is_count),
}


def guess(body: Any) -> dict[str, Any]:
    """`event`, `dedupe`, `dated`, `result`, `items` and `outcomes` for bodies like this one."""
    leaves = list(_leaves(body))
    result = {field: path for field, (ends, fits) in GUESSES.items() if (path := _best(leaves, ends, fits))}
    if "title" in result and _end(result["title"]) in SUBJECTS:
        result["subject_key"] = result["title"]
    event = _best([(path, value) for path, value in leaves if path.count(".") < 2], *EVENT)
    ids = [result[key] for key in ("vendor_id", "run_id") if key in result][:1]
    dedupe = dict.fromkeys(path for path in (*ids, event, result.get("outcome")) if path)
    said: dict[str, Any] = {
        "event": event,
        "dedupe": list(dedupe) if ids else [],
        "dated": [result["time"]] if "time" in result and not ids else [],
        "result": result,
        "items": _items(body),
    }
    said["outcomes"] = dict.fromkeys(_strange(body, said), "unknown")
    return {key: value for key, value in said.items() if value}


def _best(leaves: Iterable[tuple[str, Any]], ends: str, fits: Callable[[Any], bool]) -> str | None:
    """The path with the best end, of several the one that is least deep."""
    found = [(path, value) for path, value in leaves if fits(value)]
    for end in ends.split():
        paths = [path for path, _ in found if _snake(path) == end or _snake(path).endswith(f".{end}")]
        if paths:
            return min(paths, key=lambda path: path.count("."))
    return None


def _snake(path: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", path).replace("-", "_").lower()


def _end(path: str) -> str:
    return _snake(path).rpartition(".")[2]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Everything but what is in lists, by its path, the least deep first."""
    pending = [(path, value)]
    for _ in range(MOST_LEAVES):
        if not pending:
            return
        path, value = pending.pop(0)
        if isinstance(value, dict):
            # A key with a dot in it is out of any path's reach.
            pending += [
                (f"{path}.{key}" if path else key, part) for key, part in value.items() if key and "." not in key
            ]
        elif path and not isinstance(value, list):
            yield path, value


def _items(body: Any) -> dict[str, Any] | None:
    """The list of things with a name and an outcome, of several the longest; in a list of lists, with its path."""
    lists = list(_lists(body, ""))
    found = [(rows, each) for each, rows in lists if rows and _described(rows).keys() >= {"name", "outcome"}]
    if not found:
        return None
    entries, each = max(found, key=lambda one: len(one[0]))
    said: dict[str, Any] = {"each": each.removesuffix(".*") if each != "*" else each}
    outer, star, _ = each.removesuffix(".*").rpartition(".*")
    if star:
        above = next((rows for path, rows in lists if path == f"{outer}.*"), [])
        if name := _described(above).get("name"):
            said["path"] = [f"{outer}.*.{name}"]
    return said | _described(entries)


def _lists(value: Any, path: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each list of objects, with lists of one path in different entries put together; its path ends in `*`."""
    if isinstance(value, dict):
        for key, part in value.items():
            if "." not in key and key != "*":
                yield from _lists(part, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        rows = [row for row in value if isinstance(row, dict)]
        here = f"{path}.*" if path else "*"
        yield here, rows
        inner: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            for below, found in _lists(row, here):
                inner.setdefault(below, []).extend(found)
        yield from inner.items()


def _described(entries: list[dict[str, Any]]) -> dict[str, str]:
    leaves = [leaf for entry in entries[:50] for leaf in _leaves(entry)]
    return {field: path for field, (ends, fits) in ITEM.items() if (path := _best(leaves, ends, fits))}


def _strange(body: Any, said: dict[str, Any]) -> list[str]:
    """The words for how things ended that the common table does not know."""
    found = [Document(body).text(said["result"]["outcome"])] if "outcome" in said["result"] else []
    if items := said["items"]:
        rows = next(rows for each, rows in _lists(body, "") if each in (items["each"], f"{items['each']}.*"))
        found += [Document(row).text(items["outcome"]) for row in rows]
    return list(dict.fromkeys(word for word in found if word and words.fold(word) not in words.MEANINGS))
