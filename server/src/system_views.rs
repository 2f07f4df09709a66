//! [`views`]: what PostgreSQL's `pg_catalog` has and nothing here has rows of, which tools look into all the same.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// Views and tables, with their columns and the types of these.
const VIEWS: &[(&str, &str)] = &[
    (
        "pg_available_extensions",
        "name text, default_version text, installed_version text, comment text",
    ),
    (
        "pg_available_extension_versions",
        "name text, version text, installed bool, superuser bool, trusted bool, relocatable bool, schema text, \
         requires text[], comment text",
    ),
    (
        "pg_constraint",
        "oid oid, conname text, connamespace oid, contype text, condeferrable bool, condeferred bool, \
         convalidated bool, conrelid oid, contypid oid, conindid oid, conparentid oid, confrelid oid, \
         confupdtype text, confdeltype text, confmatchtype text, conislocal bool, coninhcount int2, \
         connoinherit bool, conkey int2[], confkey int2[], conpfeqop oid[], conppeqop oid[], conffeqop oid[], \
         confdelsetcols int2[], conexclop oid[], conbin text",
    ),
    (
        "pg_cursors",
        "name text, statement text, is_holdable bool, is_binary bool, is_scrollable bool, creation_time timestamptz",
    ),
    ("pg_group", "groname text, grosysid oid, grolist oid[]"),
    (
        "pg_index",
        "indexrelid oid, indrelid oid, indnatts int2, indnkeyatts int2, indisunique bool, indnullsnotdistinct bool, \
         indisprimary bool, indisexclusion bool, indimmediate bool, indisclustered bool, indisvalid bool, \
         indcheckxmin bool, indisready bool, indislive bool, indisreplident bool, indkey int2[], \
         indcollation oid[], indclass oid[], indoption int2[], indexprs text, indpred text",
    ),
    (
        "pg_indexes",
        "schemaname text, tablename text, indexname text, tablespace text, indexdef text",
    ),
    (
        "pg_locks",
        "locktype text, database oid, relation oid, page int4, tuple int2, virtualxid text, transactionid int4, \
         classid oid, objid oid, objsubid int2, virtualtransaction text, pid int4, mode text, granted bool, \
         fastpath bool, waitstart timestamptz",
    ),
    (
        "pg_policies",
        "schemaname text, tablename text, policyname text, permissive text, roles text[], cmd text, qual text, \
         with_check text",
    ),
    (
        "pg_prepared_statements",
        "name text, statement text, prepare_time timestamptz, parameter_types oid[], result_types oid[], \
         from_sql bool, generic_plans int8, custom_plans int8",
    ),
    (
        "pg_prepared_xacts",
        "transaction int4, gid text, prepared timestamptz, owner text, database text",
    ),
    (
        "pg_publication_tables",
        "pubname text, schemaname text, tablename text, attnames text[], rowfilter text",
    ),
    ("pg_rules", "schemaname text, tablename text, rulename text, definition text"),
    (
        "pg_sequences",
        "schemaname text, sequencename text, sequenceowner text, data_type text, start_value int8, min_value int8, \
         max_value int8, increment_by int8, cycle bool, cache_size int8, last_value int8",
    ),
    (
        "pg_stat_activity",
        "datid oid, datname text, pid int4, leader_pid int4, usesysid oid, usename text, application_name text, \
         client_addr text, client_hostname text, client_port int4, backend_start timestamptz, \
         xact_start timestamptz, query_start timestamptz, state_change timestamptz, wait_event_type text, \
         wait_event text, state text, backend_xid int4, backend_xmin int4, query_id int8, query text, \
         backend_type text",
    ),
    ("pg_stat_all_indexes", INDEX_USES),
    ("pg_stat_user_indexes", INDEX_USES),
    (
        "pg_stats",
        "schemaname text, tablename text, attname text, inherited bool, null_frac float4, avg_width int4, \
         n_distinct float4, most_common_vals text, most_common_freqs float4[], histogram_bounds text, \
         correlation float4",
    ),
    (
        "pg_user_mappings",
        "umid oid, srvid oid, srvname text, umuser oid, usename text, umoptions text[]",
    ),
];

/// Columns of what PostgreSQL counts of indexes.
const INDEX_USES: &str = "relid oid, indexrelid oid, schemaname text, relname text, indexrelname text, idx_scan int8, \
                          last_idx_scan timestamptz, idx_tup_read int8, idx_tup_fetch int8";

/// The views by name, with their columns.
pub(crate) fn views() -> impl Iterator<Item = (&'static str, SchemaRef)> {
    VIEWS.iter().map(|(name, columns)| (*name, Arc::new(schema(columns))))
}

/// Whether one is called so.
pub(crate) fn is_view(name: &str) -> bool {
    VIEWS.iter().any(|(view, _)| *view == name)
}

/// `name type, name type, …`
fn schema(columns: &str) -> Schema {
    let columns = columns.split(',').filter_map(|column| column.trim().split_once(' '));
    Schema::new(
        columns.map(|(name, kind)| Field::new(name, data_type(kind), true)).collect::<Vec<_>>(),
    )
}

fn data_type(kind: &str) -> DataType {
    match kind {
        "bool" => DataType::Boolean,
        "int2" => DataType::Int16,
        "int4" | "oid" => DataType::Int32,
        "int8" => DataType::Int64,
        "float4" => DataType::Float32,
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        list => match list.strip_suffix("[]") {
            Some(item) => DataType::new_list(data_type(item), true),
            None => DataType::Utf8,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::VIEWS;

    #[test]
    fn each_column_has_a_name_and_a_known_type() {
        let known = ["text", "bool", "int2", "int4", "oid", "int8", "float4", "timestamptz"];
        let columns = VIEWS.iter().flat_map(|(_, columns)| columns.split(','));
        let kinds: BTreeSet<&str> = columns
            .map(|column| column.trim().split_once(' ').map_or(column, |(_, kind)| kind))
            .map(|kind| kind.trim_end_matches("[]"))
            .collect();
        assert_eq!(kinds, BTreeSet::from(known));
    }
}
