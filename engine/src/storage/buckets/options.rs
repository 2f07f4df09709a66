//! [`ClientConfig`]: how to reach a bucket, under the names that Python's storage libraries use.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use catalog::near_names;
use object_store::ClientConfigKey;
use object_store::aws::AmazonS3ConfigKey;
use object_store::azure::AzureConfigKey;
use object_store::gcp::GoogleConfigKey;

use crate::{Error, Result};

/// Options by name, as text. They hold credentials: their `Debug` shows names only, and nothing writes them down.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClientConfig(BTreeMap<String, String>);

/// The names that are ours to read, with what they are called by other libraries.
const ALIASES: [(&str, &str); 19] = [
    ("key", "access_key_id"),
    ("aws_key", "access_key_id"),
    ("secret", "secret_access_key"),
    ("aws_secret", "secret_access_key"),
    ("aws_token", "session_token"),
    ("region_name", "region"),
    ("endpoint_url", "endpoint"),
    ("aws_endpoint_url", "endpoint"),
    ("azure_storage_endpoint", "endpoint"),
    ("google_base_url", "endpoint"),
    ("base_url", "endpoint"),
    ("aws_profile", "profile"),
    ("profile_name", "profile"),
    ("requester_pays", "request_payer"),
    ("skip_signature", "anon"),
    ("aws_skip_signature", "anon"),
    ("google_skip_signature", "anon"),
    ("azure_skip_signature", "anon"),
    ("google_storage_token", "token"),
];

/// Names that no store knows.
const OURS: [&str; 11] = [
    "anon",
    "connect_timeout",
    "connection_string",
    "credential",
    "endpoint",
    "max_retries",
    "profile",
    "read_timeout",
    "region",
    "request_payer",
    "token",
];

/// Names of the peers' libraries that change nothing here.
const WITHOUT_EFFECT: [&str; 13] = [
    "account_host",
    "cache_regions",
    "consistency",
    "default_block_size",
    "default_cache_type",
    "default_fill_cache",
    "listings_expiry_time",
    "max_pool_connections",
    "project",
    "signature_version",
    "use_listings_cache",
    "use_ssl",
    "version_aware",
];

impl ClientConfig {
    /// Options as given.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a name that no store knows: a credential that is misspelt must not be left out.
    pub fn try_new(given: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let mut options = BTreeMap::new();
        for (name, value) in given {
            let known = name.to_ascii_lowercase();
            let alias = ALIASES.iter().find(|(alias, _)| *alias == known);
            let known = alias.map_or(known.as_str(), |(_, known)| known);
            if WITHOUT_EFFECT.contains(&known) {
                continue;
            }
            if !OURS.contains(&known) && !is_of_a_store(known) {
                let names = OURS.iter().chain(ALIASES.iter().map(|(alias, _)| alias));
                let near = near_names(&name, names.copied());
                let hint = near.first().map(|near| format!("; did you mean `{near}`?"));
                return Err(Error::InvalidArgument {
                    argument: "client_config",
                    given: name,
                    accepted: format!("no storage has such an option{}", hint.unwrap_or_default()),
                });
            }
            options.insert(known.to_owned(), value);
        }
        Ok(Self(options))
    }

    /// The same with others, which win.
    pub(crate) fn with(&self, others: &Self) -> Self {
        let mut all = self.0.clone();
        all.extend(others.0.clone());
        Self(all)
    }

    /// The same without what says who asks.
    pub(crate) fn without_credentials(&self) -> Self {
        let kept = ["endpoint", "region", "account_name", "connect_timeout", "read_timeout"];
        let own = self.0.iter().filter(|(name, _)| kept.contains(&name.as_str()));
        let anon = ("anon".to_owned(), "true".to_owned());
        Self(own.map(|(name, value)| (name.clone(), value.clone())).chain([anon]).collect())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values, for another process of ours.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether requests are to carry no credentials; `None` if nobody said.
    pub(crate) fn anonymous(&self) -> Option<bool> {
        self.get("anon").map(is_true)
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.get(name)?.parse().ok()
    }

    pub(super) fn seconds(&self, name: &str) -> Option<Duration> {
        Duration::try_from_secs_f64(self.get(name)?.parse().ok()?).ok()
    }

    /// The options that a store of this kind knows, under its own names.
    pub(super) fn of<K: FromStr>(&self) -> impl Iterator<Item = (K, &str)> {
        let own = self.0.iter().filter(|(name, _)| !OURS.contains(&name.as_str()));
        own.filter_map(|(name, value)| Some((name.parse().ok()?, value.as_str())))
    }
}

fn is_true(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "anon")
}

fn is_of_a_store(name: &str) -> bool {
    name.parse::<AmazonS3ConfigKey>().is_ok()
        || name.parse::<GoogleConfigKey>().is_ok()
        || name.parse::<AzureConfigKey>().is_ok()
        || name.parse::<ClientConfigKey>().is_ok()
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use object_store::aws::AmazonS3ConfigKey;

    use super::ClientConfig;

    fn config(pairs: &[(&str, &str)]) -> crate::Result<ClientConfig> {
        let owned = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ClientConfig::try_new(owned)
    }

    #[test]
    fn names_of_other_libraries_are_known() {
        let config =
            config(&[("aws_key", "k"), ("aws_endpoint_url", "e"), ("use_ssl", "true")]).unwrap();
        let keys: Vec<_> = config.of::<AmazonS3ConfigKey>().collect();
        assert_eq!(keys, [(AmazonS3ConfigKey::AccessKeyId, "k")]);
        assert_eq!(config.get("endpoint"), Some("e"));
    }

    #[test]
    fn a_misspelt_name_is_refused_without_its_value() {
        let error = config(&[("aws_secrett", "hunter2")]).unwrap_err().to_string();
        assert!(error.contains("aws_secrett") && error.contains("aws_secret`?"), "{error}");
        assert!(!error.contains("hunter2"));
    }

    #[test]
    fn values_are_not_shown() {
        let shown = format!("{:?}", config(&[("aws_secret", "hunter2")]).unwrap());
        assert!(shown.contains("secret_access_key") && !shown.contains("hunter2"), "{shown}");
    }
}
