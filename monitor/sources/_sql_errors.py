"""What does an error of a database ask of whom: wait, or change something?"""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from monitor.source import SourceError

# By SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html), the longest prefix counts: does it pass by
# itself, and what can a person do about it.
_STATES = {
    "08": (True, "is the server running, and does it listen at that host and port"),
    "22": (False, "a value of the table cannot be read as its column's type; leave it out by a view"),
    "25006": (False, "the table is a view that writes; name one that only reads"),
    "25P03": (True, "the process was paused in the middle of a read"),
    "28": (False, "check user and password of `url`, and pg_hba.conf on the server"),
    "3D000": (False, "correct the database's name in `url`"),
    "3F000": (False, "correct `schema`"),
    "40": (True, "the server ended the read for the sake of another transaction"),
    "42501": (False, "GRANT SELECT on it (and USAGE on its schema) to this role"),
    "42703": (True, "a column went away while it was read"),
    "42P01": (True, "the table went away while it was read"),
    "42": (False, "the server does not understand the question: is the table a view with an error"),
    "53300": (True, "the server has no connection left; raise max_connections, or end what needs none"),
    "53": (True, "the server is short of something"),
    "55P03": (True, "somebody holds a lock on the table; look for an ALTER TABLE in pg_stat_activity"),
    "57014": (True, "it took longer than statement_timeout: is there an index on the time column"),
    "57P": (True, "the server ended the session"),
    "58": (True, "look at the server's log and its disk"),
    "XX": (True, "look at the server's log"),
}
# What has no SQLSTATE: a connection that cannot be made, and SQLite. The first words that occur count.
_WORDS = (
    ("authentication failed", "28"),
    ("no password supplied", "28"),
    ("no pg_hba.conf entry", "28"),
    ("role", "28"),
    ("database", "3D000"),
    ("too many clients", "53300"),
    ("remaining connection slots", "53300"),
    ("starting up", "57P"),
    ("shutting down", "57P"),
)
_SQLITE = (
    ("interrupted", True, "it took longer than statement_timeout"),
    ("database is locked", True, "somebody writes to it for long"),
    ("no such table", True, "the table went away while it was read"),
    ("no such column", True, "a column went away while it was read"),
    ("not a database", True, "if it is still being copied, copy under another name, then rename"),
    ("malformed", True, "if it is still being copied, copy under another name, then rename"),
    (
        "unable to open",
        False,
        "let the daemon's user read it; in WAL mode that user must be able to write to its folder, or a "
        "writer must have it open",
    ),
    ("readonly", False, "in WAL mode the daemon's user must be able to write to its folder"),
)


def failure(error: SQLAlchemyError, place: str, dialect: str, secret: str) -> SourceError:
    """The server's first sentence, without the statement and its values, and what can be done."""
    reason = _reason(error)
    if secret:
        reason = reason.replace(secret, "…")
    transient, remedy = _judge(error, dialect, reason)
    return SourceError(f"{place}: {reason}; {remedy}", transient=transient)


def _reason(error: SQLAlchemyError) -> str:
    original = error.orig if isinstance(error, DBAPIError) else error
    said = getattr(getattr(original, "diag", None), "message_primary", None) or str(original)
    return " ".join(said.split())[:300].rstrip(". ") or type(original).__name__


def _judge(error: SQLAlchemyError, dialect: str, reason: str) -> tuple[bool, str]:
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    if dialect == "sqlite":
        for words, transient, remedy in _SQLITE:
            if words in reason:
                return transient, remedy
        return True, "look at the file"
    if state is None and dialect == "postgresql":
        fatal = "FATAL" in reason  # the server answered, and refused
        state = next((found for words, found in _WORDS if fatal and words in reason), "08")
        if "no password supplied" in reason:
            state = "28"
    for length in (5, 3, 2):
        if state and state[:length] in _STATES:
            return _STATES[state[:length]]
    passing = isinstance(error, OperationalError | InterfaceError)
    return passing, "look at the server's log"
