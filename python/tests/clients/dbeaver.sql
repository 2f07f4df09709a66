-- What DBeaver 24 sends, as its PostgreSQL plugin composes it. See ../test_serve_clients.py for the form.

--! the server and its databases
SELECT version()
--! tells whether enums can be read => none
SELECT * FROM pg_catalog.pg_enum WHERE 1<>1 LIMIT 1
--! tells whether composite types can be found => none
SELECT reltype FROM pg_catalog.pg_class WHERE 1<>1 LIMIT 1
--! tells whether types have categories => none
SELECT typcategory FROM pg_catalog.pg_type WHERE 1<>1 LIMIT 1
--! the database in use => local
SELECT current_database()
--! all databases => local
SELECT db.oid, db.* FROM pg_catalog.pg_database db WHERE 1 = 1
AND datallowconn AND NOT datistemplate OR db.datname = :database ORDER BY db.datname
--! one database => local
SELECT db.oid, db.* FROM pg_catalog.pg_database db WHERE datname = :database
--! templates of databases => none
SELECT db.datname FROM pg_catalog.pg_database db WHERE datistemplate
--! a remark on the database => none
SELECT description FROM pg_shdescription JOIN pg_database ON objoid = pg_database.oid WHERE datname = :database
--! the size of the database => local
SELECT db.datname, pg_database_size(db.oid) FROM pg_catalog.pg_database db WHERE db.oid = :database_oid

--! the session => public, ada
SELECT current_schema(), session_user
--! where names are looked for => public
SHOW search_path
--! the schema to work in
SET search_path = public
--! the schema to work in, of several
SET search_path = public,"$user"

--! types of values => int4, text, timestamptz, numeric
SELECT t.oid, t.*, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base_type_name, d.description
FROM pg_catalog.pg_type t
LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid = t.typelem
LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid = d.objoid
WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c')
AND (et.typcategory IS NULL OR et.typcategory <> 'C')
--! types of a schema => int4, text
SELECT t.oid, t.*, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base_type_name, d.description
FROM pg_catalog.pg_type t
LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid = t.typelem
LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid = d.objoid
WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c')
AND (et.typcategory IS NULL OR et.typcategory <> 'C') AND t.typnamespace = :catalog
--! a type by its number => int4
SELECT t.oid, t.*, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base_type_name
FROM pg_catalog.pg_type t
LEFT OUTER JOIN pg_class c ON c.oid = t.typrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid = d.objoid WHERE t.oid = :type
--! a type by its name => int4
SELECT t.oid, t.*, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base_type_name
FROM pg_catalog.pg_type t
LEFT OUTER JOIN pg_class c ON c.oid = t.typrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid = d.objoid WHERE t.typname = :type_name
--! values of an enum => none
SELECT e.enumlabel FROM pg_catalog.pg_enum e WHERE e.enumtypid = :type ORDER BY e.enumsortorder
--! values of all enums => none
SELECT * FROM pg_catalog.pg_enum
--! conditions of a domain => none
SELECT concat(c.conname, ' ', pg_catalog.pg_get_constraintdef(oid, true))
FROM pg_catalog.pg_constraint c WHERE contypid = 23

--! schemas => public, home.people, pg_catalog
SELECT n.oid, n.*, d.description FROM pg_catalog.pg_namespace n
LEFT OUTER JOIN pg_catalog.pg_description d
ON d.objoid = n.oid AND d.objsubid = 0 AND d.classoid = 'pg_namespace'::regclass ORDER BY nspname
--! one schema => public
SELECT n.oid, n.*, d.description FROM pg_catalog.pg_namespace n
LEFT OUTER JOIN pg_catalog.pg_description d
ON d.objoid = n.oid AND d.objsubid = 0 AND d.classoid = 'pg_namespace'::regclass
WHERE (nspname = :schema_name) ORDER BY nspname
--! the number of a schema
SELECT s.oid AS schema_id FROM pg_catalog.pg_namespace s WHERE s.nspname = :schema_name

