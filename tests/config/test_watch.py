"""The file is watched by content: what counts as a change, and when it is acted upon."""

import asyncio
import os

import pytest

from bridge.config.watch import Seen, fingerprint, step, watch


class Enough(Exception):
    """Ends a watch."""


@pytest.mark.parametrize(
    ("looks", "acted"),
    [
        ("aaaa", ""),
        ("abbb", "b"),
        ("abab", ""),
        ("abcc", "c"),
        ("abbcc", "bc"),
        ("abbaa", "ba"),
        ("abacbb", "b"),
    ],
)
def test_a_change_is_acted_upon_once_two_looks_agree(looks, acted):
    seen, done = Seen("a", "a"), ""
    for found in looks:
        seen, settled = step(seen, found)
        done += found if settled else ""
    assert done == acted


def test_the_content_counts_and_not_the_time_of_change(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("a: 1")
    before = fingerprint([file])
    os.utime(file, (1, 1))
    assert fingerprint([file]) == before
    file.write_text("a: 2")
    assert fingerprint([file]) != before


def test_a_kubernetes_config_map_is_followed_through_its_symlinks(tmp_path):
    for name, text in (("v1", "a: 1"), ("v2", "a: 2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("v1")
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")
    before = fingerprint([tmp_path / "config.yaml"])
    (tmp_path / "..data_tmp").symlink_to("v2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert fingerprint([tmp_path / "config.yaml"]) != before


def test_a_missing_file_is_a_change_and_no_error(tmp_path):
    file = tmp_path / "config.yaml"
    gone = fingerprint([file])
    file.write_text("")
    assert fingerprint([file]) != gone


def test_a_folder_is_watched_with_all_its_files(tmp_path):
    before = fingerprint([tmp_path])
    (tmp_path / "slack").mkdir()
    (tmp_path / "slack" / "mine.yaml").write_text("text: x")
    added = fingerprint([tmp_path])
    (tmp_path / "slack" / "mine.yaml").rename(tmp_path / "slack" / "yours.yaml")
    assert len({before, added, fingerprint([tmp_path])}) == 3


def test_the_loop_calls_for_each_settled_change_and_looks_at_the_new_files_afterwards(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("1")
    two.write_text("2")
    watched, calls = [one], []
    edits = iter([lambda: one.write_text("1b"), None, None, lambda: two.write_text("2b"), None, None])

    async def tick():
        edit = next(edits, Enough)
        if edit is Enough:
            raise Enough
        if edit:
            edit()

    async def changed():
        calls.append([path.read_text() for path in watched])
        watched[:] = [one, two]

    async def run():
        with pytest.raises(Enough):
            await watch(lambda: watched, fingerprint(watched), changed, tick)

    asyncio.run(run())
    assert calls == [["1b"], ["1b", "2b"]]


def test_a_change_during_a_reload_is_seen_afterwards(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("1")
    calls: list[str] = []
    ticks = iter(range(6))

    async def tick():
        if next(ticks, None) is None:
            raise Enough
        if not calls:
            file.write_text("2")

    async def changed():
        calls.append(file.read_text())
        file.write_text("3")

    async def run():
        with pytest.raises(Enough):
            await watch(lambda: [file], fingerprint([file]), changed, tick)

    asyncio.run(run())
    assert calls == ["2", "3"]
