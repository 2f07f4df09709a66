//! Digits of numbers, as C has them.

/// With a comma before each three digits, from the point on.
pub(super) fn grouped(digits: &str) -> String {
    let end = digits.find(|it: char| !it.is_ascii_digit()).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(end);
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

/// `1.234568e+04`.
pub(super) fn exponential(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// With so many digits in all, and no zeros at the end.
pub(super) fn shortest(number: f64, precision: usize) -> String {
    let precision = precision.max(1);
    let written = exponential(number, precision - 1);
    let exponent = written.split_once('e').and_then(|(_, it)| it.parse::<i32>().ok());
    let exponent = exponent.unwrap_or_default();
    let most = i32::try_from(precision).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= most {
        let (digits, exponent) = written.split_once('e').unwrap_or((&written, "+00"));
        return format!("{}e{exponent}", without_zeros(digits));
    }
    let places = usize::try_from(most - 1 - exponent).unwrap_or_default();
    without_zeros(&format!("{number:.places$}")).to_owned()
}

fn without_zeros(digits: &str) -> &str {
    match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => digits,
    }
}
