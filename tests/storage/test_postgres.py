"""What PostgreSQL is asked alone: limits of a session, lost connections, turns, words for what goes wrong."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import text

from storage import daemon_events, history, ledger, outbox, past
from storage.engine import Store, open_store
from storage.errors import StorageError
from storage.migrations import REVISIONS
from storage.postgres import remedy
from tests.postgres import Server
from tests.storage.samples import LEASE, T0, claim, done, fold, message, plan, result, verdict

ROOT = Path(__file__).parents[2]


def with_options(url: str, **options: str) -> str:
    """The URL with settings of its own."""
    return f"{url}&options=" + quote(" ".join(f"-c {name}={value}" for name, value in options.items()))


def events(store: Store) -> int:
    with store.read() as conn:
        return len(history.daemon_events(conn))


def test_every_session_has_its_limits(server_store: Store) -> None:
    """Nobody waits, computes or sleeps in a transaction for ever; reads are snapshots that cannot write."""
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    names += ("transaction_isolation", "transaction_read_only")
    found = {}
    for begin in (server_store.read, server_store.write):
        with begin() as conn:
            found[begin.__name__] = [conn.execute(text(f"SHOW {name}")).scalar() for name in names]
    assert found == {
        "read": ["5min", "20s", "10min", "repeatable read", "on"],
        "write": ["1min", "20s", "30s", "read committed", "off"],
    }


def test_the_url_has_the_last_word(postgres_url: str) -> None:
    """A limit that the URL sets is not overridden."""
    with open_store(with_options(postgres_url, lock_timeout="3s")) as store, store.write() as conn:
        assert conn.execute(text("SHOW lock_timeout")).scalar() == "3s"
        assert conn.execute(text("SHOW statement_timeout")).scalar() == "1min"


def test_a_write_is_alone_and_a_claim_is_not_kept_waiting(postgres_url: str) -> None:
    """While one process is in a write another one's write waits; claims go on."""
    with open_store(postgres_url) as one, open_store(with_options(postgres_url, lock_timeout="50ms")) as two:
        with one.write() as conn:
            plan(conn, 2)
        with one.write() as conn:
            daemon_events.add(conn, "x", T0)
            with pytest.raises(StorageError, match="another process held the lock"), two.write():
                pass
            with two.claim() as beside:
                assert claim(beside).fence == 1
        with two.write() as conn:
            daemon_events.add(conn, "x", T0)
        assert events(one) == 2


def test_two_claims_at_once_take_two_windows(postgres_url: str) -> None:
    """The second skips the row that the first has not committed yet, and waits for nobody."""
    with open_store(postgres_url) as one, open_store(with_options(postgres_url, lock_timeout="50ms")) as two:
        with one.write() as conn:
            plan(conn, 2)
        with one.claim() as first, two.claim() as second:
            assert claim(first).id != claim(second).id
            assert ledger.claim(second, T0, "x", LEASE) is None


def test_many_claim_every_window_once(postgres_url: str) -> None:
    """Eight threads of two processes' stores; each window has one owner and the first fence."""
    with open_store(postgres_url) as one, open_store(postgres_url) as two:
        with one.write() as conn:
            plan(conn, 100)

        def take(store: Store) -> list[tuple[int, int]]:
            taken = []
            while True:
                with store.claim() as conn:
                    window = ledger.claim(conn, T0 + 1000 * LEASE * 1440, "x", LEASE)
                if window is None:
                    return taken
                taken.append((window.id, window.fence))

        with ThreadPoolExecutor(8) as pool:
            found = [each for part in pool.map(take, (one, two) * 4) for each in part]
    assert len(found) == len({window for window, _ in found}) == 100
    assert {fence for _, fence in found} == {1}


def test_a_session_that_is_ended_costs_one_transaction(server_store: Store, postgres: Server) -> None:
    """pg_terminate_backend in the middle of a write: nothing of it is kept, the next one connects again."""
    with pytest.raises(StorageError, match="the next one connects again"), server_store.write() as conn:  # noqa: PT012 (the end is the case)
        daemon_events.add(conn, "lost", T0)
        pid = conn.execute(text("SELECT pg_backend_pid()")).scalar()
        postgres.sql(f"SELECT pg_terminate_backend({pid}, 5000)")
        daemon_events.add(conn, "lost", T0)
    with server_store.write() as conn:
        daemon_events.add(conn, "kept", T0)
    assert events(server_store) == 1


