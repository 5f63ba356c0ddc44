"""Who was told what, and what else did the daemon do?"""

from sqlalchemy import BigInteger, Column, Index, Integer, Table

from storage.encoding import Json, Words
from storage.tables._columns import counter, flag, foreign, identity, metadata, when, where, word

notification_group = Table(
    "notification_group",
    metadata,
    Column("key", Words, primary_key=True),  # also the outbox lane
    word("channel"),
    word("model"),
    Column("state", Json, nullable=False),  # alerting.grouping.Group, whole
    when("dirty_since", nullable=True),
    when("last_flush", nullable=True),
    counter("flush_number"),
    flag("closed"),
)

lane = Table(
    "lane",
    metadata,
    Column("lane", Words, primary_key=True),
    word("channel"),
    Column("root", Json, nullable=False),  # the root's Receipt.reference; {} when forgotten
    when("updated"),
)

outbox = Table(
    "outbox",
    metadata,
    identity(),
    Column("key", Words, nullable=False, unique=True),
    word("channel"),
    word("lane"),
    word("action"),
    word("reason"),
    Column("level", Integer, nullable=False),  # 2 page, 1 ticket, 0 anything else: pages leave first
    Column("facts", Json, nullable=False),
    when("created"),
    when("deadline"),
    word("state"),
    when("next_try", nullable=True),  # NULL in state uncertain: waits for a person
    counter("attempts"),  # burnt so far
    counter("tries"),  # attempt rows so far
    when("first_try", nullable=True),
    flag("plain"),
    flag("uncertain"),
    word("owner", ""),
    counter("fence"),
    when("lease_until", nullable=True),
    word("error", ""),
    when("closed", nullable=True),
    Column("receipt", Json),
)
Index("ix_outbox_roots", outbox.c.channel, outbox.c.created, **where("action = 'root'"))
Index(
    "ix_outbox_open",
    outbox.c.lane,
    outbox.c.id,
    **where("state IN ('queued', 'sending', 'uncertain')"),
)

attempt = Table(
    "attempt",
    metadata,
    foreign("outbox_id", "outbox.id", primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("fence", Integer, nullable=False),
    word("owner"),
    when("opened"),
    when("closed", nullable=True),
    word("outcome", ""),  # sent | queued | dead | cancelled | uncertain; "" while open
    word("failure", ""),
    word("error", ""),
    Column("receipt", Json),
)

channel_state = Table(
    "channel_state",
    metadata,
    Column("channel", Words, primary_key=True),
    word("state"),  # ok | waiting | broken
    when("blocked_until", nullable=True),
    when("broken_since", nullable=True),
    word("reason", ""),
    when("last_probe", nullable=True),
    when("updated"),
)

silence = Table(
    "silence",
    metadata,
    Column("id", Words, primary_key=True),
    Column("matchers", Json, nullable=False),
    when("starts"),
    when("ends"),
    word("author"),
    word("comment"),
    when("created"),
    when("expired", nullable=True),  # a person ended it early
    word("expired_by", ""),
    word("replaces", ""),  # the silence that this one is an edit of
)
Index("ix_silence_ends", silence.c.ends)

audit = Table(
    "audit",
    metadata,
    identity(),
    when("at"),
    word("kind"),
    word("subject"),
    word("actor"),
    Column("facts", Json, nullable=False),
)
Index("ix_audit_subject", audit.c.subject)

daemon_event = Table(
    "daemon_event",
    metadata,
    identity(),
    when("at"),
    word("kind"),
    word("model", ""),
    Column("facts", Json, nullable=False),
)
Index("ix_daemon_event_at", daemon_event.c.at)

leader = Table(
    "leader",
    metadata,
    Column("name", Words, primary_key=True),  # one row; none where a database has one daemon (SQLite)
    word("owner"),  # "" nobody
    Column("fence", BigInteger, nullable=False),  # +1 a change; the leader's writes name it
    when("since"),
    when("lease_until"),
)
