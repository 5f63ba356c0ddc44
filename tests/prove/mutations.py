"""Which guards must a test notice when they are gone? One row each: a small change that disables it.

The text to be replaced must be in its file exactly once (`tests/prove/test_mutations.py` holds that), so that
a guard that moves is moved here too. `tests` are those that promise to notice: a file, or one test in it.
"""

from dataclasses import dataclass

_LEDGER = "tests/storage/test_ledger.py"
_LONG = "tests/storage/test_long_ledger.py"
_OUTBOX = "tests/storage/test_outbox.py"
_ENGINE = "tests/storage/test_engine.py"
_FOLDING = "tests/storage/test_folding.py"
_SLACK = "tests/alerting/channels/test_slack.py"
_EXCHANGE = "tests/alerting/test_exchange.py"
_PRESSED = "tests/monitor/test_slack_actions.py"
_ANSWERED = "tests/monitor/test_slack_answering.py"
_HOSTILE = "tests/alerting/channels/test_hostile_names.py"
_EMAIL = "tests/alerting/channels/test_email.py"
_COURIER = "tests/alerting/test_courier.py"
_LARGE = "tests/monitor/test_reference_large.py"
_FIRST = "storage/migrations/versions/0001_history.py"


@dataclass(frozen=True, slots=True)
class Mutation:
    """In `file`, `old` becomes `new`."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    on: str = (
        "not postgresql"  # pytest's -k. Guards of both databases are noticed on SQLite, without a server
    )


MUTATIONS = (
    # Windows
    Mutation(
        "fence of finish",
        "storage/ledger.py",
        "ledger.c.fence == fence, ledger.c.state == WindowState.CLAIMED",
        "ledger.c.state == WindowState.CLAIMED",
        (_LEDGER,),
    ),
    Mutation(
        "lease of a claimed window",
        "storage/ledger.py",
        "and_(ledger.c.state == WindowState.CLAIMED, ledger.c.lease_until <= at)",
        "and_(ledger.c.state == WindowState.CLAIMED, ledger.c.lease_until.is_not(None))",
        (_LEDGER,),
    ),
    Mutation(
        "a claim goes by the index of what is open",
        "storage/ledger.py",
        'filtered(ledger.c.model).in_(bindparam("models", expanding=True))',
        'ledger.c.model.in_(bindparam("models", expanding=True))',
        (_LONG,),
    ),
    Mutation(
        "late rows are looked for by the index of what may have some",
        "storage/revisions.py",
        "filtered(ledger.c.model).in_(models)",
        "ledger.c.model.in_(models)",
        (_LONG,),
    ),
    Mutation(
        "UNIQUE of the ledger key",
        _FIRST,
        """        sa.UniqueConstraint(
            "model",
            "stream",
            "start",
            "end",
            "revision",
            name=op.f("uq_ledger_model_stream_start_end_revision"),
        ),
