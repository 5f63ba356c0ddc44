CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit is append-only' USING ERRCODE = 'restrict_violation';
END
$$

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()

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
       (SELECT count(*) FROM incident_event AS e WHERE e.incident_id = i.id) AS events,
       i.false_page_by AS false_page_by,
       i.flapping::integer AS flapping
  FROM incident AS i

CREATE VIEW v_silences AS
SELECT s.id AS silence_id,
       s.matchers AS matchers,
       iso_utc(s.starts) COLLATE "C" AS starts,
       iso_utc(s.ends) COLLATE "C" AS ends,
       iso_utc(least(s.ends, coalesce(s.expired, s.ends))) COLLATE "C" AS over_at,
       s.author AS author,
       s.comment AS comment,
       iso_utc(s.created) COLLATE "C" AS created,
       iso_utc(s.expired) COLLATE "C" AS expired,
       s.expired_by AS expired_by,
       s.replaces AS replaces
  FROM silence AS s

CREATE VIEW v_audit AS
SELECT a.id AS audit_id,
       iso_utc(a.at) COLLATE "C" AS at,
       a.kind AS kind,
       a.subject AS subject,
       a.actor AS actor,
       a.facts AS facts
  FROM audit AS a
