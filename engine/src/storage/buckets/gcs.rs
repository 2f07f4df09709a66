//! `gs://`: Google's store.

use std::sync::Arc;

use object_store::StaticCredentialProvider;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey as Key};

use super::{Bucket, ClientConfig, client, keys, probe, retries, unusable};
use crate::Result;
use crate::environment::variable;
use crate::storage::files;
use crate::storage::uri::Uri;

/// Where a machine at Google asks for its credentials.
const INSTANCE: &str = "metadata.google.internal:80";

/// The credentials are the first of these: `token` (a file, its JSON, or a bearer token), the environment's, those of
/// `gcloud auth application-default login`, the machine's own; else the bucket is read without.
pub(super) async fn open(uri: &Uri, config: &ClientConfig) -> Result<Bucket> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_http_connector(keys::Connector::default())
        .with_client_options(client(config))
        .with_retry(retries(config))
        .with_bucket_name(&uri.bucket);
    for (key, value) in config.of::<Key>() {
        builder = builder.with_config(key, value);
    }
    let emulator = variable("STORAGE_EMULATOR_HOST");
    if let Some(endpoint) = config.get("endpoint").or(emulator.as_deref()) {
        builder = builder.with_base_url(endpoint.trim_end_matches('/'));
    }
    let mut anonymous = config.anonymous();
    match config.get("token") {
        None | Some("google_default" | "cloud" | "cache") => {}
        Some("anon") => anonymous = Some(true),
        Some(json) if json.trim_start().starts_with('{') => {
            builder = builder.with_service_account_key(json);
        }
        Some(path) if files::is_file(path) => builder = builder.with_application_credentials(path),
        Some(bearer) => builder = with_bearer(builder, bearer),
    }
    let anonymous = match anonymous {
        Some(anonymous) => anonymous,
        None => !has_credentials(config) && !probe::answers(INSTANCE).await,
    };
    if anonymous {
        // With a token, if an empty one: else it asks the machine for one before it writes.
        builder = with_bearer(builder.with_skip_signature(true), "");
    }
    let store = builder.build().map_err(|error| unusable(uri, error))?;
    Ok(Bucket::of(uri, store, anonymous))
}

fn with_bearer(builder: GoogleCloudStorageBuilder, bearer: &str) -> GoogleCloudStorageBuilder {
    let credential = GcpCredential { bearer: bearer.to_owned() };
    builder.with_credentials(Arc::new(StaticCredentialProvider::new(credential)))
}

fn has_credentials(config: &ClientConfig) -> bool {
    let variables = [
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_PATH",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_BEARER_TOKEN",
    ];
    let of_login = files::home()
        .map(|home| format!("{home}/.config/gcloud/application_default_credentials.json"));
    config.get("token").is_some()
        || config.of::<Key>().any(|(key, _)| !matches!(key, Key::BaseUrl | Key::Client(_)))
        || variables.iter().any(|name| variable(name).is_some())
        || of_login.is_some_and(|path| files::is_file(&path))
}
