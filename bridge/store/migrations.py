"""The schema, as numbered steps that only ever go forward.

A step is applied once, in a transaction, under the engine's lock, when a store is opened. A store made by a newer
Drawbridge is refused: this version does not know what it would break.

In the statements `{serial}` is a primary key that counts upwards as rows are inserted, `{bytes}` a column of bytes.
"""

from bridge.errors import StoreRefused
from bridge.store.tx import Tx

NO_PLACE = 1 << 62
"""The `place` of a message that is no half of another."""

STEPS: tuple[tuple[str, ...], ...] = (
    (
        # Custody: the exact bytes and how they proved themselves. `results` is null until they were dispatched.
        """CREATE TABLE events (
            seq {serial},
            id TEXT NOT NULL UNIQUE,
            source TEXT NOT NULL,
            vendor TEXT NOT NULL,
            received_at BIGINT NOT NULL,
            headers TEXT NOT NULL,
            body {bytes} NOT NULL,
            verification TEXT NOT NULL,
            is_test BOOLEAN NOT NULL,
            is_replay BOOLEAN NOT NULL,
            type TEXT,
            results TEXT,
            dispatched_at BIGINT)""",
        "CREATE INDEX events_waiting ON events (seq) WHERE dispatched_at IS NULL",
        "CREATE INDEX events_by_source ON events (source, seq)",
        # Dedupe, apart from custody: it may outlive the event, or be shorter.
        """CREATE TABLE seen (
            source TEXT NOT NULL,
            verified BOOLEAN NOT NULL,
            key {bytes} NOT NULL,
            event_id TEXT NOT NULL,
            received_at BIGINT NOT NULL,
            until BIGINT NOT NULL,
            PRIMARY KEY (source, verified, key))""",
        "CREATE INDEX seen_by_age ON seen (until)",
        # History: one row for each thing that has verdicts across runs.
        """CREATE TABLE subjects (
            source TEXT NOT NULL,
            key TEXT NOT NULL,
            state TEXT NOT NULL,
            updated_at BIGINT NOT NULL,
            PRIMARY KEY (source, key))""",
        # What is owed.
        """CREATE TABLE deliveries (
            seq {serial},
            id TEXT NOT NULL UNIQUE,
            event_id TEXT NOT NULL,
            result_id TEXT NOT NULL,
            source TEXT NOT NULL,
            route TEXT NOT NULL,
            target TEXT NOT NULL,
            also TEXT NOT NULL,
            order_key TEXT,
            mention BOOLEAN NOT NULL,
            why TEXT NOT NULL,
            state TEXT NOT NULL,
            reason TEXT,
            message_id TEXT,
            created_at BIGINT NOT NULL,
            finished_at BIGINT)""",
        "CREATE INDEX deliveries_owed ON deliveries (target, seq) WHERE state = 'waiting' AND message_id IS NULL",
        "CREATE INDEX deliveries_by_message ON deliveries (message_id)",
        "CREATE INDEX deliveries_by_event ON deliveries (event_id)",
        "CREATE INDEX deliveries_dead ON deliveries (seq) WHERE state = 'dead'",
        # What is sent. Attempts belong to messages.
        """CREATE TABLE messages (
            seq {serial},
            id TEXT NOT NULL UNIQUE,
            target TEXT NOT NULL,
            order_key TEXT,
            state TEXT NOT NULL,
            next_at BIGINT NOT NULL,
            attempts BIGINT NOT NULL,
            unknowns BIGINT NOT NULL,
            created_at BIGINT NOT NULL,
            first_attempt_at BIGINT,
            token BIGINT NOT NULL,
            external_id TEXT,
            reason TEXT)""",
        "CREATE INDEX messages_open ON messages (target, seq) WHERE state IN ('waiting', 'sending')",
        """CREATE TABLE attempts (
            message_id TEXT NOT NULL,
            number BIGINT NOT NULL,
            began_at BIGINT NOT NULL,
            ended_at BIGINT NOT NULL,
            answer TEXT NOT NULL,
            reason TEXT,
            PRIMARY KEY (message_id, number))""",
        # What a target's owner must know after a restart: pause, fault, pace.
        """CREATE TABLE targets (
            name TEXT PRIMARY KEY,
            paused_at BIGINT,
            paused_reason TEXT,
            not_before BIGINT NOT NULL,
            faults BIGINT NOT NULL,
            pace TEXT NOT NULL,
            settings TEXT NOT NULL,
            last_sent_at BIGINT,
            last_error TEXT)""",
        """CREATE TABLE leases (
            name TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            token BIGINT NOT NULL,
            until BIGINT NOT NULL)""",
        """CREATE TABLE refusals (
            source TEXT NOT NULL,
            reason TEXT NOT NULL,
            count BIGINT NOT NULL,
            last_at BIGINT NOT NULL,
            last_detail TEXT NOT NULL,
            PRIMARY KEY (source, reason))""",
    ),
    (
        # The last few of what was refused, of each source and reason.
        """CREATE TABLE refused (
            seq {serial},
            id TEXT NOT NULL UNIQUE,
            source TEXT NOT NULL,
            at BIGINT NOT NULL,
            reason TEXT NOT NULL,
            detail TEXT NOT NULL,
            method TEXT NOT NULL,
            caller TEXT,
            headers TEXT NOT NULL,
            body {bytes} NOT NULL,
            size BIGINT NOT NULL,
            let_in BOOLEAN NOT NULL)""",
        "CREATE INDEX refused_by_reason ON refused (source, reason, seq)",
    ),
    # What a message says of how it came to its target, besides the result.
    ("ALTER TABLE deliveries ADD COLUMN note TEXT",),
    (
        # Messages of several. Halves of a message that was refused (`half_of`) go before all others, in the order of
        # `place`, the seq of their first member; others have none of their own and go in the order of their seq.
        f"ALTER TABLE messages ADD COLUMN place BIGINT NOT NULL DEFAULT {NO_PLACE}",
        "ALTER TABLE messages ADD COLUMN size BIGINT NOT NULL DEFAULT 1",
        "ALTER TABLE messages ADD COLUMN half_of TEXT",
        "ALTER TABLE messages ADD COLUMN cause TEXT",
        "ALTER TABLE messages ADD COLUMN urgent BOOLEAN NOT NULL DEFAULT false",
        "DROP INDEX messages_open",
        "CREATE INDEX messages_open ON messages (target, place, seq) WHERE state IN ('waiting', 'sending')",
        "CREATE INDEX messages_halves ON messages (half_of) WHERE half_of IS NOT NULL",
        # What does not wait for the end of quiet hours.
        "ALTER TABLE deliveries ADD COLUMN urgent BOOLEAN NOT NULL DEFAULT false",
        """CREATE INDEX deliveries_urgent ON deliveries (target, seq)
           WHERE state = 'waiting' AND message_id IS NULL AND urgent""",
        # When each route's last digest was made, and until when the target took nothing.
        "ALTER TABLE targets ADD COLUMN digests TEXT NOT NULL DEFAULT '{{}}'",
        "ALTER TABLE targets ADD COLUMN down_until BIGINT NOT NULL DEFAULT 0",
    ),
    (
        # Since when something is expected of a source, whatever restarts.
        "CREATE TABLE expected (source TEXT PRIMARY KEY, since BIGINT NOT NULL)",
    ),
    # Subjects that had no verdict for long are let go of.
    ("CREATE INDEX subjects_by_age ON subjects (updated_at)",),
    (
        # When each secret of a source was last used.
        """CREATE TABLE secret_uses (
            source TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            used_at BIGINT NOT NULL,
            PRIMARY KEY (source, fingerprint))""",
    ),
    (
        # What stands at a target, for later messages to take its place or to stand below it.
        """CREATE TABLE posts (
            target TEXT NOT NULL,
            key TEXT NOT NULL,
            external_id TEXT NOT NULL,
            root_id TEXT NOT NULL,
            state TEXT NOT NULL,
            transition TEXT NOT NULL,
            updated_at BIGINT NOT NULL,
            PRIMARY KEY (target, key))""",
        "CREATE INDEX posts_by_age ON posts (updated_at)",
    ),
    # What was refused is let go of by its age.
    ("CREATE INDEX refused_by_age ON refused (at)",),
    (
        # What is edited no more, and by what is said below it of the same subject.
        "ALTER TABLE posts ADD COLUMN closed BOOLEAN NOT NULL DEFAULT false",
        "ALTER TABLE posts ADD COLUMN order_key TEXT",
        "CREATE INDEX posts_by_subject ON posts (target, order_key)",
    ),
    # What is in no message is looked for by its target.
    (
        "DROP INDEX deliveries_by_message",
        "CREATE INDEX deliveries_by_message ON deliveries (message_id) WHERE message_id IS NOT NULL",
    ),
    # Of an attempt that was begun: whether anything of it may have left. What was begun before was not told apart.
    ("ALTER TABLE messages ADD COLUMN out BOOLEAN NOT NULL DEFAULT true",),
)


