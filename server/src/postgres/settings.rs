//! [`Settings`]: what a client has `SET`. Few settings do anything; one that would and cannot is refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::constant_functions::POSTGRES_VERSION;
use crate::limits::parse_timeout;
use crate::{Error, Result};

const TIMEOUT: &str = "statement_timeout";

/// Settings, what they are at first, and the values that they take; none for all.
const KNOWN: &[(&str, &str, &[&str])] = &[
    ("application_name", "", &[]),
    ("bytea_output", "hex", &["hex"]),
    ("client_encoding", "UTF8", &["utf8", "utf-8", "unicode"]),
    ("client_min_messages", "notice", &[]),
    ("datestyle", "ISO, MDY", &["iso", "iso, mdy", "iso,mdy", "iso, ymd", "iso, dmy"]),
    ("default_transaction_isolation", "read committed", &[]),
    ("default_transaction_read_only", "on", &["on", "true", "yes", "1"]),
    ("extra_float_digits", "1", &[]),
    ("idle_in_transaction_session_timeout", "0", &["0"]),
    ("integer_datetimes", "on", &["on"]),
    ("intervalstyle", "postgres", &["postgres"]),
    ("lock_timeout", "0", &[]),
    ("max_identifier_length", "63", &["63"]),
    ("row_security", "on", &[]),
    ("search_path", "public", &["public", "public, pg_catalog", "pg_catalog, public"]),
    ("server_encoding", "UTF8", &["utf8"]),
    ("server_version", POSTGRES_VERSION, &[POSTGRES_VERSION]),
    ("server_version_num", "160006", &["160006"]),
    ("session characteristics", "", &[]),
    ("standard_conforming_strings", "on", &["on", "true", "1"]),
    (TIMEOUT, "0", &[]),
    // Times are sent with their offset.
    ("timezone", "UTC", &[]),
    ("transaction_isolation", "read committed", &[]),
    ("transaction_read_only", "on", &["on", "true", "1"]),
];

/// The settings of one client.
pub(crate) struct Settings {
    given: Mutex<BTreeMap<String, String>>,
    first: Option<Duration>,
}

impl Settings {
    pub(crate) fn new(statement_timeout: Option<Duration>) -> Self {
        Self { given: Mutex::default(), first: statement_timeout }
    }

    /// How long each statement may run.
    pub(crate) fn statement_timeout(&self) -> Option<Duration> {
        match self.given().get(TIMEOUT) {
            // It was checked when it was set.
            Some(text) => parse_timeout(text).unwrap_or(self.first),
            None => self.first,
        }
    }

    /// Gives a setting a value; `DEFAULT` is the one at first.
    pub(crate) fn set(&self, name: &str, value: &str) -> Result<()> {
        let name = name.to_lowercase();
        let (_, _, values) = known(&name)?;
        if value.eq_ignore_ascii_case("DEFAULT") {
            self.given().remove(&name);
            return Ok(());
        }
        let plain = value.replace(['"', '\''], "").replace("$user, ", "").to_lowercase();
        if !values.is_empty() && !values.contains(&plain.as_str()) {
            let what = format!("`{name}` cannot be `{value}`: here it is `{}`", values[0]);
            return Err(Error::refused("22023", what));
        }
        if name == TIMEOUT {
            parse_timeout(value)?;
        }
        self.given().insert(name, value.to_owned());
        Ok(())
    }

    /// All as at first.
    pub(crate) fn reset(&self) {
        self.given().clear();
    }

    pub(crate) fn value(&self, name: &str) -> Result<String> {
        let name = name.to_lowercase();
        let (_, first, _) = known(&name)?;
        if let Some(value) = self.given().get(&name) {
            return Ok(value.clone());
        }
        match (name.as_str(), self.first) {
            (TIMEOUT, Some(timeout)) => Ok(format!("{}ms", timeout.as_millis())),
            _ => Ok((*first).to_owned()),
        }
    }

    fn given(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn known(name: &str) -> Result<&'static (&'static str, &'static str, &'static [&'static str])> {
    KNOWN.iter().find(|(known, ..)| *known == name).ok_or_else(|| {
        let names: Vec<&str> = KNOWN.iter().map(|(known, ..)| *known).collect();
        let what = format!("unknown setting `{name}`: there are `{}`", names.join("`, `"));
        Error::refused("42704", what)
    })
}