def test_idle_sessions_that_are_ended_cost_nothing(server_store: Store, postgres: Server) -> None:
    """What the pool keeps is looked at before it is used."""
    assert events(server_store) == 0
    name = server_store.name.rpartition("/")[2]
    postgres.sql(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")
    assert events(server_store) == 0
    with server_store.write() as conn:
        daemon_events.add(conn, "kept", T0)
    assert events(server_store) == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_server_that_starts_again(server_store: Store, postgres: Server, how: signal.Signals) -> None:
    """Stopped or crashed: an error that says so while it is away, and all that was committed after."""
    with server_store.write() as conn:
        daemon_events.add(conn, "before", T0)
    postgres.stop(how)
    try:
        with pytest.raises(StorageError, match="is the server running"), server_store.write():
            pass
    finally:
        postgres.start()
    with server_store.write() as conn:
        daemon_events.add(conn, "after", T0)
    assert events(server_store) == 2


def test_whoever_sleeps_in_a_transaction_loses_it(postgres_url: str) -> None:
    """A paused process does not hold up the others longer than the limit, and its write is refused."""
    limited = with_options(postgres_url, idle_in_transaction_session_timeout="100ms")
    with open_store(limited) as sleeper, open_store(postgres_url) as other:
        with pytest.raises(StorageError, match="paused in a transaction"), sleeper.write() as conn:  # noqa: PT012 (the sleep is the case)
            daemon_events.add(conn, "late", T0)
            with other.write() as beside:  # waits for its turn until the sleeper has lost it
                daemon_events.add(beside, "in time", T0)
            daemon_events.add(conn, "late", T0)
        assert events(other) == 1


def test_an_upgrade_under_a_running_program_is_noticed(server_store: Store, postgres_url: str) -> None:
    """A newer leeway brought the database further: what this one knows is no longer enough to write."""
    with open_store(postgres_url) as newer, newer.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match=rf"9999.*{REVISIONS[-1]}"), server_store.write():
        pass


def test_text_sorts_as_on_sqlite(server_store: Store) -> None:
    """Every text column, of a table or a view, sorts by code point, whatever the database's locale."""
    query = """
        SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v')
           AND a.attnum > 0 AND a.atttypid = 'text'::regtype AND a.attcollation <> 950
    """  # 950: the oid of "C" in every database
    with server_store.read() as conn:
        found = {tuple(row) for row in conn.execute(text(query))}
    assert found == set()


def test_a_database_without_damage(server_store: Store) -> None:
    """Every value is read; what is not valid is named."""
    with server_store.write() as conn:
        (window,) = done(conn, results=(result(),))
        fold(conn, window, verdict())
    assert server_store.damage() == []
    with server_store.write() as conn:
        conn.execute(text("ALTER TABLE daemon_event ADD CONSTRAINT odd CHECK (at > 0) NOT VALID"))
    assert [line.partition(" is ")[0] for line in server_store.damage()] == ["constraint odd"]


def test_a_dump_can_be_restored(server_store: Store, postgres: Server, empty_postgres_url: str) -> None:
    """pg_dump and psql: the same history through the same views, and it goes on from there."""
    with server_store.write() as conn:
        (window,) = done(conn, results=(result(),))
        fold(conn, window, verdict())
    name = server_store.name.rpartition("/")[2]
    postgres.restore(empty_postgres_url.partition("@/")[2].partition("?")[0], postgres.dump(name))

    def told(store: Store) -> list[object]:
        with store.read() as conn:
            return [history.windows(conn), history.measurements(conn), history.verdicts(conn)]

    with open_store(empty_postgres_url) as restored:
        assert told(restored) == told(server_store)
        assert restored.damage() == []
        with restored.write() as conn:
            assert plan(conn, 2) == 1


def test_two_schemas_of_one_database(empty_postgres_url: str, postgres: Server) -> None:
    """Named by search_path in the URL, each has a history and a turn of its own."""
    name = empty_postgres_url.partition("@/")[2].partition("?")[0]
    mine, yours = (with_options(empty_postgres_url, search_path=schema) for schema in ("mine", "yours"))
    with pytest.raises(StorageError, match=r"no schema of search_path \(mine\) exists"):
        open_store(mine)
    postgres.sql("CREATE SCHEMA mine", "CREATE SCHEMA yours", database=name)
    with open_store(mine) as one, open_store(yours) as two:
        assert one.upgrade()
        assert two.revision() is None
        assert two.upgrade()
        with one.write() as conn, two.write() as other:
            daemon_events.add(conn, "x", T0)
            daemon_events.add(other, "x", T0)
            daemon_events.add(other, "x", T0)
        assert (events(one), events(two)) == (1, 2)


@pytest.fixture
def asking(postgres: Server) -> Iterator[Server]:
    """The server asks the role `guarded` for its password."""
    rules = postgres.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all guarded scram-sha-256\n{before}")
    postgres.sql("CREATE ROLE guarded LOGIN PASSWORD 'right'", "SELECT pg_reload_conf()")
    yield postgres
    rules.write_text(before)
    postgres.sql("DROP ROLE guarded", "SELECT pg_reload_conf()")


def test_no_password_is_ever_told(asking: Server, empty_postgres_url: str) -> None:
    """Wrong, in the URL or in its query: the error names host, user and remedy, and nothing secret."""
    url = empty_postgres_url.replace("postgres@", "guarded:canary-word@")
    for wrong in (url, empty_postgres_url.replace("postgres@", "guarded@") + "&password=canary-word"):
        with pytest.raises(StorageError, match="check user and password") as raised:
            open_store(wrong)
        seen = raised.value
        assert "guarded" in str(seen)
        while seen is not None:
            assert "canary" not in str(seen) + repr(seen)
            seen = seen.__cause__ or seen.__context__  # type: ignore[assignment] # any error may be behind it


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("host=", "host=/nowhere"), "is the server running"),
        (("test_", "missing_"), "createdb"),
        (("postgres@", "nobody_known@"), "createdb NAME|check user"),
    ],
)
def test_what_cannot_be_connected_to(empty_postgres_url: str, change: tuple[str, str], said: str) -> None:
    """Each says what to do."""
    with pytest.raises(StorageError, match=said):
        open_store(empty_postgres_url.replace(*change))


