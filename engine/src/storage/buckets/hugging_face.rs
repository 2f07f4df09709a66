//! `hf://datasets/owner/name[@revision]/path`, also `hf://owner/name/…` for models and `hf://spaces/…`: repositories of
//! the Hugging Face Hub, to be read only. A revision is resolved to its commit once, so that all that is read belongs
//! together; the commit is the version of the files.
//!
//! Source: <https://huggingface.co/docs/hub/api>

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::DateTime;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::http::{HttpBuilder, HttpStore};
use object_store::path::Path as Location;
use object_store::{
    CopyOptions, Error, Extensions, GetOptions, GetResult, HeaderMap, HeaderValue, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};
use reqwest::header::{AUTHORIZATION, LINK};
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;

use super::{Bucket, ClientConfig, client, retries, unusable};
use crate::environment::variable;
use crate::storage::files;
use crate::storage::uri::Uri;

/// What the store is called in messages.
const NAME: &str = "Hugging Face";

/// Where the Hub is, if the environment does not say.
const HUB: &str = "https://huggingface.co";

/// The revision of a repository of which none is named.
const NEWEST: &str = "main";

/// How many segments of a URI name the repository, beside its kind.
const KINDS: [&str; 2] = ["datasets", "spaces"];

/// The part of `owner/name/path` that names the repository.
pub(in crate::storage) fn repository(rest: &str) -> (&str, &str) {
    let has_kind = KINDS.iter().any(|kind| rest.split('/').next() == Some(kind));
    let steps = if has_kind { 3 } else { 2 };
    match rest.match_indices('/').nth(steps - 1) {
        Some((at, _)) => (&rest[..at], &rest[at + 1..]),
        None => (rest, ""),
    }
}

pub(super) async fn open(uri: &Uri, config: &ClientConfig) -> crate::Result<Bucket> {
    let failed = |error| unusable(uri, error);
    let (name, revision) = uri.bucket.split_once('@').unwrap_or((&uri.bucket, NEWEST));
    let hub = config.get("endpoint").map(str::to_owned).or_else(|| variable("HF_ENDPOINT"));
    let hub = hub.unwrap_or_else(|| HUB.to_owned());
    let hub = hub.trim_end_matches('/');
    let mut headers = HeaderMap::new();
    if config.anonymous() != Some(true)
        && let Some(token) = token(config)
        && let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {token}"))
    {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let anonymous = headers.is_empty();
    let kind = if KINDS.iter().any(|kind| name.starts_with(kind)) { "" } else { "models/" };
    let api = Client::builder().default_headers(headers.clone()).build();
    let api = api.map_err(|error| failed(of_request(&uri.bucket, error)))?;
    let files = HttpBuilder::new()
        .with_url(format!("{hub}/{name}/resolve"))
        .with_client_options(client(config).with_default_headers(headers))
        .with_retry(retries(config))
        .build()
        .map_err(failed)?;
    let repository = format!("{hub}/api/{kind}{name}");
    let asked = get(&api, &format!("{repository}/revision/{revision}"), &uri.bucket).await;
    let Commit { sha } = json(asked.map_err(failed)?).await.map_err(failed)?;
    let store = Repository { api, repository, commit: sha, files };
    Ok(Bucket { anonymous, ..Bucket::plain(uri.place(), Arc::new(store)) })
}

/// The token that was given, the environment's, or that of `hf auth login`.
fn token(config: &ClientConfig) -> Option<String> {
    let given = config.get("token").map(str::to_owned);
    given.or_else(|| variable("HF_TOKEN")).or_else(|| {
        let home = variable("HF_HOME")
            .or_else(|| Some(format!("{}/.cache/huggingface", files::home()?)))?;
        files::line_of(&format!("{home}/token"))
    })
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
}

/// A file or folder of a repository.
#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    #[serde(default)]
    size: u64,
    oid: String,
}

impl Listed {
    fn meta(self, commit: &str) -> Result<ObjectMeta> {
        Ok(ObjectMeta {
            location: Location::parse(&self.path)?,
            // The Hub tells it in listings only at a price.
            last_modified: DateTime::UNIX_EPOCH,
            size: self.size,
            e_tag: Some(self.oid),
            version: Some(commit.to_owned()),
        })
    }
}

#[derive(Debug)]
struct Repository {
    api: Client,
    repository: String,
    commit: String,
    files: HttpStore,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)
    }
}

