//! The calls that are known by the names of others, as a table.

/// Names, how many arguments they are called with, and what that is. `{*}` are all arguments.
pub(super) const CALLS: &[(&str, usize, &str)] = &[
    ("age", 1, "age(current_date, {1})"),
    ("any_value", 1, "first_value({1}) FILTER (WHERE {1} IS NOT NULL)"),
    ("approx_count_distinct", 1, "approx_distinct({1})"),
    ("approx_quantile", 2, "approx_percentile_cont({1}, {2})"),
    ("arbitrary", 1, "first_value({1})"),
    ("arg_max", 2, LAST_BY),
    ("arg_min", 2, FIRST_BY),
    ("argmax", 2, LAST_BY),
    ("argmin", 2, FIRST_BY),
    ("array_sort", 1, "array_sort({1}, 'ASC', 'NULLS LAST')"),
    ("array_to_json", 1, "to_json({1})"),
    ("ceiling", 1, "ceil({1})"),
    ("century", 1, "CAST(ceil(date_part('year', {1}) / 100.0) AS BIGINT)"),
    ("count_if", 1, "count(CASE WHEN {1} THEN 1 END)"),
    ("countif", 1, "count(CASE WHEN {1} THEN 1 END)"),
    ("date_add", 2, "({1} + {2})"),
    ("datepart", 2, "date_part({1}, {2})"),
    ("day", 1, "date_part('day', {1})"),
    ("dayname", 1, "format_time({1}, '%A')"),
    ("dayofmonth", 1, "date_part('day', {1})"),
    ("dayofweek", 1, "date_part('dow', {1})"),
    ("dayofyear", 1, "date_part('doy', {1})"),
    ("decade", 1, "(date_part('year', {1}) / 10)"),
    ("editdist3", 2, "levenshtein({1}, {2})"),
    ("epoch", 1, "round(date_part('epoch', {1}), 6)"),
    ("epoch_ms", 1, "units_between(TIMESTAMP '1970-01-01', {1}, 1000)"),
    ("epoch_ns", 1, "(units_between(TIMESTAMP '1970-01-01', {1}, 1) * 1000)"),
    ("epoch_us", 1, "units_between(TIMESTAMP '1970-01-01', {1}, 1)"),
    ("every", 1, "bool_and({1})"),
    ("first", 1, "first_value({1})"),
    ("from_base64", 1, "decode({1}, 'base64')"),
    ("gen_random_uuid", 0, "uuid()"),
    ("get_current_timestamp", 0, "now()"),
    ("group_concat", 1, "string_agg({1}, ',')"),
    ("group_concat", 2, "string_agg({1}, {2})"),
    ("hamming", 2, "byte_hamming_distance({1}, {2})"),
    ("hex", 1, "upper(encode({1}, 'hex'))"),
    ("hour", 1, "date_part('hour', {1})"),
    ("if", 3, "CASE WHEN {1} THEN {2} ELSE {3} END"),
    ("isfinite", 1, "(abs({1}) < CAST('inf' AS DOUBLE))"),
    ("isinf", 1, "(abs({1}) = CAST('inf' AS DOUBLE))"),
    ("isodow", 1, "date_part('isodow', {1})"),
    ("isoyear", 1, "date_part('isoyear', {1})"),
    ("json", 1, "json_extract({1}, '$')"),
    ("json_agg", 1, JSON_LIST),
    ("json_extract_path", 2, "json_extract({1}, {2})"),
    ("json_extract_path_text", 2, "json_extract_string({1}, {2})"),
    ("json_group_array", 1, JSON_LIST),
    ("json_group_object", 2, JSON_OBJECT),
    ("json_object_agg", 2, JSON_OBJECT),
    ("last", 1, "last_value({1})"),
    (
        "last_day",
        1,
        "CAST(date_trunc('month', {1}) + INTERVAL '1 month' - INTERVAL '1 day' AS DATE)",
    ),
    ("lcase", 1, "lower({1})"),
    ("length", 1, "len({1})"),
    ("list", 1, "array_agg({1})"),
    ("list_avg", 1, "list_mean({1})"),
    ("list_first", 1, "{1}[1]"),
    ("list_last", 1, "{1}[-1]"),
    ("list_max", 1, "array_max({1})"),
    ("list_min", 1, "array_min({1})"),
    ("list_reverse_sort", 1, "array_sort({1}, 'DESC', 'NULLS LAST')"),
    ("list_sort", 1, "array_sort({1}, 'ASC', 'NULLS LAST')"),
    ("list_string_agg", 1, "array_to_string({1}, ',')"),
    ("list_unique", 1, "list_count(array_distinct({1}))"),
    ("listagg", 1, "string_agg({1}, ',')"),
    ("listagg", 2, "string_agg({1}, {2})"),
    (
        "make_timestamp",
        6,
        "(CAST(make_date({1}, {2}, {3}) AS TIMESTAMP(6)) + ({4} * INTERVAL '1 hour') \
         + ({5} * INTERVAL '1 minute') + ({6} * INTERVAL '1 second'))",
    ),
    ("map_contains", 2, "array_has(map_keys({1}), {2})"),
    ("max_by", 2, LAST_BY),
    ("median", 1, "quantile({1}, 0.5)"),
    ("microsecond", 1, "date_part('microsecond', {1})"),
    ("millisecond", 1, "date_part('millisecond', {1})"),
    ("min_by", 2, FIRST_BY),
    ("minute", 1, "date_part('minute', {1})"),
    ("mod", 2, "({1} % {2})"),
    ("month", 1, "date_part('month', {1})"),
    ("monthname", 1, "format_time({1}, '%B')"),
    ("ord", 1, "ascii({1})"),
    ("parse_filename", 1, "path_name({1})"),
    ("percentile_cont", 2, "quantile({1}, {2})"),
    ("prefix", 2, "starts_with({1}, {2})"),
    ("quantile_cont", 2, "quantile({1}, {2})"),
    ("quantile_disc", 2, DISCRETE),
    ("quarter", 1, "date_part('quarter', {1})"),
    ("regexp_extract", 2, GROUP),
    ("regexp_extract", 3, NTH_GROUP),
    ("regexp_full_match", 2, "regexp_like({1}, concat('^(?:', {2}, ')$'))"),
    ("regexp_matches", 2, "regexp_like({1}, {2})"),
    ("regexp_matches", 3, "regexp_like({1}, {2}, {3})"),
    ("regexp_split_to_array", 2, "regexp_split({1}, {2})"),
    ("row_to_json", 1, "to_json({1})"),
    ("second", 1, "date_part('second', {1})"),
    ("sign", 1, "signum({1})"),
    ("split", 2, "text_split({1}, {2}, NULL)"),
    ("str_split", 2, "text_split({1}, {2}, NULL)"),
    ("str_split_regex", 2, "regexp_split({1}, {2})"),
    ("string_agg", 1, "string_agg({1}, ',')"),
    ("string_split", 2, "text_split({1}, {2}, NULL)"),
    ("string_split_regex", 2, "regexp_split({1}, {2})"),
    ("strlen", 1, "octet_length({1})"),
    ("struct_extract", 2, "get_field({1}, {2})"),
    ("suffix", 2, "ends_with({1}, {2})"),
    ("to_base64", 1, "encode({1}, 'base64pad')"),
    ("to_days", 1, "({1} * INTERVAL '1 day')"),
    ("to_hours", 1, "({1} * INTERVAL '1 hour')"),
    ("to_minutes", 1, "({1} * INTERVAL '1 minute')"),
    ("to_months", 1, "({1} * INTERVAL '1 month')"),
    ("to_seconds", 1, "({1} * INTERVAL '1 second')"),
    ("to_weeks", 1, "({1} * INTERVAL '7 days')"),
    ("to_years", 1, "({1} * INTERVAL '1 year')"),
    ("ucase", 1, "upper({1})"),
    ("unhex", 1, "decode({1}, 'hex')"),
    ("unicode", 1, "ascii({1})"),
    ("variance", 1, "var_samp({1})"),
    ("week", 1, "date_part('week', {1})"),
    ("weekday", 1, "date_part('dow', {1})"),
    ("weekofyear", 1, "date_part('week', {1})"),
    ("xor", 2, "(({1} | {2}) - ({1} & {2}))"),
    ("year", 1, "date_part('year', {1})"),
    ("yearweek", 1, "(date_part('isoyear', {1}) * 100 + date_part('week', {1}))"),
];