def test_another_encoding_is_refused(postgres: Server) -> None:
    """Names and values are any text there is."""
    postgres.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(StorageError, match="LATIN1, names and values need UTF8"):
            open_store(postgres.url("latin"))
    finally:
        postgres.drop("latin")


def test_a_role_that_may_only_read(postgres: Server, server_store: Store, postgres_url: str) -> None:
    """As docs/operations.md sets it up for people: every view can be read, nothing written."""
    document = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    statements = document.partition("-- people, read-only\n")[2].partition("```")[0]
    name = server_store.name.rpartition("/")[2]
    postgres.sql(*(each for each in statements.split(";\n") if each.strip()), database=name)
    try:
        theirs = postgres_url.replace("postgres@", "leeway_reader@")
        with open_store(theirs, read_only=True) as reader, reader.read() as conn:
            assert history.windows(conn) == history.incident_list(conn) == []
        refused = pytest.raises(StorageError, match="grant this role")
        with open_store(theirs) as reader, refused, reader.write() as conn:
            daemon_events.add(conn, "x", T0)
    finally:
        postgres.sql("DROP OWNED BY leeway_reader", "DROP ROLE leeway_reader", database=name)


def test_without_the_driver_the_remedy_is_an_extra(postgres_url: str) -> None:
    """An installation without psycopg says what to install; SQLite does not miss it."""
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from storage.engine import open_store\n"
        "open_store(sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, postgres_url], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "pip install 'leeway-monitor[postgres]'" in done.stderr
    loaded = "import sys; from storage.engine import open_store; print('psycopg' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", loaded], cwd=ROOT, text=True) == "False\n"


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        ("40001", "could not serialize access", "try again"),
        ("40P01", "deadlock detected", "try again"),
        ("53100", "could not extend file", "free disk space"),
        ("53300", "too many clients", "max_connections"),
        ("25006", "cannot execute INSERT in a read-only transaction", "primary"),
        ("57P01", "terminating connection due to administrator command", "connects again"),
        ("57014", "canceling statement due to statement timeout", "statement_timeout"),
        ("42501", "permission denied for table ledger", "grant"),
        ("42P01", 'relation "x" does not exist', "leeway db upgrade"),
        ("XX001", "invalid page in block 3", "damaged"),
        ("22P02", "invalid input syntax", "server's log"),
        (None, 'connection failed: FATAL: password authentication failed for user "x"', "password"),
        (None, "connection failed: FATAL: the database system is starting up", "connects again"),
        (None, "connection timeout expired", "is the server running"),
        (None, "connection failed: connection to server at ::1 failed: refused", "is the server running"),
        (None, "[Errno -2] failed to resolve host 'x': Name not known", "is the server running"),
        (None, "consuming input failed: server closed the connection unexpectedly", "connects again"),
    ],
)
def test_every_error_has_its_remedy(state: str | None, reason: str, said: str) -> None:
    """By the server's own code, or by its words where there is none."""
    assert said in remedy(state, reason)


def test_nothing_nul_is_lost(store: Store) -> None:
    """A NUL does not stop a window: U+FFFD in a name, itself in facts, on both databases alike."""
    facts = {"label\0": "a\0\0b \\u0000", "rules": {"x": "\0"}}
    with store.write() as conn:
        (window,) = done(conn, results=(result("te\0mp"),))
        fold(conn, window, verdict("te\0mp", facts=facts))
        outbox.enqueue(conn, [replace(message("k"), facts={"model": "m", "title": "te\0mp"})], T0)
    with store.read() as conn:
        (stored,) = history.verdicts(conn)
        assert stored["column_name"] == "te\ufffdmp"
        assert stored["rules"]["x"] in ("\0", "\ufffd")  # PostgreSQL's own JSON knows no NUL
        found = history.verdict(conn, stored["verdict_id"])
        assert found is not None
        assert found["facts"] == facts
        assert {row["column_name"] for row in history.measurements(conn)} == {"te\ufffdmp"}
        assert [each.window.id for each in past.folded_windows(conn, "m")] == [window.id]
        assert history.notifications(conn)[0]["model"] == "m"


def test_readers_do_not_wait_for_a_write(server_store: Store) -> None:
    """A snapshot is there while somebody else writes; threads share the store."""
    seen: list[int] = []
    with server_store.write() as conn:
        daemon_events.add(conn, "x", T0)
        reader = threading.Thread(target=lambda: seen.append(events(server_store)))
        reader.start()
        reader.join(10)
    assert seen == [0]
    assert events(server_store) == 1
