-- What Superset sends over SQLAlchemy, beside the reflection that ../test_serve_postgres.py does for real.
-- See ../test_serve_clients.py for the form.

--! is anybody there => 1
SELECT 1
--! databases => local
SELECT datname FROM pg_database WHERE datistemplate = false
--! the schema to work in
set search_path = "public"
--! another schema to work in
set search_path = "home.people"
--! back again
set search_path = "public"
--! the session, to stop it later
SELECT pg_backend_pid()
--! stops no session => any
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid='0'
--! what a statement costs
EXPLAIN SELECT name, count(*) FROM public.pets GROUP BY name
--! a preview of a table => dog, 5
SELECT public.pets.name AS name, public.pets.size AS size, public.pets.tame AS tame FROM public.pets LIMIT 100
--! a preview without a schema => dog, 5
SELECT * FROM pets LIMIT 101
--! columns of a virtual dataset
SELECT * FROM (SELECT name, size FROM pets) AS virtual_table LIMIT 1
--! values of a filter => dog, fox
SELECT DISTINCT name AS column_values FROM (SELECT name FROM public.pets) AS __cached_query ORDER BY name ASC LIMIT 1000
--! a chart => dog
SELECT name AS name, sum(size) AS "SUM(size)" FROM public.pets WHERE size > 3 AND tame IN (true)
GROUP BY name ORDER BY "SUM(size)" DESC LIMIT 1000
--! the grain of seconds => 2026-01-02 03:04:05
SELECT DATE_TRUNC('second', moment) AS __timestamp, count(*) AS count FROM kinds GROUP BY DATE_TRUNC('second', moment)
--! the grain of five seconds => 2026-01-02 03:04:05
SELECT DATE_TRUNC('minute', moment) + INTERVAL '5 seconds' * FLOOR(EXTRACT(SECOND FROM moment) / 5) AS __timestamp FROM kinds
--! the grain of minutes => 2026-01-02 03:04:00
SELECT DATE_TRUNC('minute', moment) AS __timestamp FROM kinds
--! the grain of a quarter of an hour => 2026-01-02 03:00:00
SELECT DATE_TRUNC('hour', moment) + INTERVAL '15 minutes' * FLOOR(EXTRACT(MINUTE FROM moment) / 15) AS __timestamp FROM kinds
--! the grain of hours => 2026-01-02 03:00:00
SELECT DATE_TRUNC('hour', moment) AS __timestamp FROM kinds
--! the grain of days => 2026-01-02 00:00:00
SELECT DATE_TRUNC('day', moment) AS __timestamp, count(*) AS count FROM kinds
WHERE moment >= TO_TIMESTAMP('2026-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
AND moment < TO_TIMESTAMP('2026-02-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY DATE_TRUNC('day', moment) ORDER BY count DESC LIMIT 50000
--! the grain of days, of days => 1
SELECT DATE_TRUNC('day', day) AS __timestamp, count(*) AS count FROM kinds
WHERE day >= TO_DATE('2026-01-01', 'YYYY-MM-DD') AND day < TO_DATE('2026-02-01', 'YYYY-MM-DD')
GROUP BY DATE_TRUNC('day', day)
--! the grain of weeks => 2025-12-29 00:00:00
SELECT DATE_TRUNC('week', moment) AS __timestamp FROM kinds
--! the grain of months => 2026-01-01 00:00:00
SELECT DATE_TRUNC('month', moment) AS __timestamp FROM kinds
--! the grain of quarters => 2026-01-01 00:00:00
SELECT DATE_TRUNC('quarter', moment) AS __timestamp FROM kinds
--! the grain of years => 2026-01-01 00:00:00
SELECT DATE_TRUNC('year', moment) AS __timestamp FROM kinds
--! seconds as times => 1970-01-01 00:00:07
SELECT (timestamp 'epoch' + n * interval '1 second') AS moment FROM numbers WHERE n = 7
--! parts of a time => 2026, 1, 2
SELECT EXTRACT(YEAR FROM moment) AS y, EXTRACT(MONTH FROM moment) AS m, EXTRACT(dow FROM day) AS d, EXTRACT(day FROM day) AS e
FROM kinds
--! the most that there is => 2999
SELECT max(n) AS top, min(n) AS bottom, count(DISTINCT n) AS "COUNT_DISTINCT(n)", avg(n) AS a FROM numbers
