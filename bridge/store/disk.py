"""What kind of disk a SQLite file lies on. In: its path; out: a warning for the operator, or nothing.

SQLite keeps what it has committed as long as its file system does: a temporary one forgets everything when the machine
or the container ends, and over a network locks and flushes are a promise that some servers do not keep.
https://www.sqlite.org/useovernet.html
"""

import contextlib
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
"""https://www.kernel.org/doc/html/latest/filesystems/proc.html: only Linux has it; elsewhere nothing is said."""

TEMPORARY = frozenset({"tmpfs", "ramfs", "overlay", "aufs"})
"""In memory, or a container's own layer, which goes when the container goes."""

NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.s3fs", "fuse.glusterfs", "lustre"}
)


def disk_warning(path: Path) -> str | None:
    """What is wrong with keeping a store in that file; null where nothing is known to be."""
    with contextlib.suppress(OSError):
        kind = file_system(path.resolve(), MOUNTS.read_text("utf-8", "replace"))
        if kind in TEMPORARY:
            return f"{path} is on a temporary file system ({kind}): what is kept there goes with it; mount a volume"
        if kind in NETWORK:
            return f"{path} is on a network file system ({kind}), where SQLite may lose or break it: use a local disk"
    return None


def file_system(path: Path, mounts: str) -> str | None:
    """The kind of file system that an absolute path is on, by the text of `mountinfo`. The last mount covers others."""
    deepest, found = -1, None
    for line in mounts.splitlines():
        place, separator, kind = line.partition(" - ")
        if not separator or len(place.split()) < 5:
            continue
        point = Path(_unescaped(place.split()[4]))
        if path.is_relative_to(point) and len(point.parts) >= deepest:
            deepest, found = len(point.parts), kind.split()[0]
    return found


def _unescaped(text: str) -> str:
    """Spaces and the like stand there as `\\040`."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), text)