/// Of a match the whole, or a part in parentheses; an empty text where nothing matches.
const GROUP: &str = "CASE WHEN {1} IS NOT NULL \
    THEN coalesce((regexp_match({1}, concat('(', {2}, ')')))[1], '') END";

const NTH_GROUP: &str = "CASE WHEN {1} IS NOT NULL \
    THEN coalesce((regexp_match({1}, concat('(', {2}, ')')))[{3} + 1], '') END";

/// Of any number of arguments.
pub(super) const LISTS: [&str; 3] = ["array_value", "list_pack", "list_value"];

/// Whose last argument may be a list, of which each item gives one.
pub(super) const SEVERAL: [&str; 7] = [
    "approx_quantile",
    "json_extract",
    "json_extract_string",
    "percentile_cont",
    "percentile_disc",
    "quantile_cont",
    "quantile_disc",
];

const JSON_LIST: &str = "concat('[', string_agg(coalesce(to_json({1}), 'null'), ','), ']')";

/// Braces have numbers here, where they are places of arguments.
const JSON_OBJECT: &str = "concat(chr(123), string_agg(concat(to_json(CAST({1} AS VARCHAR)), ':', \
    coalesce(to_json({2}), 'null')), ','), chr(125))";

const FIRST_BY: &str =
    "first_value({1} ORDER BY {2}) FILTER (WHERE {1} IS NOT NULL AND {2} IS NOT NULL)";

const LAST_BY: &str =
    "first_value({1} ORDER BY {2} DESC) FILTER (WHERE {1} IS NOT NULL AND {2} IS NOT NULL)";

/// One of the values, the first below which at least that part of them lies.
pub(super) const DISCRETE: &str =
    "discrete_quantile(array_agg({1} ORDER BY {1}) FILTER (WHERE {1} IS NOT NULL), {2})";

/// The same from the largest on.
pub(super) const DISCRETE_DOWN: &str =
    "discrete_quantile(array_agg({1} ORDER BY {1} DESC) FILTER (WHERE {1} IS NOT NULL), {2})";
