-- The public face of the history (docs/history-schema.md). One statement a paragraph.
-- The same names and values as on SQLite.

CREATE FUNCTION iso_utc(micros bigint) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT to_char(timestamp '1970-01-01' + micros * interval '1 microsecond', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$

CREATE FUNCTION json_of(words text) RETURNS json LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  -- Words from data may hold a NUL, for which PostgreSQL refuses the whole object.
  SELECT replace(words, '\u0000', '\ufffd')::json
$$

CREATE FUNCTION json_number(member json) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN json_typeof(member) = 'number' THEN (member #>> '{}')::double precision END
$$

CREATE FUNCTION incident_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'incident_event is append-only' USING ERRCODE = 'restrict_violation';
END
$$

CREATE TRIGGER incident_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON incident_event
  FOR EACH STATEMENT EXECUTE FUNCTION incident_event_is_append_only()

CREATE VIEW v_windows AS
SELECT l.id AS window_id,
       l.model AS model,
       l.stream AS stream,
       l.kind AS kind,
       iso_utc(l."start") COLLATE "C" AS window_start,
       iso_utc(l."end") COLLATE "C" AS window_end,
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
       iso_utc(l.due) COLLATE "C" AS due,
       iso_utc(l.planned_at) COLLATE "C" AS planned_at,
       iso_utc(l.finished_at) COLLATE "C" AS finished_at,
       iso_utc(l.folded_at) COLLATE "C" AS folded_at,
       l.superseded_by AS superseded_by
  FROM ledger AS l
  LEFT JOIN reference AS r ON r.id = l.reference_id

CREATE VIEW v_measurements AS
SELECT l.model AS model,
       c.version AS version,
       iso_utc(l."start") COLLATE "C" AS window_start,
       iso_utc(l."end") COLLATE "C" AS window_end,
       l.revision AS revision,
       c.segment AS segment,
       c.column_name AS column_name,
       m.metric AS metric,
       m.value AS value,
       m.noise_limit AS noise_limit,
       m.n AS n,
       m.n_reference AS n_reference,
       m.p AS p,
       m.direction AS direction,
       m.status AS status,
       l.id AS window_id
  FROM column_result AS c
  JOIN ledger AS l ON l.id = c.ledger_id
 CROSS JOIN LATERAL (
       SELECT (e ->> 'metric') COLLATE "C" AS metric,
              json_number(e -> 'value') AS value,
              json_number(e -> 'noise_limit') AS noise_limit,
              (e ->> 'n')::bigint AS n,
              (e ->> 'n_reference')::bigint AS n_reference,
              json_number(e -> 'p') AS p,
              coalesce((e ->> 'direction')::integer, 0) AS direction,
              (e ->> 'status') COLLATE "C" AS status
         FROM json_array_elements(c.measurements::json) AS e
       UNION ALL
       SELECT 'rows', c.rows, NULL, c.rows, NULL, NULL, 0, 'ok'
       UNION ALL
       SELECT 'harm', c.harm, NULL, c.rows - c.missing_rows, NULL, NULL, 0, 'ok'
       UNION ALL
       SELECT 'pull', c.pull, NULL, c.rows - c.missing_rows, NULL, NULL, 0, 'ok') AS m
 WHERE m.value IS NOT NULL OR m.status <> 'ok'

CREATE VIEW v_verdicts AS
SELECT v.id AS verdict_id,
       l.model AS model,
       v.version AS version,
       iso_utc(l."start") COLLATE "C" AS window_start,
       iso_utc(l."end") COLLATE "C" AS window_end,
       l.revision AS revision,
       v.segment AS segment,
       v.column_name AS column_name,
       v.verdict AS verdict,
       v.severity AS severity,
       nullif((json_of(v.facts) -> 'rules')::text, 'null') COLLATE "C" AS rules,
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
       iso_utc(i.opened) COLLATE "C" AS opened,
       iso_utc(i.since) COLLATE "C" AS since,
       iso_utc(i.resolved) COLLATE "C" AS resolved,
       i.resolved_reason AS resolved_reason,
       iso_utc(i.window_start) COLLATE "C" AS window_start,
       iso_utc(i.window_end) COLLATE "C" AS window_end,
       i.reopens AS reopens,
       i.relapses AS relapses,
       i.peak AS peak,
       i.rank AS rank,
       i.change AS change,
       i.title AS title,
       i.acknowledged_by AS acknowledged_by,
       iso_utc(i.acknowledged_until) COLLATE "C" AS acknowledged_until,
       (SELECT count(*) FROM incident_event AS e WHERE e.incident_id = i.id) AS events
  FROM incident AS i

CREATE VIEW v_notifications AS
SELECT o.id AS notification_id,
       o."key" AS "key",
       o.channel AS channel,
       o.lane AS lane,
       o.action AS action,
       o.reason AS reason,
       (json_of(o.facts) ->> 'model') COLLATE "C" AS model,
       (json_of(o.facts) ->> 'severity') COLLATE "C" AS severity,
       o.state AS state,
       o.tries AS tries,
       o.uncertain::integer AS uncertain,
       iso_utc(o.created) COLLATE "C" AS created,
       iso_utc(o.deadline) COLLATE "C" AS deadline,
       iso_utc(o.next_try) COLLATE "C" AS next_try,
       CASE WHEN o.state = 'sent' THEN iso_utc(o.closed) COLLATE "C" END AS sent,
       o.error AS error
  FROM outbox AS o
