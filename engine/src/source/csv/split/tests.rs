//! Where records and fields begin and end, however the text is cut.

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection, proptest};

use super::{Broken, Dialect, Ragged, Records};

fn plain() -> Dialect {
    Dialect { delimiter: b',', quote: Some(b'"'), doubles: true, escape: None, skips_empty: true }
}

fn split(dialect: &Dialect, text: &str, width: usize) -> Result<Vec<Vec<String>>, Broken<Ragged>> {
    let all: Vec<usize> = (0..width).collect();
    let records = Records::split(dialect, text, (width, &all), usize::MAX, Err)?;
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
    let left = Records::split(&dialect, "a,b\nc\nd,e\n", (2, &[1]), usize::MAX, |_| Ok::<_, ()>(()));
    let left = left.expect("left out");
    assert_eq!((left.rows, left.text(0, 0), left.text(1, 0)), (2, "b".into(), "e".into()));
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
    check("5\" pipe\n6\"\n7", 11);
    check("\"a\"b\"\nc", 7);
    check("a\"\"\n\"b\n", 4);
    let escaping = Dialect { escape: Some(b'\\'), ..plain() };
    assert_eq!(escaping.whole(b"a\\\nb\nc\\,\"\nd"), 12);
    assert_eq!(escaping.whole(b"a\\\n"), 0);
    let without = Dialect { quote: None, ..plain() };
    assert_eq!(without.whole(b"\"a\nb"), 3);
}

/// Texts of what matters to records, and little else.
fn texts() -> impl Strategy<Value = String> {
    collection::vec(prop_oneof![Just("a"), Just("ü"), Just(","), Just("\n"), Just("\r\n"), Just("\""), Just("\\")], 0..40)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn a_text_is_cut_where_one_of_its_records_ends(text in texts(), escapes in any::<bool>()) {
        let escape = escapes.then_some(b'\\');
        let dialect = Dialect { escape, skips_empty: false, ..plain() };
        let (mut ends, mut at) = (vec![0], 0);
        while let Some(end) = dialect.record(text.as_bytes(), at, &mut vec![]) {
            at = end.next;
            ends.extend(end.is_line.then_some(at));
            if !end.is_line {
                break;
            }
        }
        assert!(ends.contains(&dialect.whole(text.as_bytes())), "{text:?} {ends:?}");
    }
}
