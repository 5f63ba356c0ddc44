-- The public face of the history (docs/history-schema.md). One statement a paragraph.
-- Times: integer UTC microseconds become 2013-05-13T04:00:00.000000Z.

CREATE TRIGGER incident_event_no_update BEFORE UPDATE ON incident_event
BEGIN
  SELECT RAISE(ABORT, 'incident_event is append-only');
END

CREATE TRIGGER incident_event_no_delete BEFORE DELETE ON incident_event
BEGIN
  SELECT RAISE(ABORT, 'incident_event is append-only');
END

CREATE VIEW v_windows AS
SELECT l.id AS window_id,
       l.model AS model,
       l.stream AS stream,
       l.kind AS kind,
       strftime('%Y-%m-%dT%H:%M:%S', l."start" / 1000000, 'unixepoch') || printf('.%06dZ', l."start" % 1000000) AS window_start,
       strftime('%Y-%m-%dT%H:%M:%S', l."end" / 1000000, 'unixepoch') || printf('.%06dZ', l."end" % 1000000) AS window_end,
       l.revision AS revision,
       l.state AS state,
       l.reason AS reason,
       l.rows AS rows,
       l.attempt AS attempt,
       r.version AS reference_version,
       l.config_digest AS config_digest,
       l.source_fingerprint AS source_fingerprint,
       l.error_class AS error_class,
       l.error AS error,
       strftime('%Y-%m-%dT%H:%M:%S', l.due / 1000000, 'unixepoch') || printf('.%06dZ', l.due % 1000000) AS due,
       strftime('%Y-%m-%dT%H:%M:%S', l.planned_at / 1000000, 'unixepoch') || printf('.%06dZ', l.planned_at % 1000000) AS planned_at,
       strftime('%Y-%m-%dT%H:%M:%S', l.finished_at / 1000000, 'unixepoch') || printf('.%06dZ', l.finished_at % 1000000) AS finished_at,
       strftime('%Y-%m-%dT%H:%M:%S', l.folded_at / 1000000, 'unixepoch') || printf('.%06dZ', l.folded_at % 1000000) AS folded_at,
       l.superseded_by AS superseded_by
  FROM ledger AS l
  LEFT JOIN reference AS r ON r.id = l.reference_id

CREATE VIEW v_measurements AS
SELECT l.model AS model,
       c.version AS version,
       strftime('%Y-%m-%dT%H:%M:%S', l."start" / 1000000, 'unixepoch') || printf('.%06dZ', l."start" % 1000000) AS window_start,
       strftime('%Y-%m-%dT%H:%M:%S', l."end" / 1000000, 'unixepoch') || printf('.%06dZ', l."end" % 1000000) AS window_end,
       l.revision AS revision,
       c.segment AS segment,
       c.column_name AS column_name,
       json_extract(m.value, '$.metric') AS metric,
       json_extract(m.value, '$.value') AS value,
       json_extract(m.value, '$.noise_limit') AS noise_limit,
       json_extract(m.value, '$.n') AS n,
       json_extract(m.value, '$.n_reference') AS n_reference,
       json_extract(m.value, '$.p') AS p,
       coalesce(json_extract(m.value, '$.direction'), 0) AS direction,
       json_extract(m.value, '$.status') AS status,
       l.id AS window_id
  FROM column_result AS c
  JOIN ledger AS l ON l.id = c.ledger_id
  JOIN json_each(json_insert(c.measurements,
         '$[#]', json_object('metric', 'rows', 'value', c.rows, 'n', c.rows, 'status', 'ok'),
         '$[#]', json_object('metric', 'harm', 'value', c.harm, 'n', c.rows - c.missing_rows, 'status', 'ok'),
         '$[#]', json_object('metric', 'pull', 'value', c.pull, 'n', c.rows - c.missing_rows, 'status', 'ok'))) AS m
 WHERE json_extract(m.value, '$.value') IS NOT NULL OR json_extract(m.value, '$.status') <> 'ok'

CREATE VIEW v_verdicts AS
SELECT v.id AS verdict_id,
       l.model AS model,
       v.version AS version,
       strftime('%Y-%m-%dT%H:%M:%S', l."start" / 1000000, 'unixepoch') || printf('.%06dZ', l."start" % 1000000) AS window_start,
       strftime('%Y-%m-%dT%H:%M:%S', l."end" / 1000000, 'unixepoch') || printf('.%06dZ', l."end" % 1000000) AS window_end,
       l.revision AS revision,
       v.segment AS segment,
       v.column_name AS column_name,
       v.verdict AS verdict,
       v.severity AS severity,
       json_extract(v.facts, '$.rules') AS rules,
       v.rank AS rank,
       v.value AS value,
       v.z AS z,
       v.p AS p,
       v.harm AS harm,
       v.change AS change,
       v.incident_id AS incident_id,
       v.title AS title,
       l.id AS window_id
  FROM verdict AS v
  JOIN ledger AS l ON l.id = v.ledger_id

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
       (SELECT count(*) FROM incident_event AS e WHERE e.incident_id = i.id) AS events
  FROM incident AS i

CREATE VIEW v_notifications AS
SELECT o.id AS notification_id,
       o."key" AS "key",
       o.channel AS channel,
       o.lane AS lane,
       o.action AS action,
       o.reason AS reason,
       json_extract(o.facts, '$.model') AS model,
       json_extract(o.facts, '$.severity') AS severity,
       o.state AS state,
       o.tries AS tries,
       o.uncertain AS uncertain,
       strftime('%Y-%m-%dT%H:%M:%S', o.created / 1000000, 'unixepoch') || printf('.%06dZ', o.created % 1000000) AS created,
       strftime('%Y-%m-%dT%H:%M:%S', o.deadline / 1000000, 'unixepoch') || printf('.%06dZ', o.deadline % 1000000) AS deadline,
       strftime('%Y-%m-%dT%H:%M:%S', o.next_try / 1000000, 'unixepoch') || printf('.%06dZ', o.next_try % 1000000) AS next_try,
       CASE WHEN o.state = 'sent' THEN strftime('%Y-%m-%dT%H:%M:%S', o.closed / 1000000, 'unixepoch') || printf('.%06dZ', o.closed % 1000000) END AS sent,
       o.error AS error
  FROM outbox AS o