--! roles => lakebed
SELECT a.oid, a.*, pd.description FROM pg_catalog.pg_roles a
LEFT JOIN pg_catalog.pg_shdescription pd ON a.oid = pd.objoid ORDER BY a.rolname
--! members of a role => none
SELECT * FROM pg_catalog.pg_auth_members WHERE roleid = :table
--! what a role may do with tables => any
SELECT * FROM information_schema.table_privileges WHERE table_catalog = :database AND grantee = :user
--! what a role may do with functions => none
SELECT * FROM information_schema.routine_privileges WHERE specific_catalog = :database AND grantee = :user
--! what a role may do else => none
SELECT * FROM (
SELECT DISTINCT relnamespace, relacl, relname, relkind, (aclexplode(relacl)).grantee AS granteeI FROM pg_class
WHERE relacl IS NOT NULL AND relnamespace IN (
SELECT oid FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' AND nspname != 'information_schema')
UNION ALL
SELECT DISTINCT n.oid AS relnamespace, nspacl AS relacl, n.nspname AS relname, cast('C' AS "char") AS relkind,
(aclexplode(nspacl)).grantee AS granteeI
FROM pg_catalog.pg_namespace n WHERE n.nspacl IS NOT NULL) AS tr
WHERE tr.granteeI = :table AND tr.relkind IN ('S', 'm', 'C')
--! what a role gets by itself => none
SELECT * FROM pg_default_acl WHERE defaclnamespace = :schema

--! ways to store tables => heap, btree
SELECT am.oid, am.* FROM pg_catalog.pg_am am ORDER BY am.oid
--! encodings => UTF8
SELECT c.contoencoding AS encid, pg_catalog.pg_encoding_to_char(c.contoencoding) AS encname
FROM pg_catalog.pg_conversion c GROUP BY c.contoencoding ORDER BY 2
--! collations
SELECT c.oid, c.* FROM pg_catalog.pg_collation c ORDER BY c.oid
--! languages => internal, sql
SELECT l.oid, l.* FROM pg_catalog.pg_language l ORDER BY l.oid
--! wrappers of foreign data => none
SELECT l.oid, l.*, p.pronamespace AS handler_schema_id FROM pg_catalog.pg_foreign_data_wrapper l
LEFT OUTER JOIN pg_catalog.pg_proc p ON p.oid = l.fdwhandler ORDER BY l.fdwname
--! foreign servers => none
SELECT l.oid, l.* FROM pg_catalog.pg_foreign_server l ORDER BY l.srvname
--! the server of a foreign table => none
SELECT * FROM pg_catalog.pg_foreign_table WHERE ftrelid = :table
--! tablespaces => any
SELECT t.oid, t.*, pg_tablespace_location(t.oid) loc FROM pg_catalog.pg_tablespace t ORDER BY t.oid
--! extensions that could be => any
SELECT name, default_version, installed_version, comment FROM pg_catalog.pg_available_extensions ORDER BY name
--! extensions that are => any
SELECT e.oid, cfg.tbls, n.nspname AS schema_name, e.*
FROM pg_catalog.pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
LEFT JOIN (
SELECT ARRAY_AGG(ns.nspname || '.' || cls.relname) tbls, oid_ext
FROM (SELECT unnest(e1.extconfig) oid, e1.oid oid_ext FROM pg_catalog.pg_extension e1) c
JOIN pg_class cls ON cls.oid = c.oid JOIN pg_namespace ns ON ns.oid = cls.relnamespace
GROUP BY oid_ext) cfg ON cfg.oid_ext = e.oid
ORDER BY e.oid
--! triggers of the database => none
SELECT pet.*, d.description FROM pg_catalog.pg_event_trigger pet
LEFT OUTER JOIN pg_catalog.pg_description d ON pet."oid" = d.objoid
--! settings => max_index_keys, search_path
SELECT * FROM pg_catalog.pg_settings
--! one setting => max_index_keys
SELECT * FROM pg_catalog.pg_settings WHERE name = 'max_index_keys'
--! classes of operators of an index
SELECT oc.oid, oc.* FROM pg_catalog.pg_opclass oc WHERE oc.opcmethod = :btree ORDER BY oc.oid
--! families of operators of an index
SELECT of.oid, of.* FROM pg_catalog.pg_opfamily of WHERE of.opfmethod = :btree ORDER BY of.oid

--! tables of a schema => pets, kinds, numbers
SELECT c.oid, c.*, d.description, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS partition_expr,
pg_catalog.pg_get_partkeydef(c.oid) AS partition_key
FROM pg_catalog.pg_class c
LEFT OUTER JOIN pg_catalog.pg_description d
ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass
WHERE c.relnamespace = :schema AND c.relkind NOT IN ('i','I','c')
--! one table => pets
SELECT c.oid, c.*, d.description, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS partition_expr,
pg_catalog.pg_get_partkeydef(c.oid) AS partition_key
FROM pg_catalog.pg_class c
LEFT OUTER JOIN pg_catalog.pg_description d
ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass
WHERE c.relnamespace = :schema AND c.relkind NOT IN ('i','I','c') AND relname = :name
--! columns of a table => name, size, tame
SELECT c.relname, a.*, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) AS def_value, dsc.description, dep.objid
FROM pg_catalog.pg_attribute a
INNER JOIN pg_catalog.pg_class c ON (a.attrelid = c.oid)
LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid = ad.adrelid AND a.attnum = ad.adnum)
LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid = dsc.objoid AND a.attnum = dsc.objsubid)
LEFT OUTER JOIN pg_depend dep ON dep.refobjid = a.attrelid AND dep.deptype = 'i'
AND dep.refobjsubid = a.attnum AND dep.classid = dep.refclassid
WHERE NOT a.attisdropped AND c.relkind NOT IN ('i','I','c') AND c.oid = :table ORDER BY a.attnum
--! columns of all tables of a schema => name, size, tame, moment
SELECT c.relname, a.*, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) AS def_value, dsc.description, dep.objid
FROM pg_catalog.pg_attribute a
INNER JOIN pg_catalog.pg_class c ON (a.attrelid = c.oid)
LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid = ad.adrelid AND a.attnum = ad.adnum)
LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid = dsc.objoid AND a.attnum = dsc.objsubid)
LEFT OUTER JOIN pg_depend dep ON dep.refobjid = a.attrelid AND dep.deptype = 'i'
AND dep.refobjsubid = a.attnum AND dep.classid = dep.refclassid
WHERE NOT a.attisdropped AND c.relkind NOT IN ('i','I','c') AND c.relnamespace = :schema ORDER BY a.attnum
--! constraints of a schema => none
SELECT c.oid, c.*, t.relname AS tabrelname, rt.relnamespace AS refnamespace, d.description,
CASE WHEN c.contype = 'c' THEN "substring"(pg_get_constraintdef(c.oid), 7) ELSE NULL END consrc_copy
FROM pg_catalog.pg_constraint c
INNER JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid = c.confrelid
LEFT OUTER JOIN pg_catalog.pg_description d
ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_constraint'::regclass
WHERE t.relnamespace = :schema ORDER BY c.oid
--! constraints of a table => none
SELECT c.oid, c.*, t.relname AS tabrelname, rt.relnamespace AS refnamespace, d.description, NULL AS consrc_copy
FROM pg_catalog.pg_constraint c
INNER JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid = c.confrelid
LEFT OUTER JOIN pg_catalog.pg_description d
ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_constraint'::regclass
WHERE c.conrelid = :table ORDER BY c.oid
--! who refers to a table => none
SELECT DISTINCT connamespace FROM pg_catalog.pg_constraint WHERE confrelid = :table
--! the text of a constraint
SELECT pg_catalog.pg_get_constraintdef(:table)
--! indexes of a table => none
SELECT i.*, i.indkey AS keys, c.relname, c.relnamespace, c.relam, c.reltablespace, tc.relname AS tabrelname,
dsc.description, pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS pred_expr,
pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) AS expr,
pg_catalog.pg_relation_size(i.indexrelid) AS index_rel_size,
pg_catalog.pg_stat_get_numscans(i.indexrelid) AS index_num_scans
FROM pg_catalog.pg_index i
INNER JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
INNER JOIN pg_catalog.pg_class tc ON tc.oid = i.indrelid
LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid = dsc.objoid
WHERE i.indrelid = :table ORDER BY c.relname
--! indexes of a schema => none
SELECT i.*, i.indkey AS keys, c.relname, c.relnamespace, c.relam, c.reltablespace, tc.relname AS tabrelname,
dsc.description, pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS pred_expr,
pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) AS expr,
pg_catalog.pg_relation_size(i.indexrelid) AS index_rel_size,
pg_catalog.pg_stat_get_numscans(i.indexrelid) AS index_num_scans
FROM pg_catalog.pg_index i
INNER JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
INNER JOIN pg_catalog.pg_class tc ON tc.oid = i.indrelid
LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid = dsc.objoid
WHERE c.relnamespace = :schema ORDER BY c.relname
--! the text of an index
SELECT pg_catalog.pg_get_indexdef(:table)
--! the text of a part of an index
SELECT pg_catalog.pg_get_indexdef(:table, 1, true)
--! which tables inherit, in a schema => none
SELECT i.inhrelid relid, pc.relnamespace parent_ns, pc.oid parent_oid, i.inhseqno
FROM pg_catalog.pg_inherits i, pg_class rc, pg_class pc
WHERE rc.oid = i.inhrelid AND rc.relnamespace = :schema AND pc.oid = i.inhparent
--! from what a table inherits => none
SELECT i.*, c.relnamespace FROM pg_catalog.pg_inherits i, pg_catalog.pg_class c
WHERE i.inhrelid = :table AND c.oid = i.inhparent ORDER BY i.inhseqno
--! what inherits from a table => none
SELECT i.*, c.relnamespace FROM pg_catalog.pg_inherits i, pg_catalog.pg_class c
WHERE i.inhparent = :table AND c.oid = i.inhrelid
--! the range of a partition
SELECT pg_get_expr(c.relpartbound, c.oid, true) AS partition_range
FROM "pg_catalog".pg_class c WHERE relname = :name AND relnamespace = :schema
--! who may see which rows => none
SELECT * FROM pg_catalog.pg_policies WHERE schemaname = :schema_name AND tablename = :name
--! triggers of a table => none
SELECT x.oid, x.*, p.pronamespace AS func_schema_id, d.description
FROM pg_catalog.pg_trigger x
LEFT OUTER JOIN pg_catalog.pg_proc p ON p.oid = x.tgfoid
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = x.oid AND d.objsubid = 0
WHERE x.tgrelid = :table AND NOT x.tgisinternal
--! rules of a table => none
SELECT r.oid, r.*, pg_get_ruledef(r.oid) AS definition FROM pg_rewrite r
WHERE r.ev_class = 16390 AND r.rulename <> '_RETURN'::name
--! the size of a table
SELECT pg_catalog.pg_total_relation_size(:table) AS total_rel_size, pg_catalog.pg_relation_size(:table) AS rel_size
--! sizes of all tables
SELECT c.oid, pg_catalog.pg_total_relation_size(c.oid) AS total_rel_size,
pg_catalog.pg_relation_size(c.oid) AS rel_size FROM pg_class c WHERE c.relnamespace = :schema
--! a sequence => none
SELECT * FROM pg_catalog.pg_sequences WHERE schemaname = :schema_name AND sequencename = :name
--! the text of a view
SELECT pg_get_viewdef(16390, true)
--! aggregates of a schema => any
SELECT p.oid AS proc_oid, p.proname AS proc_name, a.* FROM pg_catalog.pg_aggregate a, pg_catalog.pg_proc p
WHERE p.oid = a.aggfnoid AND p.pronamespace = :schema ORDER BY p.proname
--! functions of a schema => none
SELECT p.oid AS poid, p.*, pg_catalog.pg_get_expr(p.proargdefaults, 0) AS arg_defaults, d.description
FROM pg_catalog.pg_proc p
LEFT OUTER JOIN pg_catalog.pg_description d
ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass AND d.objsubid = 0
WHERE p.pronamespace = :schema ORDER BY p.proname
--! the text of a function => none
SELECT prosrc FROM pg_proc WHERE oid = :table
--! the object of a name => r
SELECT oid, relkind, reltype FROM pg_catalog.pg_class WHERE relnamespace = :schema AND relname = :name
UNION ALL
SELECT oid, 'c', oid FROM pg_catalog.pg_type WHERE typnamespace = :schema AND typname = :name
--! what depends on a table => none
SELECT DISTINCT dep.deptype, dep.classid, dep.objid, cl.relkind, attr.attname,
pg_get_expr(ad.adbin, ad.adrelid) adefval,
CASE WHEN cl.relkind IS NOT NULL THEN cl.relkind::text || COALESCE(dep.objsubid::text, '')::text
WHEN tg.oid IS NOT NULL THEN 'T'::text WHEN ty.oid IS NOT NULL THEN 'y'::text
WHEN ns.oid IS NOT NULL THEN 'n'::text WHEN pr.oid IS NOT NULL THEN 'p'::text
WHEN la.oid IS NOT NULL THEN 'l'::text WHEN rw.oid IS NOT NULL THEN 'R'::text
WHEN co.oid IS NOT NULL THEN 'C'::text || contype::text WHEN ad.oid IS NOT NULL THEN 'A'::text
ELSE '' END AS type,
COALESCE(coc.relname, clrw.relname, tgr.relname) AS ownertable,
CASE WHEN cl.relname IS NOT NULL AND att.attname IS NOT NULL THEN cl.relname || '.' || att.attname
ELSE COALESCE(cl.relname, co.conname, pr.proname, tg.tgname, ty.typname, la.lanname, rw.rulename, ns.nspname)
END AS refname,
COALESCE(nsc.nspname, nso.nspname, nsp.nspname, nst.nspname, nsrw.nspname, tgrn.nspname) AS nspname
FROM pg_depend dep
LEFT JOIN pg_class cl ON dep.objid = cl.oid
LEFT JOIN pg_attribute att ON dep.objid = att.attrelid AND dep.objsubid = att.attnum
LEFT JOIN pg_namespace nsc ON cl.relnamespace = nsc.oid
LEFT JOIN pg_proc pr ON dep.objid = pr.oid
LEFT JOIN pg_namespace nsp ON pr.pronamespace = nsp.oid
LEFT JOIN pg_trigger tg ON dep.objid = tg.oid
LEFT JOIN pg_class tgr ON tg.tgrelid = tgr.oid
LEFT JOIN pg_namespace tgrn ON tgr.relnamespace = tgrn.oid
LEFT JOIN pg_type ty ON dep.objid = ty.oid
LEFT JOIN pg_namespace nst ON ty.typnamespace = nst.oid
LEFT JOIN pg_constraint co ON dep.objid = co.oid
LEFT JOIN pg_class coc ON co.conrelid = coc.oid
LEFT JOIN pg_namespace nso ON co.connamespace = nso.oid
LEFT JOIN pg_rewrite rw ON dep.objid = rw.oid
LEFT JOIN pg_class clrw ON clrw.oid = rw.ev_class
LEFT JOIN pg_namespace nsrw ON clrw.relnamespace = nsrw.oid
LEFT JOIN pg_language la ON dep.objid = la.oid
LEFT JOIN pg_namespace ns ON dep.objid = ns.oid
LEFT JOIN pg_attrdef ad ON ad.oid = dep.objid
LEFT JOIN pg_attribute attr ON attr.attrelid = ad.adrelid AND attr.attnum = ad.adnum
WHERE dep.refobjid = :table ORDER BY type

