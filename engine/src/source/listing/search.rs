//! [`Search`]: which objects of a bucket a URI names. [`Scope`]: what is listed to find them.

use std::fmt;

use globset::GlobMatcher;

use super::ends_with;
use super::glob::{expand_braces, is_private, matcher};
use crate::storage::Uri;
use crate::storage::uri::Scheme;
use crate::{Error, Result};

#[cfg(test)]
mod tests;

const WILDCARDS: [char; 3] = ['*', '?', '['];

/// The objects that a URI names: one, those below a folder, or those that fit a pattern.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    /// The URI, without its braces.
    shown: String,
    scope: Scope,
    /// The one object that it may be.
    one: Option<Uri>,
    /// What fits below the last folder without wildcards.
    pattern: Option<GlobMatcher>,
}

/// Objects of a bucket whose keys begin alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Its key is how they begin.
    pub(super) uri: Uri,
    /// Whether only those of one folder are meant, and none below it.
    pub(super) is_flat: bool,
}

impl Search {
    /// What a URI names, one for each of the texts that its braces stand for; `None` for files of this machine.
    pub(super) fn parse(text: &str, recursive: bool) -> Result<Option<Vec<Self>>> {
        if !text.contains("://") || text.starts_with("file://") {
            return Ok(None);
        }
        let mut found = Vec::new();
        for text in expand_braces(text) {
            match Uri::parse(&text)? {
                Some(uri) => found.push(Self::of(text, uri, recursive)?),
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    fn of(shown: String, uri: Uri, recursive: bool) -> Result<Self> {
        if matches!(uri.scheme, Scheme::Http | Scheme::Https) {
            return Self::of_web(shown, uri);
        }
        let Some(wildcard) = uri.key.find(WILDCARDS) else {
            let is_folder = uri.key.is_empty() || uri.key.ends_with('/');
            let folder =
                if is_folder { uri.clone() } else { uri.with_key(format!("{}/", uri.key)) };
            let scope = Scope { uri: folder, is_flat: !recursive };
            return Ok(Self { shown, scope, one: (!is_folder).then_some(uri), pattern: None });
        };
        // What is escaped is not how keys begin.
        let fixed = uri.key.find('\\').unwrap_or(wildcard).min(wildcard);
        let folder = uri.key[..fixed].rfind('/').map_or(0, |slash| slash + 1);
        let pattern = &uri.key[folder..];
        let scope = Scope { uri: uri.with_key(&uri.key[..fixed]), is_flat: !goes_deeper(pattern) };
        Ok(Self { shown, scope, one: None, pattern: Some(matcher(pattern)?) })
    }

    /// A web server does not tell what it has.
    fn of_web(shown: String, uri: Uri) -> Result<Self> {
        let refuse = |what: &str, instead: &str| Error::NotSupported {
            what: format!("{what} (`{}`)", uri.scheme.as_str()),
            instead: instead.to_owned(),
        };
        if uri.bucket.contains('@') {
            return Err(refuse("a name or password in a URL", "leave it out of the URL"));
        }
        // A signature, too, is a credential, which would be kept with the listing.
        if uri.key.contains('?') {
            return Err(refuse("a URL with a query", "download the file first"));
        }
        if uri.key.is_empty() || uri.key.ends_with('/') || uri.key.contains(WILDCARDS) {
            return Err(Error::NotSupported {
                what: format!("a listing of `{shown}`"),
                instead: "a web server does not tell what it has; name each file".to_owned(),
            });
        }
        let scope = Scope { uri: uri.clone(), is_flat: true };
        Ok(Self { shown, scope, one: Some(uri), pattern: None })
    }

    /// The bucket, `s3://name`.
    pub(super) fn place(&self) -> String {
        self.scope.uri.place()
    }

    /// What is listed to find them, unless they are one object.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The one object that it may be.
    pub(crate) fn one(&self) -> Option<&Uri> {
        self.one.as_ref()
    }

    /// Whether nothing but the one object is meant.
    pub(crate) fn is_one(&self) -> bool {
        matches!(self.scope.uri.scheme, Scheme::Http | Scheme::Https)
    }

    /// Whether nothing of that scope is left out.
    pub(crate) fn is_all_of(&self, scope: &Scope) -> bool {
        self.pattern.is_none() && self.scope == *scope
    }

    /// Whether nothing that is found is an error: only a bucket may be empty.
    pub(crate) fn may_be_empty(&self) -> bool {
        self.scope.uri.key.is_empty()
    }

    /// Whether the object is named.
    pub(crate) fn matches(&self, key: &str) -> bool {
        if self.one.as_ref().is_some_and(|one| one.key == key) {
            return true;
        }
        let Some(below) = key.strip_prefix(self.scope.folder()) else { return false };
        match &self.pattern {
            Some(pattern) => pattern.is_match(below),
            None => !self.scope.is_flat || !below.contains('/'),
        }
    }

    /// The same without a pattern: whatever is where the objects would be.
    pub(crate) fn anything(&self) -> Self {
        let scope = Scope { is_flat: false, ..self.scope.clone() };
        Self { pattern: None, scope, ..self.clone() }
    }

    /// The scopes of which a listing tells all objects that are named, the closest first.
    pub(crate) fn covering(&self) -> Vec<Scope> {
        let uri = &self.scope.uri;
        let mut covering = vec![self.scope.clone()];
        let mut add = |key: &str, is_flat: bool| {
            let scope = Scope { uri: uri.with_key(key), is_flat };
            if !covering.contains(&scope) {
                covering.push(scope);
            }
        };
        add(&uri.key, false);
        if self.scope.is_flat {
            add(self.scope.folder(), true);
        }
        for (slash, _) in uri.key.rmatch_indices('/') {
            add(&uri.key[..=slash], false);
        }
        add("", false);
        covering
    }

    /// A key below the folder that was named; `None` for what a reader of these files takes no notice of.
    pub(super) fn file(&self, key: &str, endings: &[&str]) -> Option<String> {
        if self.one.as_ref().is_some_and(|one| one.key == key) {
            return Some(key.rsplit('/').next().unwrap_or(key).to_owned());
        }
        let below = key.strip_prefix(self.scope.folder())?;
        let is_asked = self.pattern.is_some() || ends_with(below, endings);
        (is_asked && !is_private(below, self.pattern.as_ref())).then(|| below.to_owned())
    }
}

impl Scope {
    /// The bucket and how keys begin, as users know it.
    pub(crate) fn places(&self) -> String {
        format!("{}{}", self.uri, if self.is_flat { " (not below)" } else { "" })
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// How the keys begin, up to the last step.
    pub(super) fn folder(&self) -> &str {
        let key = &self.uri.key;
        &key[..key.rfind('/').map_or(0, |slash| slash + 1)]
    }
}

/// The URI.
impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Whether a pattern fits files in folders below.
fn goes_deeper(pattern: &str) -> bool {
    pattern.contains('/') || pattern.contains("**")
}