async def try_writing(tx: Tx) -> None:
    """A write that changes nothing. Raises StoreUnavailable, as every write does, where none is possible."""
    await tx.run("UPDATE schema_version SET version = version")


async def require_current(tx: Tx) -> None:
    """Raises StoreRefused unless the schema is exactly this version's."""
    rows = await tx.rows("SELECT version FROM schema_version")
    version = rows[0]["version"] if rows else 0
    if version > len(STEPS):
        raise newer(version)
    if version < len(STEPS):
        raise StoreRefused("the store is an older Drawbridge's: start this version's server once to bring it forward")


def newer(version: int) -> StoreRefused:
    """The refusal of a store that a newer Drawbridge wrote."""
    return StoreRefused(
        f"the store has schema version {version}, this Drawbridge knows {len(STEPS)}: "
        "run the version that wrote it, or a newer one"
    )


async def migrate(tx: Tx, *, serial: str, bytes_type: str) -> None:
    """Bring the schema up to this version. The caller holds the engine's migration lock.

    Raises StoreRefused when the store is newer than this program.
    """
    await tx.run("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
    rows = await tx.rows("SELECT version FROM schema_version")
    version = rows[0]["version"] if rows else 0
    if version > len(STEPS):
        raise newer(version)
    if version == len(STEPS):
        return
    for step in STEPS[version:]:
        for statement in step:
            await tx.run(statement.format(serial=serial, bytes=bytes_type))
    await tx.run("DELETE FROM schema_version")
    await tx.run("INSERT INTO schema_version (version) VALUES ($1)", len(STEPS))
