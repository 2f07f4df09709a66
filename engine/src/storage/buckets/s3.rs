//! `s3://`: Amazon's store, and all that speak its protocol.

use object_store::aws::{
    AmazonS3Builder, AmazonS3ConfigKey as Key, S3ConditionalPut, resolve_bucket_region,
};

use super::{Bucket, ClientConfig, client, keys, probe, profile, retries, unusable};
use crate::Result;
use crate::environment::variable;
use crate::storage::uri::Uri;

/// Where a machine at Amazon asks for its credentials.
const INSTANCE: &str = "169.254.169.254:80";

/// The credentials are the first of these: what was given, the environment's, a profile's, the machine's own; else the
/// bucket is read without.
pub(super) async fn open(uri: &Uri, config: &ClientConfig) -> Result<Bucket> {
    let mut builder = AmazonS3Builder::from_env()
        .with_http_connector(keys::Connector::default())
        .with_client_options(client(config))
        .with_retry(retries(config))
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_bucket_name(&uri.bucket);
    for (key, value) in config.of::<Key>() {
        builder = builder.with_config(key, value);
    }
    let own = [
        (Key::Endpoint, config.get("endpoint")),
        (Key::Region, config.get("region")),
        (Key::Token, config.get("token").or_else(|| config.get("session_token"))),
        (Key::RequestPayer, config.get("request_payer")),
    ];
    for (key, value) in own {
        if let Some(value) = value {
            builder = builder.with_config(key, value);
        }
    }
    let knows = |builder: &AmazonS3Builder, key: Key| builder.get_config_value(&key).is_some();
    let mut anonymous = config.anonymous().unwrap_or(false);
    if !anonymous && (config.get("profile").is_some() || !knows(&builder, Key::AccessKeyId)) {
        builder = of_profile(builder, config)?;
    }
    if !anonymous && config.anonymous().is_none() && !has_credentials(&builder) {
        let is_off = variable("AWS_EC2_METADATA_DISABLED").is_some_and(|v| v == "true");
        anonymous = is_off || !probe::answers(INSTANCE).await;
    }
    if !knows(&builder, Key::Region)
        && !knows(&builder, Key::Endpoint)
        && !knows(&builder, Key::S3Endpoint)
        && let Ok(region) = resolve_bucket_region(&uri.bucket, &client(config)).await
    {
        builder = builder.with_region(region);
    }
    let store = builder.with_skip_signature(anonymous).build();
    Ok(Bucket::of(uri, store.map_err(|error| unusable(uri, error))?, anonymous))
}

fn of_profile(mut builder: AmazonS3Builder, config: &ClientConfig) -> Result<AmazonS3Builder> {
    let Some(found) = profile::read(config.get("profile"))? else { return Ok(builder) };
    let values = [
        (Key::AccessKeyId, "aws_access_key_id"),
        (Key::SecretAccessKey, "aws_secret_access_key"),
        (Key::Token, "aws_session_token"),
        (Key::Region, "region"),
        (Key::Endpoint, "endpoint_url"),
    ];
    for (key, name) in values {
        let is_credential = matches!(key, Key::AccessKeyId | Key::SecretAccessKey | Key::Token);
        let is_given = builder.get_config_value(&key).is_some();
        if let Some(value) = found.get(name).filter(|_| is_credential || !is_given) {
            builder = builder.with_config(key, value);
        }
    }
    Ok(builder)
}

fn has_credentials(builder: &AmazonS3Builder) -> bool {
    let sources = [
        Key::AccessKeyId,
        Key::WebIdentityTokenFile,
        Key::ContainerCredentialsRelativeUri,
        Key::ContainerCredentialsFullUri,
    ];
    sources.iter().any(|key| builder.get_config_value(key).is_some())
}
