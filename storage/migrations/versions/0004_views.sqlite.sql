CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'audit is append-only');
END

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
  SELECT RAISE(ABORT, 'audit is append-only');
END

CREATE VIEW v_incidents AS
SELECT i.id AS incident_id,
       i.model AS model,
       i.version AS version,
       i.segment AS segment,
       i.column_name AS column_name,
       i.rule AS rule,
       i.kind AS kind,
       i.severity AS severity,
       i.status AS status,
       strftime('%Y-%m-%dT%H:%M:%S', i.opened / 1000000, 'unixepoch') || printf('.%06dZ', i.opened % 1000000) AS opened,
       strftime('%Y-%m-%dT%H:%M:%S', i.since / 1000000, 'unixepoch') || printf('.%06dZ', i.since % 1000000) AS since,
       strftime('%Y-%m-%dT%H:%M:%S', i.resolved / 1000000, 'unixepoch') || printf('.%06dZ', i.resolved % 1000000) AS resolved,
       i.resolved_reason AS resolved_reason,
       strftime('%Y-%m-%dT%H:%M:%S', i.window_start / 1000000, 'unixepoch') || printf('.%06dZ', i.window_start % 1000000) AS window_start,
       strftime('%Y-%m-%dT%H:%M:%S', i.window_end / 1000000, 'unixepoch') || printf('.%06dZ', i.window_end % 1000000) AS window_end,
       i.reopens AS reopens,
       i.relapses AS relapses,
       i.peak AS peak,
       i.rank AS rank,
       i.change AS change,
       i.title AS title,
       i.acknowledged_by AS acknowledged_by,
       strftime('%Y-%m-%dT%H:%M:%S', i.acknowledged_until / 1000000, 'unixepoch') || printf('.%06dZ', i.acknowledged_until % 1000000) AS acknowledged_until,
       (SELECT count(*) FROM incident_event AS e WHERE e.incident_id = i.id) AS events,
       i.false_page_by AS false_page_by,
       i.flapping AS flapping
  FROM incident AS i

CREATE VIEW v_silences AS
SELECT s.id AS silence_id,
       s.matchers AS matchers,
       strftime('%Y-%m-%dT%H:%M:%S', s.starts / 1000000, 'unixepoch') || printf('.%06dZ', s.starts % 1000000) AS starts,
       strftime('%Y-%m-%dT%H:%M:%S', s.ends / 1000000, 'unixepoch') || printf('.%06dZ', s.ends % 1000000) AS ends,
       strftime('%Y-%m-%dT%H:%M:%S', min(s.ends, coalesce(s.expired, s.ends)) / 1000000, 'unixepoch') || printf('.%06dZ', min(s.ends, coalesce(s.expired, s.ends)) % 1000000) AS over_at,
       s.author AS author,
       s.comment AS comment,
       strftime('%Y-%m-%dT%H:%M:%S', s.created / 1000000, 'unixepoch') || printf('.%06dZ', s.created % 1000000) AS created,
       strftime('%Y-%m-%dT%H:%M:%S', s.expired / 1000000, 'unixepoch') || printf('.%06dZ', s.expired % 1000000) AS expired,
       s.expired_by AS expired_by,
       s.replaces AS replaces
  FROM silence AS s

CREATE VIEW v_audit AS
SELECT a.id AS audit_id,
       strftime('%Y-%m-%dT%H:%M:%S', a.at / 1000000, 'unixepoch') || printf('.%06dZ', a.at % 1000000) AS at,
       a.kind AS kind,
       a.subject AS subject,
       a.actor AS actor,
       a.facts AS facts
  FROM audit AS a
