CREATE VIEW v_measurements AS
SELECT l.model AS model,
       c.version AS version,
       strftime('%Y-%m-%dT%H:%M:%S', l."start" / 1000000, 'unixepoch') || printf('.%06dZ', l."start" % 1000000) AS window_start,
       strftime('%Y-%m-%dT%H:%M:%S', l."end" / 1000000, 'unixepoch') || printf('.%06dZ', l."end" % 1000000) AS window_end,
       l.revision AS revision,
       c.segment AS segment,
       c.column_name AS column_name,
       coalesce(json_extract(m.value, '$[0]'), json_extract(m.value, '$.metric')) AS metric,
       CASE coalesce(json_extract(m.value, '$[0]'), json_extract(m.value, '$.metric'))
         WHEN 'harm' THEN c.harm
         WHEN 'pull' THEN c.pull
         ELSE coalesce(json_extract(m.value, '$[1]'), json_extract(m.value, '$.value'))
       END AS value,
       coalesce(json_extract(m.value, '$[3]'), json_extract(m.value, '$.noise_limit')) AS noise_limit,
       coalesce(json_extract(m.value, '$[4]'), json_extract(m.value, '$.n')) AS n,
       coalesce(json_extract(m.value, '$[5]'), json_extract(m.value, '$.n_reference')) AS n_reference,
       coalesce(json_extract(m.value, '$[6]'), json_extract(m.value, '$.p')) AS p,
       coalesce(json_extract(m.value, '$[7]'), json_extract(m.value, '$.direction'), 0) AS direction,
       coalesce(json_extract(m.value, '$[2]'), json_extract(m.value, '$.status')) AS status,
       l.id AS window_id,
       1 AS windows,
       CASE coalesce(json_extract(m.value, '$[0]'), json_extract(m.value, '$.metric'))
         WHEN 'harm' THEN c.harm
         WHEN 'pull' THEN c.pull
         ELSE coalesce(json_extract(m.value, '$[1]'), json_extract(m.value, '$.value'))
       END AS value_min,
       CASE coalesce(json_extract(m.value, '$[0]'), json_extract(m.value, '$.metric'))
         WHEN 'harm' THEN c.harm
         WHEN 'pull' THEN c.pull
         ELSE coalesce(json_extract(m.value, '$[1]'), json_extract(m.value, '$.value'))
       END AS value_max
  FROM column_result AS c
  JOIN ledger AS l ON l.id = c.ledger_id
  JOIN json_each(json_insert(c.measurements,
         '$[#]', json_object('metric', 'rows', 'value', c.rows, 'n', c.rows, 'status', 'ok'),
         '$[#]', json_object('metric', 'harm', 'value', c.harm, 'n', c.rows - c.missing_rows, 'status', 'ok'),
         '$[#]', json_object('metric', 'pull', 'value', c.pull, 'n', c.rows - c.missing_rows, 'status', 'ok'))) AS m
 WHERE coalesce(json_extract(m.value, '$[1]'), json_extract(m.value, '$.value')) IS NOT NULL OR coalesce(json_extract(m.value, '$[2]'), json_extract(m.value, '$.status')) <> 'ok'
 UNION ALL
SELECT l.model, d.version,
       strftime('%Y-%m-%dT%H:%M:%S', d."start" / 1000000, 'unixepoch') || printf('.%06dZ', d."start" % 1000000),
       strftime('%Y-%m-%dT%H:%M:%S', d."end" / 1000000, 'unixepoch') || printf('.%06dZ', d."end" % 1000000),
       l.revision, d.segment, d.column_name,
       json_extract(m.value, '$.metric'),
       json_extract(m.value, '$.value'),
       json_extract(m.value, '$.noise_limit'),
       json_extract(m.value, '$.n'),
       json_extract(m.value, '$.n_reference'),
       NULL,
       0,
       json_extract(m.value, '$.status'),
       l.id,
       d.windows,
       json_extract(m.value, '$.min'),
       json_extract(m.value, '$.max')
  FROM daily_result AS d
  JOIN ledger AS l ON l.id = d.ledger_id
  JOIN json_each(d.measurements) AS m
