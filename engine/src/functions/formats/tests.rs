//! Patterns of C and of Python.

use super::Value;
use super::pattern::{Part, braces, percents};

fn filled(parts: Result<Vec<Part>, String>, values: &[Value<'_>]) -> Result<String, String> {
    let text = |part: Part| match part {
        Part::Text(text) => Ok(text),
        Part::Value(at, place) => place.write(values[at]),
    };
    parts?.into_iter().map(text).collect()
}

fn check_c(pattern: &str, values: &[Value<'_>], expected: &str) {
    assert_eq!(filled(percents(pattern), values).as_deref(), Ok(expected), "{pattern}");
}

fn check_python(pattern: &str, values: &[Value<'_>], expected: &str) {
    assert_eq!(filled(braces(pattern), values).as_deref(), Ok(expected), "{pattern}");
}

#[test]
fn patterns_of_c() {
    let (whole, text) = (Value::Whole(42), Value::Text("ab"));
    check_c("%d-%s, 100%%", &[whole, text], "42-ab, 100%");
    check_c("%5d|%-5s|%5s|%05d", &[whole, text, text, whole], "   42|ab   |   ab|00042");
    check_c("%x %X %o %#x %c", &[whole, whole, whole, whole, whole], "2a 2A 52 0x2a *");
    check_c("%+d % d %,d", &[whole, whole, Value::Whole(-1_234_567)], "+42  42 -1,234,567");
    let float = Value::Float(12345.678);
    check_c(
        "%.2f %e %g %08.1f",
        &[float, float, float, float],
        "12345.68 1.234568e+04 12345.7 012345.7",
    );
    check_c(
        "%g %g %g",
        &[Value::Float(1e-5), Value::Float(0.0001), Value::Float(1e6)],
        "1e-05 0.0001 1e+06",
    );
    check_c("%f %d", &[whole, Value::Bool(true)], "42.000000 1");
}

#[test]
fn patterns_of_python() {
    let (whole, text) = (Value::Whole(42), Value::Text("ab"));
    check_python("{}-{} {{}}", &[whole, text], "42-ab {}");
    check_python("{1}{0}{1}", &[whole, text], "ab42ab");
    check_python("{:>5}|{:<5}|{:^5}|{:*^6}", &[text; 4], "   ab|ab   | ab  |**ab**");
    check_python("{:5}|{:5}|{:05d}|{:+d}", &[whole, text, whole, whole], "   42|ab   |00042|+42");
    let float = Value::Float(1_234_567.891);
    check_python(
        "{:,.2f} {:.3} {}",
        &[float, Value::Text("abcdef"), Value::Float(2.0)],
        "1,234,567.89 abc 2.0",
    );
    check_python("{:x} {:b} {:e}", &[whole, whole, float], "2a 101010 1.234568e+06");
}

#[test]
fn what_does_not_fit() {
    let fails = |done: Result<String, String>| assert!(done.is_err(), "{done:?}");
    fails(filled(percents("%d"), &[Value::Float(2.5)]));
    fails(filled(percents("%d"), &[Value::Text("a")]));
    fails(filled(percents("%y"), &[Value::Whole(1)]));
    fails(filled(percents("%"), &[]));
    fails(filled(percents("%99999999d"), &[Value::Whole(1)]));
    fails(filled(braces("{:d}"), &[Value::Float(1.5)]));
    fails(filled(braces("{"), &[Value::Whole(1)]));
    fails(filled(braces("}"), &[]));
}
