"""A disk that forgets, or that is far away, is named before anything is lost on it."""

import asyncio
import tempfile
from pathlib import Path

import pytest

from bridge.store import open_store
from bridge.store.disk import disk_warning, file_system

MOUNTS = r"""
22 1 254:0 / / rw,relatime - overlay overlay rw
23 22 0:21 / /tmp rw - tmpfs tmpfs rw,size=100k
24 22 254:1 / /data rw,relatime shared:1 - ext4 /dev/sdb rw
25 24 0:30 / /data/far rw,relatime - nfs4 server:/far rw
26 22 254:2 / /with\040space rw,relatime - xfs /dev/sdc rw
27 22 0:40 / /covered rw - ext4 /dev/sdd rw
28 22 0:41 / /covered rw - tmpfs tmpfs rw
nonsense
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/bridge.db", "overlay"),
        ("/tmp/bridge.db", "tmpfs"),
        ("/temporary/bridge.db", "overlay"),
        ("/data/bridge.db", "ext4"),
        ("/data/far/bridge.db", "nfs4"),
        ("/with space/bridge.db", "xfs"),
        ("/covered/bridge.db", "tmpfs"),
    ],
)
def test_the_deepest_and_last_mount_says_what_a_file_lies_on(path, kind):
    assert file_system(Path(path), MOUNTS) == kind


@pytest.mark.parametrize("mounts", ["", "nonsense", "1 2 3 - ext4", "\0"])
def test_where_nothing_is_known_nothing_is_said(mounts):
    assert file_system(Path("/data/bridge.db"), mounts) is None


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no file system in memory")
def test_a_server_whose_store_is_in_memory_warns_once_and_serves(caplog):
    async def start(path, *, exclusive):
        await (await open_store(f"sqlite:///{path}", exclusive=exclusive)).close()

    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder) / "bridge.db"
        assert "temporary file system (tmpfs)" in (disk_warning(path) or "")
        asyncio.run(start(path, exclusive=True))
        asyncio.run(start(path, exclusive=False))
    warnings = [record.getMessage() for record in caplog.records]
    assert [str(path) in warning and "mount a volume" in warning for warning in warnings] == [True]