""",
        "",
        (f"{_LEDGER}::test_planning_twice_plans_once",),
    ),
    Mutation(
        "catch-up horizon",
        "storage/ledger.py",
        "skip_before is not None and span.end <= skip_before",
        "False",
        (_LEDGER,),
    ),
    Mutation(
        "results and end of a window are one transaction",
        "storage/store.py",
        "self._writer.connect() as conn, conn.begin():\n                yield conn",
        "self._writer.connect() as conn:\n                try:\n                    yield conn\n"
        "                finally:\n                    conn.commit()",
        (f"{_ENGINE}::test_rolled_back_on_an_exception", f"{_LEDGER}::test_finish_is_all_or_nothing"),
    ),
    Mutation(
        "a revision supersedes the earlier one",
        "storage/revisions.py",
        "    conn.execute(update(ledger).where(ledger.c.id == old).values(superseded_by=new))",
        "    del old, new",
        ("tests/monitor/test_late_rows.py::test_history_becomes_what_it_would_have_been",),
    ),
    Mutation(
        "rows that changed are evaluated again",
        "monitor/rechecking.py",
        "return abs(now - before) > CHANGED * before",
        "return False",
        ("tests/monitor/test_late_rows.py::test_history_becomes_what_it_would_have_been",),
    ),
    Mutation(
        "a revision that waits takes no window out of sight",
        "storage/judged.py",
        "ledger.c.superseded_by.is_(None) | waits.correlate(ledger).exists()",
        "ledger.c.superseded_by.is_(None)",
        ("tests/monitor/test_late_rows.py::test_what_is_weighed_is_what_is_judged",),
    ),
    # One owner, one leader, one transaction
    Mutation(
        "BEGIN IMMEDIATE",
        "storage/sqlite.py",
        'begin = "BEGIN IMMEDIATE" if writes else "BEGIN"',
        'begin = "BEGIN"',
        (_ENGINE,),
    ),
    Mutation(
        "synchronous FULL",
        "storage/sqlite.py",
        '"PRAGMA synchronous = FULL"',
        '"PRAGMA synchronous = OFF"',
        (_ENGINE,),
    ),
    Mutation(
        "readers cannot write",
        "storage/sqlite.py",
        '"PRAGMA query_only = ON"',
        '"PRAGMA query_only = OFF"',
        (_ENGINE,),
    ),
    Mutation(
        "foreign keys",
        "storage/sqlite.py",
        '"PRAGMA foreign_keys = ON"',
        '"PRAGMA foreign_keys = OFF"',
        (_ENGINE,),
    ),
    Mutation(
        "owner lock",
        "storage/lock.py",
        "        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "        pass",
        ("tests/storage/test_lock.py",),
    ),
    Mutation(
        "owner lock through a hard link",
        "storage/lock.py",
        "        if not _locked(_inodes[inode]):",
        "        if False:",
        ("tests/storage/test_lock.py",),
    ),
    Mutation(
        "fence of the leader",
        "storage/leadership.py",
        "row is None or fence is None or row.fence != fence",
        "row is None or fence is None",
        ("tests/storage/test_leadership.py",),
    ),
    Mutation(
        "lease of the leader",
        "storage/leadership.py",
        ".where(leader.c.name == _ONE, leader.c.lease_until <= now)",
        ".where(leader.c.name == _ONE)",
        ("tests/storage/test_leadership.py",),
    ),
    Mutation(
        "a newer database is refused",
        "storage/store.py",
        "if found is not None and found not in REVISIONS:",
        "if False:",
        (_ENGINE,),
    ),
    Mutation(
        "a new owner ends the leases of a dead one",
        "storage/takeover.py",
        "held = sum(conn.execute(lease.values(lease_until=now)).rowcount for lease in (claimed, sending))",
        "held = len((claimed, sending)) - 2 + 0 * conn.execute(claimed.values(attempt=0)).rowcount",
        ("tests/storage/test_takeover.py",),
    ),
    Mutation(
        "a new owner has the looks for late rows that a dead one had begun",
        "storage/takeover.py",
        "return held + sum(_look_for_late_rows(conn, now, model, wait) for model, wait in lateness.items())",
        "return held + 0 * len(lateness)",
        ("tests/storage/test_takeover.py",),
    ),
    Mutation(
        "two claims at once take two windows",
        "storage/ledger.py",
        "due = due.with_for_update(skip_locked=True)",
        "pass",
        ("tests/storage/test_postgres.py::test_two_claims_at_once_take_two_windows",),
        on="",
    ),
    Mutation(
        "nobody takes over while a leader writes",
        "storage/leadership.py",
        ".where(leader.c.name == _ONE).with_for_update(read=True)",
        ".where(leader.c.name == _ONE)",
        ("tests/storage/test_leadership.py::test_a_take_over_waits_for_a_write_that_began",),
        on="",
    ),
    # Incidents
    Mutation(
        "UNIQUE of the open incident",
        _FIRST,
        """        ["fingerprint"],
        unique=True,
""",
        """        ["fingerprint"],
        unique=False,
