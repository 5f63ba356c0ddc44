CREATE FUNCTION retraining_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'retraining_event is append-only' USING ERRCODE = 'restrict_violation';
END
$$

CREATE TRIGGER retraining_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON retraining_event
  FOR EACH STATEMENT EXECUTE FUNCTION retraining_event_is_append_only()

CREATE VIEW v_retraining AS
SELECT r.id AS retraining_id,
       r.model AS model,
       r.ask AS ask,
       r.target AS target,
       r.mode AS mode,
       r.state AS state,
       iso_utc(r.requested) COLLATE "C" AS requested,
       iso_utc(r.deadline) COLLATE "C" AS deadline,
       iso_utc(r.sent) COLLATE "C" AS sent,
       iso_utc(r.ended) COLLATE "C" AS ended,
       iso_utc(r.updated) COLLATE "C" AS updated,
       r.detail AS detail,
       r.model_version AS model_version,
       r.reference_version AS reference_version,
       r.answer AS answer,
       iso_utc(r.answer_by) COLLATE "C" AS answer_by,
       iso_utc(r.answered) COLLATE "C" AS answered,
       (SELECT count(*) FROM retraining_event AS e WHERE e.retraining_id = r.id) AS events,
       r.facts AS request
  FROM retraining AS r

CREATE VIEW v_retraining_decisions AS
SELECT d.id AS decision_id,
       d.model AS model,
       iso_utc(d.at) COLLATE "C" AS at,
       d.mode AS mode,
       d.outcome AS outcome,
       d.target AS target,
       d.request_id AS request_id,
       d.retraining_id AS retraining_id,
       d.gates AS gates,
       d.ledger_id AS window_id
  FROM retraining_decision AS d
