//! Calls in other words.

use super::spell_calls;
use crate::statement::parsed_query;

#[track_caller]
fn check(text: &str, expected: &str) {
    let mut statement = parsed_query(&format!("SELECT {text} AS it FROM t")).unwrap();
    spell_calls(&mut statement, &|name| name == "mine").unwrap();
    assert_eq!(statement.to_string(), format!("SELECT {expected} AS it FROM t"));
}

#[track_caller]
fn check_refused(text: &str, expected: &str) {
    let mut statement = parsed_query(&format!("SELECT {text} AS it FROM t")).unwrap();
    let refused = spell_calls(&mut statement, &|_| false).unwrap_err().to_string();
    assert!(refused.contains(expected), "{refused}");
}

#[test]
fn calls_in_other_words() {
    check("year(a)", "date_part('year', a)");
    check("median(a + 1) FILTER (WHERE b)", "quantile((a + 1), 0.5) FILTER (WHERE b)");
    check("count_if(a) OVER (ORDER BY b)", "count(CASE WHEN a THEN 1 END) OVER (ORDER BY b)");
    check("any_value(a) FILTER (WHERE b)", "first_value(a) FILTER (WHERE (a IS NOT NULL) AND (b))");
    check("percentile_cont(0.25) WITHIN GROUP (ORDER BY a DESC)", "quantile(a, 0.75)");
    check("list(DISTINCT a ORDER BY b)", "array_agg(DISTINCT a ORDER BY b)");
    check("strftime('%d.%f', a)", "format_time(a, '%d.%6f')");
    check("strftime(a, '{%Y}''s')", "format_time(a, '{%Y}''s')");
    check("mine(a)", "mine(a)");
}

#[test]
fn what_cannot_be_said() {
    check_refused("quantile(a, 0.5)", "`quantile` in SQL");
    check_refused("median(DISTINCT a)", "`median` with DISTINCT");
    check_refused("arg_max(a, b) OVER ()", "`arg_max` with OVER");
    check_refused("date_diff('fortnight', a, b)", "the unit `fortnight`");
    check_refused("strftime(a, '%Z')", "`%Z` in a pattern");
    check_refused("string_split(a, '')", "split at nothing");
}
