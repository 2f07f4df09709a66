-- What Grafana's PostgreSQL data source sends. See ../test_serve_clients.py for the form.

--! is anybody there => 1
SELECT 1
--! the server => 1600
SELECT current_setting('server_version_num')::int/100 AS version
--! an extension => none
SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'
--! schemas => public, home.people
SELECT schema_name AS "name" FROM information_schema.schemata
WHERE schema_name NOT IN ('information_schema', 'pg_catalog', 'pg_toast', '_timescaledb_cache') ORDER BY schema_name
--! tables of a schema => pets, numbers
SELECT quote_ident(table_name) AS "table" FROM information_schema.tables
WHERE quote_ident(table_schema) = 'public' ORDER BY 1
--! $__timeFilter and $__time => 2026-01-02 03:04:05
SELECT moment AS "time", whole FROM kinds WHERE moment BETWEEN '2026-01-01T00:00:00Z' AND '2026-01-31T23:59:59.999Z'
ORDER BY moment
--! $__timeFilter of times with a zone => 1
SELECT instant AS "time", whole FROM kinds
WHERE instant BETWEEN '2026-01-01T00:00:00Z' AND '2026-01-31T23:59:59.999Z'
--! $__timeFrom and $__timeTo => 1
SELECT whole FROM kinds WHERE moment >= '2026-01-01T00:00:00Z' AND moment < '2026-01-31T23:59:59.999Z'
--! $__timeEpoch => 1
SELECT extract(epoch from moment) as "time", whole FROM kinds
--! $__timeGroup => 1767322800.0
SELECT floor(extract(epoch from moment)/300)*300 AS "time", avg(whole) AS "value" FROM kinds
WHERE moment BETWEEN '2026-01-01T00:00:00Z' AND '2026-01-31T23:59:59Z' GROUP BY 1 ORDER BY 1
--! $__unixEpochFilter => 7
SELECT floor((n)/60)*60 AS "time", n FROM numbers WHERE n >= 7 AND n <= 9
--! a table of the editor => 1
SELECT count(name) AS "count", tame FROM pets WHERE size > 3 GROUP BY tame ORDER BY tame LIMIT 50
