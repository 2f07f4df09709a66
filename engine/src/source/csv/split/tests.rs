//! Where records and fields begin and end, however the text is cut.

use super::{Broken, Dialect, Ragged, Records};

fn plain() -> Dialect {
    Dialect { delimiter: b',', quote: Some(b'"'), doubles: true, escape: None, skips_empty: true }
}

fn split(dialect: &Dialect, text: &str, width: usize) -> Result<Vec<Vec<String>>, Broken<Ragged>> {
    let records = Records::split(dialect, text, width, usize::MAX, Err)?;
    let row = |row| (0..width).map(|at| records.text(row, at).into_owned()).collect();
    Ok((0..records.rows).map(row).collect())
}

fn check(text: &str, expected: &[[&str; 2]]) {
    let rows = split(&plain(), text, 2).expect("whole records");
    assert_eq!(rows, expected, "{text:?}");
}

#[test]
fn fields_are_what_is_between_delimiters() {
    check("a,b\nc,d\n", &[["a", "b"], ["c", "d"]]);
    check("a,b\r\nc,d", &[["a", "b"], ["c", "d"]]);
    check("a,b\rc,d\r", &[["a", "b"], ["c", "d"]]);
    check(",\n,", &[["", ""], ["", ""]]);
    check("\n\na,b\n\r\n\n", &[["a", "b"]]);
    check(" a , ü\n", &[[" a ", " ü"]]);
}

#[test]
fn quotes_hold_delimiters_line_ends_and_quotes() {
    check("\"a,b\",\"c\nd\"\n", &[["a,b", "c\nd"]]);
    check("\"a \"\"b\"\"\",\"\"\n", &[["a \"b\"", ""]]);
    check("\"\"\"\",x", &[["\"", "x"]]);
    check("5\" pipe,a\"b\"\n", &[["5\" pipe", "a\"b\""]]);
    check("\"a\"b,\"c\" \n", &[["ab", "c "]]);
}

#[test]
fn escapes_mean_the_character_itself() {
    let dialect = Dialect { escape: Some(b'\\'), doubles: false, ..plain() };
    let rows = split(&dialect, "a\\,b,\"c\\\"d\"\nx\\\\,y\n", 2).expect("whole records");
    assert_eq!(rows, [["a,b", "c\"d"], ["x\\", "y"]]);
}

#[test]
fn lines_without_anything_may_be_values() {
    let dialect = Dialect { skips_empty: false, ..plain() };
    assert_eq!(split(&dialect, "a\n\nb\n", 1).expect("whole records"), [["a"], [""], ["b"]]);
}

#[test]
fn records_of_another_width_are_told() {
    let Err(Broken::Refused(told)) = split(&plain(), "a,b\nc\n", 2) else { panic!("accepted") };
    assert_eq!(told, Ragged { row: 1, fields: 1, text: "c".to_owned() });
    let dialect = plain();
    let left = Records::split(&dialect, "a,b\nc\nd,e\n", 2, usize::MAX, |_| Ok::<_, ()>(()));
    assert_eq!(left.expect("left out").rows, 2);
}

#[test]
fn an_open_quote_is_told() {
    assert!(matches!(split(&plain(), "a,b\nc,\"d\n", 2), Err(Broken::Open(1))));
}

#[test]
fn whole_records_end_at_a_line_end_outside_of_quotes() {
    let check =
        |text: &str, whole: usize| assert_eq!(plain().whole(text.as_bytes()), whole, "{text:?}");
    check("a,b\nc,d", 4);
    check("a,b", 0);
    check("a\r\nb\r", 3);
    check("a,\"b\nc\"\nd,\"e\nf", 8);
    check("\"a\n", 0);
    check("\"a\"\r", 0);
    check("\"a\"\n", 4);
}
