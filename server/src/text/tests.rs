//! Texts are cut where statements end, and nowhere else.

use super::{numbered, statements, words};

fn check(text: &str, expected: &[&str]) {
    assert_eq!(statements(text).unwrap(), expected, "{text}");
}

fn refused(text: &str) -> String {
    statements(text).unwrap_err().to_string()
}

#[test]
fn semicolons_end_statements_outside_of_quotes() {
    check("SELECT 1", &["SELECT 1"]);
    check("SELECT ';'; SELECT \";\" ;", &["SELECT ';'", " SELECT \";\" "]);
    check(
        "-- ;\nSELECT 'ä';\n /* ; */ SELECT $a$;$a$",
        &["-- ;\nSELECT 'ä'", "\n /* ; */ SELECT $a$;$a$"],
    );
    check("  ;; -- nothing\n;", &[]);
}

#[test]
fn what_no_parser_should_see_is_refused() {
    assert!(refused(&format!("SELECT '{}'", "x".repeat(1 << 20))).contains("1048576"));
    assert!(
        refused(&format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000))).contains("200")
    );
    assert!(refused(&format!("SELECT 1{}", "+1".repeat(10_000))).contains("5000 words"));
    assert!(refused("SELECT 'no end").contains("Unterminated"));
    let many = format!("SELECT 1 IN ({}1)", "1, ".repeat(100_000));
    check(&many, &[&many]);
}

#[test]
fn words_are_capitals_unless_quoted() {
    assert_eq!(words("set \"Name\" to 'Value'", 9), ["SET", "Name", "TO", "Value"]);
}

#[test]
fn question_marks_get_numbers() {
    assert_eq!(numbered("SELECT ? + ?, '?'"), "SELECT $1 + $2, '?'");
    assert_eq!(numbered("SELECT $1"), "SELECT $1");
}
