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
--! tables, without the schema where it is searched => pets, numbers, "home.people".owners
SELECT
CASE WHEN quote_ident(table_schema) IN (
SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
FROM generate_series(
array_lower(string_to_array(current_setting('search_path'),','),1),
array_upper(string_to_array(current_setting('search_path'),','),1)
) as i,
string_to_array(current_setting('search_path'),',') s
) THEN quote_ident(table_name)
ELSE quote_ident(table_schema) || '.' || quote_ident(table_name)
END AS "table"
FROM information_schema.tables
WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_cache')
ORDER BY CASE WHEN quote_ident(table_schema) IN (
SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
FROM generate_series(
array_lower(string_to_array(current_setting('search_path'),','),1),
array_upper(string_to_array(current_setting('search_path'),','),1)
) as i,
string_to_array(current_setting('search_path'),',') s
) THEN 0 ELSE 1 END, 1
--! columns of a table, which it names as it found it => name, size, text, bigint
SELECT quote_ident(column_name) AS "column", data_type AS "type"
FROM information_schema.columns
WHERE CASE WHEN array_length(parse_ident('public.pets'),1) = 2
THEN quote_ident(table_schema) = (parse_ident('public.pets'))[1] AND quote_ident(table_name) = (parse_ident('public.pets'))[2]
ELSE quote_ident(table_name) = 'public.pets' AND quote_ident(table_schema) IN (
SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
FROM generate_series(
array_lower(string_to_array(current_setting('search_path'),','),1),
array_upper(string_to_array(current_setting('search_path'),','),1)
) as i,
string_to_array(current_setting('search_path'),',') s
)
END
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
