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
       l.id AS window_id,
       1 AS windows,
       m.value AS value_min,
       m.value AS value_max
  FROM column_result AS c
  JOIN ledger AS l ON l.id = c.ledger_id
 CROSS JOIN LATERAL (
       SELECT coalesce(e ->> 0, e ->> 'metric') COLLATE "C" AS metric,
              json_number(coalesce(e -> 1, e -> 'value')) AS value,
              json_number(coalesce(e -> 3, e -> 'noise_limit')) AS noise_limit,
              coalesce(e ->> 4, e ->> 'n')::bigint AS n,
              coalesce(e ->> 5, e ->> 'n_reference')::bigint AS n_reference,
              json_number(coalesce(e -> 6, e -> 'p')) AS p,
              coalesce(e ->> 7, e ->> 'direction', '0')::integer AS direction,
              coalesce(e ->> 2, e ->> 'status') COLLATE "C" AS status
         FROM json_array_elements(c.measurements::json) AS e
       UNION ALL
       SELECT 'rows', c.rows, NULL, c.rows, NULL, NULL, 0, 'ok'
       UNION ALL
       SELECT 'harm', c.harm, NULL, c.rows - c.missing_rows, NULL, NULL, 0, 'ok'
       UNION ALL
       SELECT 'pull', c.pull, NULL, c.rows - c.missing_rows, NULL, NULL, 0, 'ok') AS m
 WHERE m.value IS NOT NULL OR m.status <> 'ok'
 UNION ALL
SELECT l.model, d.version,
       iso_utc(d."start") COLLATE "C",
       iso_utc(d."end") COLLATE "C",
       l.revision, d.segment, d.column_name,
       (e ->> 'metric') COLLATE "C",
       json_number(e -> 'value'),
       json_number(e -> 'noise_limit'),
       (e ->> 'n')::bigint,
       (e ->> 'n_reference')::bigint,
       NULL,
       0,
       (e ->> 'status') COLLATE "C",
       l.id,
       d.windows,
       json_number(e -> 'min'),
       json_number(e -> 'max')
  FROM daily_result AS d
  JOIN ledger AS l ON l.id = d.ledger_id
 CROSS JOIN LATERAL json_array_elements(d.measurements::json) AS e