""",
        (_FOLDING,),
    ),
    Mutation(
        "an acknowledgement compares and sets",
        "storage/incidents.py",
        "if version is not None and version != before.version:",
        "if False:",
        (_FOLDING,),
    ),
    Mutation(
        "incident events are append-only",
        "storage/migrations/versions/0001_views.sqlite.sql",
        "  SELECT RAISE(ABORT, 'incident_event is append-only');\nEND\n\n"
        "CREATE TRIGGER incident_event_no_delete",
        "  SELECT 1;\nEND\n\nCREATE TRIGGER incident_event_no_delete",
        ("tests/storage/test_migrations.py", _FOLDING),
    ),
    Mutation(
        "neutral verdicts resolve nothing",
        "alerting/fold.py",
        "    if verdict.kind is VerdictKind.CLEAR:\n        if before.is_open:",
        "    if verdict.kind is not VerdictKind.BREACH:\n        if before.is_open:",
        ("tests/alerting/test_fold.py",),
    ),
    Mutation(
        "not a number is not a verdict",
        "monitor/column_rules.py",
        "    if value is None or not isfinite(value):\n        kind, value = VerdictKind.ERROR, None",
        "    if value is None:\n        kind, value = VerdictKind.ERROR, None",
        ("tests/monitor/test_judgement.py",),
    ),
    Mutation(
        "columns stand still while the feed is bad",
        "alerting/health.py",
        "if feed_is_bad and not feed and not verdict.immediate:",
        "if False:",
        ("tests/alerting/test_health.py",),
    ),
    Mutation(
        "severity never falls while open",
        "alerting/fold.py",
        "if asked.level > before.severity.level:",
        "if asked.level != before.severity.level:",
        ("tests/alerting/test_fold.py",),
    ),
    # Messages
    Mutation(
        "UNIQUE of the outbox key",
        _FIRST,
        '        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),\n',
        "",
        (f"{_OUTBOX}::test_a_key_is_put_once",),
    ),
    Mutation(
        "keys are made of facts",
        "alerting/flush.py",
        '    return hashlib.sha256("\\x1f".join(parts).encode()).hexdigest()[:32]',
        "    import os\n\n    return os.urandom(16).hex()",
        ("tests/alerting/test_flush.py",),
    ),
    Mutation(
        "fence of mark",
        "storage/outbox.py",
        "            outbox.c.fence == claimed.fence,\n",
        "",
        (_OUTBOX,),
    ),
    Mutation(
        "lease of a message",
        "storage/lanes.py",
        "and_(outbox.c.state == OutboxState.SENDING, outbox.c.lease_until <= now)",
        "and_(outbox.c.state == OutboxState.SENDING)",
        (_OUTBOX,),
    ),
    Mutation(
        "the attempt row before the send",
        "storage/outbox.py",
        """    conn.execute(
        insert(attempt).values(
            outbox_id=row.id, number=row.tries + 1, fence=row.fence + 1, owner=owner, opened=now
        )
    )
