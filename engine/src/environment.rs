//! The only reader of the environment.

/// A variable that is set, and not to nothing.
#[expect(clippy::disallowed_methods, reason = "the only reader of the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether a variable says yes.
pub(crate) fn is_set(name: &str) -> bool {
    variable(name)
        .is_some_and(|value| !matches!(value.to_ascii_lowercase().as_str(), "0" | "false" | "no"))
}