--! a search for tables => pets
SELECT pc.oid, pc.relname, pc.relnamespace, pc.relkind FROM pg_catalog.pg_class pc
WHERE pc.relkind in('r','v','m','f','p') AND pc.relname ILIKE :mask AND pc.relnamespace IN (:schema,:catalog)
ORDER BY pc.relname LIMIT 10
--! a search for tables by what is said of them => pets
SELECT pc.oid, pc.relname, pc.relnamespace, pc.relkind FROM pg_catalog.pg_class pc
WHERE pc.relkind in('r','v','m','f','p') AND (pc.relname ILIKE :mask OR obj_description(pc.oid, 'pg_class') ILIKE :mask
OR (pc.relkind = 'v' AND pg_get_viewdef(pc."oid") ILIKE :mask)) AND pc.relnamespace IN (:schema)
ORDER BY pc.relname LIMIT 10
--! a search for functions => none
SELECT pp.oid AS poid, pp.* FROM pg_catalog.pg_proc pp
WHERE (pp.proname ILIKE :mask OR obj_description(pp.oid, 'pg_proc') ILIKE :mask OR (pp.prokind <> 'm'
AND pp.prokind <> 'a' AND pg_get_functiondef(pp."oid") ILIKE :mask)) AND pp.pronamespace IN (:schema)
ORDER BY pp.proname LIMIT 10
--! a search for constraints => none
SELECT pc.oid, pc.conname, pc.connamespace FROM pg_catalog.pg_constraint pc
WHERE pc.conname ILIKE :mask AND pc.connamespace IN (:schema) ORDER BY pc.conname LIMIT 10
--! a search for columns => tame
SELECT x.attname, x.attrelid, x.atttypid, c.relnamespace FROM pg_catalog.pg_attribute x, pg_catalog.pg_class c
WHERE c.oid = x.attrelid AND (x.attname LIKE 'tam%' OR col_description(c.oid, x.attnum) LIKE 'tam%')
AND c.relnamespace IN (:schema) ORDER BY x.attname LIMIT 10

--! sessions => any
SELECT sa.* FROM pg_catalog.pg_stat_activity sa
--! locks of a session => none
SELECT coalesce(db.datname,'') AS datname, coalesce(lock.locktype,'') AS locktype,
coalesce(lock.relation::regclass::varchar,'') AS relation, coalesce(lock.mode,'') AS mode,
coalesce(lock.transactionid::varchar,'') AS tid, lock.page AS page, lock.tuple AS tuple, lock.pid AS pid, lock.granted
FROM pg_catalog.pg_locks lock LEFT JOIN pg_catalog.pg_database db ON db.oid = lock.database WHERE lock.pid = 1
--! data of a table => dog, 5
SELECT x.* FROM public.pets x
--! how many rows a table has => 2
SELECT count(*) FROM public.pets
--! data of a table, as a grid sorts and filters it => dog
SELECT x.* FROM public.pets x WHERE x."size" > 4 ORDER BY x."name" DESC
--! a plan
EXPLAIN SELECT * FROM public.pets
