//! `az://container`: Microsoft's store. The account is not in the URI.

use object_store::azure::{AzureConfigKey as Key, MicrosoftAzureBuilder};

use super::{Bucket, ClientConfig, client, keys, probe, retries, unusable};
use crate::environment::variable;
use crate::storage::uri::Uri;
use crate::{Error, Result};

/// Where a machine at Microsoft asks for its credentials.
const INSTANCE: &str = "169.254.169.254:80";

/// The credentials are the first of these: what was given, the environment's, the machine's own; else the container is
/// read without.
pub(super) async fn open(uri: &Uri, config: &ClientConfig) -> Result<Bucket> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_http_connector(keys::Connector::default())
        .with_client_options(client(config))
        .with_retry(retries(config))
        .with_container_name(&uri.bucket);
    let text = config.get("connection_string").map(str::to_owned);
    let text = text.or_else(|| variable("AZURE_STORAGE_CONNECTION_STRING"));
    let mut has_credentials = false;
    for (key, value) in text.as_deref().into_iter().flat_map(parts) {
        has_credentials |= is_credential(key);
        builder = builder.with_config(key, value);
    }
    if let Some(account) = variable("AZURE_STORAGE_ACCOUNT") {
        builder = builder.with_account(account);
    }
    for (key, value) in config.of::<Key>() {
        has_credentials |= is_credential(key);
        builder = builder.with_config(key, value);
    }
    let own = [
        (Key::Endpoint, config.get("endpoint")),
        (Key::Token, config.get("token")),
        (Key::SasKey, config.get("credential").filter(|text| text.contains('='))),
    ];
    for (key, value) in own {
        if let Some(value) = value {
            has_credentials |= is_credential(key);
            builder = builder.with_config(key, value);
        }
    }
    if builder.get_config_value(&Key::AccountName).is_none()
        && builder.get_config_value(&Key::UseEmulator).is_none()
    {
        return Err(Error::InvalidArgument {
            argument: "uri",
            given: uri.place(),
            accepted:
                "which storage account is it in? Give client_config={\"account_name\": …} or \
                       set AZURE_STORAGE_ACCOUNT_NAME"
                    .to_owned(),
        });
    }
    let of_environment = ENVIRONMENT.iter().any(|name| variable(name).is_some());
    let anonymous = match config.anonymous() {
        Some(anonymous) => anonymous,
        None => !has_credentials && !of_environment && !probe::answers(INSTANCE).await,
    };
    let store = builder.with_skip_signature(anonymous).build();
    Ok(Bucket::of(uri, store.map_err(|error| unusable(uri, error))?, anonymous))
}

/// Variables that give credentials.
const ENVIRONMENT: [&str; 8] = [
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_TOKEN",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "IDENTITY_ENDPOINT",
];

fn is_credential(key: Key) -> bool {
    let credentials = [
        Key::AccessKey,
        Key::SasKey,
        Key::Token,
        Key::ClientSecret,
        Key::FederatedTokenFile,
        Key::UseEmulator,
        Key::UseAzureCli,
    ];
    credentials.contains(&key)
}

/// The parts of a connection string that a store knows.
fn parts(text: &str) -> impl Iterator<Item = (Key, &str)> {
    text.split(';').filter_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        let key = match name {
            "AccountName" => Key::AccountName,
            "AccountKey" => Key::AccessKey,
            "SharedAccessSignature" => Key::SasKey,
            "BlobEndpoint" => Key::Endpoint,
            _ => return None,
        };
        Some((key, value))
    })
}
