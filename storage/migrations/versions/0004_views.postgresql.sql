-- incident_event and audit are append-only. One function says so for both.

CREATE OR REPLACE FUNCTION leeway_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$

DROP TRIGGER IF EXISTS incident_event_append_only ON incident_event

CREATE TRIGGER incident_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON incident_event
FOR EACH STATEMENT EXECUTE FUNCTION leeway_append_only()

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION leeway_append_only()

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
       to_char(('epoch'::timestamptz + i.opened * interval '1 microsecond') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS opened,
       to_char(('epoch'::timestamptz + i.since * interval '1 microsecond') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS since,
       to_char(('epoch'::timestamptz + i.resolved * interval '1 microsecond') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS resolved,
       i.resolved_reason AS resolved_reason,
       to_char(('epoch'::timestamptz + i.window_start * interval '1 microsecond') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS window_start,
       to_char(('epoch'::timestamptz + i.window_end * interval '1 microsecond') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS window_end,
       i.reopens AS reopens,
       i.relapses AS relapses,
       i.peak AS peak,
       i.rank AS rank,
       i.change AS change,
       i.title AS title,
       i.acknowledged_by AS acknowledged_by,
       to_char(('epoch'::timestamptz + i.acknowledged_until * interval '1 microsecond') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS acknowledged_until,
       (SELECT count(*) FROM incident_event AS e WHERE e.incident_id = i.id) AS events,
       i.false_page_by AS false_page_by,
       i.flapping AS flapping
  FROM incident AS i

CREATE VIEW v_silences AS
SELECT s.id AS silence_id,
       s.matchers AS matchers,
       to_char(('epoch'::timestamptz + s.starts * interval '1 microsecond') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS starts,
       to_char(('epoch'::timestamptz + s.ends * interval '1 microsecond') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ends,
       to_char(('epoch'::timestamptz + least(s.ends, coalesce(s.expired, s.ends)) * interval '1 microsecond') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS over_at,
       s.author AS author,
       s.comment AS comment,
       to_char(('epoch'::timestamptz + s.created * interval '1 microsecond') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created,
       to_char(('epoch'::timestamptz + s.expired * interval '1 microsecond') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS expired,
       s.expired_by AS expired_by,
       s.replaces AS replaces
  FROM silence AS s

CREATE VIEW v_audit AS
SELECT a.id AS audit_id,
       to_char(('epoch'::timestamptz + a.at * interval '1 microsecond') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
       a.kind AS kind,
       a.subject AS subject,
       a.actor AS actor,
       a.facts AS facts
  FROM audit AS a