""",
        "",
        (f"{_OUTBOX}::test_the_attempt_row_is_there_before_the_send",),
    ),
    Mutation(
        "a lost lease is uncertain",
        "storage/outbox.py",
        "uncertain = row.uncertain or expired or row.state == OutboxState.UNCERTAIN",
        "uncertain = row.uncertain",
        (_OUTBOX,),
    ),
    Mutation(
        "lane order",
        "storage/lanes.py",
        '.where(sql(f"outbox.{_OPEN_WORDS}"), due, ~ahead, passable)',
        '.where(sql(f"outbox.{_OPEN_WORDS}"), due, passable)',
        (_OUTBOX,),
    ),
    Mutation(
        "pages leave first",
        "storage/lanes.py",
        ".order_by(outbox.c.level.desc(), outbox.c.created, outbox.c.id)",
        ".order_by(outbox.c.created, outbox.c.id)",
        (_OUTBOX,),
    ),
    Mutation(
        "a channel that asked to wait is left alone",
        "storage/lanes.py",
        "        channel_state.c.blocked_until <= now,\n",
        "        channel_state.c.blocked_until.is_not(None),\n",
        (_OUTBOX,),
    ),
    Mutation(
        "a row past its deadline is not sent",
        "alerting/courier.py",
        "if now >= notification.deadline:",
        "if False:",
        (_COURIER,),
    ),
    Mutation(
        "a repeat says so",
        "alerting/channels/slack.py",
        "                message = message.as_possible_repeat()\n",
        "                pass\n",
        (_SLACK,),
    ),
    Mutation(
        "a picture holds nobody up",
        "storage/lanes.py",
        "            earlier.c.action != Action.PICTURE,",
        "            #",
        (_OUTBOX,),
    ),
    Mutation(
        "a picture that is given up wakes nobody",
        "storage/outbox.py",
        "    if notification.action is Action.PICTURE:  # what it",
        "    if False:  # what it",
        (_OUTBOX,),
    ),
    Mutation(
        "a picture that may have arrived is not sent twice",
        "alerting/courier.py",
        "        if notification.action is Action.PICTURE and notification.uncertain:",
        "        if False:",
        (_COURIER,),
    ),
    Mutation(
        "a picture that fails marks no channel",
        "alerting/courier.py",
        "    if notification.action is Action.PICTURE:\n        return _after_lost",
        "    if False:\n        return _after_lost",
        (_COURIER,),
    ),
    # Slack both ways
    Mutation(
        "an envelope has one effect",
        "monitor/slack_actions.py",
        "        if audit.lines(conn, envelope):\n",
        "        if False:\n",
        (_PRESSED,),
    ),
    Mutation(
        "only the present root can be pressed",
        "monitor/slack_actions.py",
        """lanes.root_of(conn, press.page.lane) != {
            "channel": press.channel,
            "ts": press.ts,
        }""",
        "False",
        (_PRESSED,),
    ),
    Mutation(
        "who may read may not act",
        "monitor/slack_answering.py",
        'if person.scope != "act":',
        "if False:",
        (_ANSWERED,),
    ),
    Mutation(
        "a request for another app",
        "monitor/slack_answering.py",
        " or (app and request.app and request.app != app)",
        "",
        (_ANSWERED,),
    ),
    Mutation(
        "an answer goes to slack alone",
        "monitor/slack_answering.py",
        "if not is_of_slack(request.reply_to, self.to.base_url):",
        "if not request.reply_to:",
        (_ANSWERED,),
    ),
    Mutation(
        "a line that is silent is dead",
        "monitor/slack_link.py",
        "if silent_s > self._stale_after_s:",
        "if False:",
        ("tests/monitor/test_slack_link.py",),
    ),
    Mutation(
        "the line leads to slack alone",
        "monitor/slack_link.py",
        "if not is_of_slack(as_http, to.base_url):",
        "if False:",
        ("tests/monitor/test_slack_link.py",),
    ),
    Mutation(
        "an envelope is handed on once",
        "monitor/slack_listening.py",
        "        if envelope in self._seen:\n",
        "        if False:\n",
        ("tests/monitor/test_slack_listening.py",),
    ),
    Mutation(
        "only the leader listens",
        "monitor/interacting.py",
        "return leader is None or leader.leads",
        "return True",
        ("tests/monitor/test_interacting.py",),
    ),
    # What leaves the machine
    Mutation(
        "a picture goes to slack's own house",
        "alerting/channels/slack.py",
        "self._is_of_slack(url)):",
        "True):",
        (_SLACK,),
    ),
    Mutation(
        "what draws is told no secret",
        "monitor/illustrating.py",
        "{name: os.environ[name] for name in _PASSED_ON if name in os.environ}",
        "dict(os.environ)",
        ("tests/monitor/test_plotting.py",),
    ),
    Mutation(
        "the escape",
        "alerting/sanitise.py",
        'text.replace("&", "&amp;").replace("<", "&lt;")',
        'text.replace("&", "&amp;")',
        ("tests/alerting/test_sanitise.py",),
    ),
    Mutation(
        "control and bidi characters",
        "alerting/sanitise.py",
        " if unicodedata.category(ch) not in _REMOVED)",
        ")",
        ("tests/alerting/test_sanitise.py",),
    ),
    Mutation(
        "the redirect refusal",
        "alerting/exchange.py",
        "if 300 <= status < 400:",
        "if False:",
        ("tests/alerting/channels/test_webhook.py", _SLACK),
    ),
    Mutation(
        "the address check",
        "alerting/connection.py",
        "if private or is_public(str(entry[4][0]))]",
        "if True]",
        (_EXCHANGE,),
    ),
    Mutation(
        "the deadline by the wall clock",
        "alerting/connection.py",
        "    thread.join(deadline_s)\n",
        "    thread.join()\n",
        (_EXCHANGE,),
    ),
    Mutation(
        "the limit of an answer",
        "alerting/exchange.py",
        "read = response.read(limit + 1)",
        "read = response.read()",
        (_EXCHANGE,),
    ),
    Mutation(
        "channel: the list of hosts",
        "alerting/connection.py",
        "if not allows(host, reach.hosts):",
        "if False:",
        (_EXCHANGE,),
    ),
    Mutation(
        "channel: words that could be links are inert",
        "alerting/sanitise.py",
        "return _ACTIVE.sub(_defused, text.translate(_ANGLES))",
        "return text",
        (_HOSTILE,),
    ),
    Mutation(
        "channel: JSON without mark-up",
        "alerting/sanitise.py",
        'text.replace("<", "\\\\u003c")',
        "text",
        (f"{_HOSTILE}::test_webhook",),
    ),
    Mutation(
        "channel: no mail in clear where STARTTLS is asked for",
        "alerting/submission.py",
        'if not session.has_extn("starttls"):',
        "if False:",
        (f"{_EMAIL}::test_a_server_without_starttls_gets_nothing",),
    ),
    Mutation(
        "channel: a mail that was written is ambiguous",
        "alerting/submission.py",
        "        line.begin_writing()\n",
        "",
        (f"{_EMAIL}::test_what_ends_after_the_mail_is_ambiguous",),
    ),
    Mutation(
        "channel: a reply of a mail server is bounded",
        "alerting/submission.py",
        "            if left < 0 or not",
        "            if not",
        (f"{_EMAIL}::test_a_reply_without_end_is_not_kept",),
    ),
    Mutation(
        "channel: a part that recovers resolves nothing",
        "alerting/channels/pagerduty.py",
        'is_over = facts.get("state") == "resolved"',
        "is_over = answers.is_over(facts, answers.rows(facts))",
        ("tests/alerting/channels/test_pagerduty.py",),
    ),
    Mutation(
        "channel: the library's redirects",
        "alerting/channels/_apprise.py",
        '"allow_redirects": False',
        '"allow_redirects": True',
        ("tests/alerting/channels/test_apprise.py::test_no_redirect_is_followed",),
    ),
    Mutation(
        "channel: the library's addresses",
        "alerting/channels/_apprise.py",
        "        if not public:\n",
        "        if False:\n",
        ("tests/alerting/channels/test_apprise.py::test_where_it_may_not_go_it_does_not",),
    ),
    Mutation(
        "channel: both secrets sign",
        "alerting/channels/webhook.py",
        "for secret in (self.secret, self.old_secret) if secret]",
        "for secret in (self.secret,) if secret]",
        ("tests/alerting/channels/test_webhook.py::test_a_rotation_from_start_to_end",),
    ),
    # Silences
    Mutation(
        "a silence ends",
        "alerting/silence.py",
        "for each in silences if each.is_active(now)",
        "for each in silences",
        ("tests/alerting/test_silence.py", "tests/monitor/test_silencing.py"),
    ),
    Mutation(
        "every matcher of a silence must agree",
        "alerting/silence.py",
        "return all(matcher.accepts(labels[matcher.label]) for matcher in self.matchers)",
        "return any(matcher.accepts(labels[matcher.label]) for matcher in self.matchers)",
        ("tests/alerting/test_silence.py",),
    ),
    # Retraining
    Mutation(
        "no request for what is silenced",
        "alerting/gates.py",
        "passed=bool(heard) or not steady,",
        "passed=True,",
        ("tests/alerting/test_retraining.py",),
    ),
    Mutation(
        "the data-quality gate",
        "alerting/gates.py",
        "passed=not unfit,",
        "passed=True,",
        ("tests/alerting/test_retraining.py",),
    ),
    Mutation(
        "the schema gate",
        "alerting/gates.py",
        "passed=not facts.schema_changed,",
        "passed=True,",
        ("tests/alerting/test_retraining.py",),
    ),
    Mutation(
        "the cool-down",
        "alerting/gates.py",
        "passed=rested,",
        "passed=True,",
        ("tests/alerting/test_retraining.py",),
    ),
    Mutation(
        "the kill switch",
        "alerting/gates.py",
        "passed=not facts.killed,",
        "passed=True,",
        ("tests/alerting/test_retraining.py",),
    ),
    Mutation(
        "the kill switch before a request leaves",
        "alerting/courier.py",
        "if why := self.held_back(notification):",
        "if why := self.held_back(notification) and None:",
        ("tests/monitor/test_retraining.py",),
    ),
    Mutation(
        "no request beside a broken window",
        "alerting/gates.py",
        "passed=not broken,",
        "passed=True,",
        ("tests/alerting/test_retraining.py",),
    ),
    Mutation(
        "the breaker",
        "alerting/gates.py",
        "passed=not facts.breaker.is_open,",
        "passed=True,",
        ("tests/alerting/test_retraining.py",),
    ),
    Mutation(
        "an open breaker stays open",
        "alerting/breaker.py",
        " or standing.is_open:",
        ":",
        ("tests/alerting/test_breaker.py",),
    ),
    Mutation(
        "the cap a day",
        "alerting/gates.py",
        "passed=facts.asked_in_a_day < policy.max_a_day,",
        "passed=True,",
        ("tests/alerting/test_retraining.py",),
    ),
    Mutation(
        "the allow-list of targets",
        "alerting/gates.py",
        "if facts.allowed is not None and policy.target not in facts.allowed:",
        "if False:",
        ("tests/alerting/test_retraining.py",),
    ),
    Mutation(
        "the token of a report",
        "monitor/web/tokens.py",
        'return scheme.lower() == "bearer" and any(found)',
        'return scheme.lower() == "bearer"',
        ("tests/monitor/test_web.py",),
    ),
    Mutation(
        "a report overtakes the note of delivery",
        "storage/retraining.py",
        """    if found.state is RetrainingState.REQUESTED:
        set_state(conn, found.id, state, now, why)
    elif""",
        """    if True:
        set_state(conn, found.id, state, now, why)
    elif""",
        ("tests/monitor/test_retraining.py",),
    ),
    Mutation(
        "UNIQUE of retraining in flight",
        _FIRST,
        """        "uq_retraining_in_flight",
        "retraining",
        ["model"],
        unique=True,
