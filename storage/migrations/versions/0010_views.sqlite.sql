CREATE TRIGGER retraining_event_no_update BEFORE UPDATE ON retraining_event
BEGIN
  SELECT RAISE(ABORT, 'retraining_event is append-only');
END

CREATE TRIGGER retraining_event_no_delete BEFORE DELETE ON retraining_event
BEGIN
  SELECT RAISE(ABORT, 'retraining_event is append-only');
END

CREATE VIEW v_retraining AS
SELECT r.id AS retraining_id,
       r.model AS model,
       r.ask AS ask,
       r.target AS target,
       r.mode AS mode,
       r.state AS state,
       strftime('%Y-%m-%dT%H:%M:%S', r.requested / 1000000, 'unixepoch') || printf('.%06dZ', r.requested % 1000000) AS requested,
       strftime('%Y-%m-%dT%H:%M:%S', r.deadline / 1000000, 'unixepoch') || printf('.%06dZ', r.deadline % 1000000) AS deadline,
       strftime('%Y-%m-%dT%H:%M:%S', r.sent / 1000000, 'unixepoch') || printf('.%06dZ', r.sent % 1000000) AS sent,
       strftime('%Y-%m-%dT%H:%M:%S', r.ended / 1000000, 'unixepoch') || printf('.%06dZ', r.ended % 1000000) AS ended,
       strftime('%Y-%m-%dT%H:%M:%S', r.updated / 1000000, 'unixepoch') || printf('.%06dZ', r.updated % 1000000) AS updated,
       r.detail AS detail,
       r.model_version AS model_version,
       r.reference_version AS reference_version,
       r.answer AS answer,
       strftime('%Y-%m-%dT%H:%M:%S', r.answer_by / 1000000, 'unixepoch') || printf('.%06dZ', r.answer_by % 1000000) AS answer_by,
       strftime('%Y-%m-%dT%H:%M:%S', r.answered / 1000000, 'unixepoch') || printf('.%06dZ', r.answered % 1000000) AS answered,
       (SELECT count(*) FROM retraining_event AS e WHERE e.retraining_id = r.id) AS events,
       r.facts AS request
  FROM retraining AS r

CREATE VIEW v_retraining_decisions AS
SELECT d.id AS decision_id,
       d.model AS model,
       strftime('%Y-%m-%dT%H:%M:%S', d.at / 1000000, 'unixepoch') || printf('.%06dZ', d.at % 1000000) AS at,
       d.mode AS mode,
       d.outcome AS outcome,
       d.target AS target,
       d.request_id AS request_id,
       d.retraining_id AS retraining_id,
       d.gates AS gates,
       d.ledger_id AS window_id
  FROM retraining_decision AS d
