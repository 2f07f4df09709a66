//! What the query engine says, without the names that it gives to kinds of errors.

use datafusion::error::DataFusionError;

/// The first line of the innermost message, without the names that the query engine gives to kinds of errors.
pub(crate) fn plain_message(error: &DataFusionError) -> String {
    let message = error.find_root().strip_backtrace();
    without_category(&message).lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// `Cast error: `, `Error during planning: ` and the like.
pub(crate) fn without_category(message: &str) -> &str {
    match message.split_once(": ") {
        Some((category, rest)) if is_category(category) => without_category(rest),
        _ => message,
    }
}

fn is_category(words: &str) -> bool {
    words == "Error during planning" || (words.ends_with(" error") && !words.contains('`'))
}