""",
        """        "uq_retraining_in_flight",
        "retraining",
        ["model"],
        unique=False,
""",
        ("tests/storage/test_retraining.py",),
    ),
    Mutation(
        "a request is not sent twice to who would do it twice",
        "alerting/courier.py",
        "notification.action is Action.REQUEST and notification.uncertain and not channel.idempotent",
        "False",
        (_COURIER,),
    ),
    # Objects
    Mutation(
        "an endpoint inside must be meant",
        "monitor/sources/_objects.py",
        "if self.endpoint and not self.allow_private:",
        "if False:",
        ("tests/monitor/test_object_source.py",),
    ),
    Mutation(
        "an object replaced while it is read",
        "monitor/sources/_scan.py",
        "changed = self.place.stamp(file.name) != file.stamp",
        "changed = False",
        ("tests/monitor/test_source_conformance.py",),
    ),
    Mutation(
        "keys of the config are not mixed with a token of the environment",
        "monitor/sources/_store_options.py",
        'if self.access_key_id and not self.session_token and os.environ.get("AWS_SESSION_TOKEN"):',
        "if False:",
        ("tests/monitor/test_object_source.py",),
    ),
    # Lakes
    Mutation(
        "partitions that no name says are refused",
        "monitor/sources/delta.py",
        "missing = [column for column in columns if column not in said]",
        "missing: list[str] = []",
        ("tests/monitor/test_delta_source.py",),
    ),
    Mutation(
        "a past before the first version is refused",
        "monitor/sources/delta.py",
        "if written > self.as_of.timestamp() * 1000:",
        "if False:",
        ("tests/monitor/test_delta_source.py",),
    ),
    Mutation(
        "the newest time is not that of deleted rows",
        "monitor/sources/_extent.py",
        "for above in (low, None) if low is not None else (None,):",
        "for above in (low,):",
        ("tests/monitor/test_delta_source.py",),
    ),
    Mutation(
        "a footer with an end that is no time is not believed",
        "monitor/sources/_footer.py",
        "    if len(times) < len(ends):",
        "    times = [*times, *times][:2]\n    if len(times) < len(ends):",
        ("tests/monitor/test_footer.py",),
    ),
    Mutation(
        "no catalog is made",
        "monitor/sources/_iceberg_catalog.py",
        'given["init_catalog_tables"] = "false"',
        'given["init_catalog_tables"] = "true"',
        ("tests/monitor/test_iceberg_source.py",),
    ),
    Mutation(
        "a catalog inside must be meant",
        "monitor/sources/_iceberg_catalog.py",
        """            if not self.allow_private:
                must_be_public(self.url, self._place)""",
        """            if not self.allow_private:
                pass""",
        ("tests/monitor/test_iceberg_source.py",),
    ),
    # References
    Mutation(
        "rows of a reference that changed between two readings",
        "monitor/reference_large.py",
        "        what = found.footprint.differing(again)\n",
        '        what = ""\n',
        (_LARGE,),
    ),
    Mutation(
        "rows of a reference's window that changed before they were counted",
        "monitor/reference_large.py",
        "if what := found.footprint.differing(again, windows):",
        'if what := "":',
        (_LARGE,),
    ),
    Mutation(
        "labels of a reference that changed between two readings",
        "monitor/reference_large.py",
        "if not what and (column := large.differing()):",
        'if not what and (column := ""):',
        (_LARGE,),
    ),
)