impl Repository {
    /// What is below a folder, at any depth or in it only, page by page.
    fn pages(
        &self,
        folder: Option<&Location>,
        deep: bool,
    ) -> BoxStream<'static, Result<Vec<Listed>>> {
        let folder = folder.map(ToString::to_string).unwrap_or_default();
        let (api, commit) = (self.api.clone(), &self.commit);
        let first = format!("{}/tree/{commit}/{folder}?recursive={deep}", self.repository);
        stream::try_unfold(Some(first), move |next| {
            let (api, folder) = (api.clone(), folder.clone());
            async move {
                let Some(url) = next else { return Ok(None) };
                let answer = get(&api, &url, &folder).await?;
                let next = next_page(&answer);
                Ok(Some((json(answer).await?, next)))
            }
        })
        .boxed()
    }
}

#[async_trait]
impl ObjectStore for Repository {
    /// A commit never changes, so there is nothing to compare with.
    async fn get_opts(&self, location: &Location, options: GetOptions) -> Result<GetResult> {
        let commit = options.version.as_deref().unwrap_or(&self.commit).to_owned();
        let at: Location =
            Location::from(commit.as_str()).parts().chain(location.parts()).collect();
        let options =
            GetOptions { range: options.range, head: options.head, ..GetOptions::default() };
        let mut found = self.files.get_opts(&at, options).await?;
        found.meta.location = location.clone();
        found.meta.version = Some(commit);
        Ok(found)
    }

    fn list(&self, prefix: Option<&Location>) -> BoxStream<'static, Result<ObjectMeta>> {
        let commit = self.commit.clone();
        let files = self.pages(prefix, true).map_ok(|page| stream::iter(page).map(Ok));
        let files = files.try_flatten().try_filter(|one| {
            let is_file = one.kind == "file";
            async move { is_file }
        });
        files.map(move |one| one.and_then(|one| one.meta(&commit))).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Location>) -> Result<ListResult> {
        let pages: Vec<Vec<Listed>> = self.pages(prefix, false).try_collect().await?;
        let (files, folders): (Vec<_>, Vec<_>) =
            pages.into_iter().flatten().partition(|one| one.kind == "file");
        let common_prefixes = folders.iter().map(|one| Ok(Location::parse(&one.path)?));
        Ok(ListResult {
            common_prefixes: common_prefixes.collect::<Result<_>>()?,
            objects: files.into_iter().map(|one| one.meta(&self.commit)).collect::<Result<_>>()?,
            extensions: Extensions::default(),
        })
    }

    async fn put_opts(&self, _: &Location, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(read_only())
    }

    async fn put_multipart_opts(
        &self,
        _: &Location,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(read_only())
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Location>>,
    ) -> BoxStream<'static, Result<Location>> {
        stream::once(async { Err(read_only()) }).boxed()
    }

    async fn copy_opts(&self, _: &Location, _: &Location, _: CopyOptions) -> Result<()> {
        Err(read_only())
    }
}

fn read_only() -> Error {
    Error::NotImplemented { operation: "writing".to_owned(), implementer: NAME.to_owned() }
}

async fn get(api: &Client, url: &str, path: &str) -> Result<Response> {
    let answer = api.get(url).send().await.map_err(|error| of_request(path, error))?;
    answer.error_for_status().map_err(|error| of_request(path, error))
}

async fn json<T: for<'de> Deserialize<'de>>(answer: Response) -> Result<T> {
    let bytes = answer.bytes().await.map_err(|error| of_request("", error))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::Generic { store: NAME, source: Box::new(error) })
}

/// The URL of the next page: `<…>; rel="next"`.
fn next_page(answer: &Response) -> Option<String> {
    let links = answer.headers().get(LINK)?.to_str().ok()?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    Some(next.split_once('<')?.1.split_once('>')?.0.to_owned())
}

/// The Hub says that what it does not show to somebody is not there.
fn of_request(path: &str, error: reqwest::Error) -> Error {
    let (path, status) = (path.to_owned(), error.status());
    let source = Box::new(error.without_url());
    match status {
        Some(StatusCode::NOT_FOUND) => Error::NotFound { path, source },
        Some(StatusCode::UNAUTHORIZED) => Error::Unauthenticated { path, source },
        Some(StatusCode::FORBIDDEN) => Error::PermissionDenied { path, source },
        _ => Error::Generic { store: NAME, source },
    }
}

#[cfg(test)]
mod tests {
    use super::repository;

    #[test]
    fn a_repository_is_named_by_owner_and_name() {
        assert_eq!(repository("datasets/a/b@v1/c/d"), ("datasets/a/b@v1", "c/d"));
        assert_eq!(repository("a/b/c"), ("a/b", "c"));
        assert_eq!(repository("a/b"), ("a/b", ""));
    }
}
