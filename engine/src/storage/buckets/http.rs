//! `http://` and `https://`: single files of any server.

use std::sync::Arc;

use object_store::http::HttpBuilder;

use super::{Bucket, ClientConfig, client, retries, unusable};
use crate::Result;
use crate::storage::uri::Uri;

pub(super) fn open(uri: &Uri, config: &ClientConfig) -> Result<Bucket> {
    let store = HttpBuilder::new()
        .with_url(uri.place())
        .with_client_options(client(config))
        .with_retry(retries(config))
        .build();
    let store = Arc::new(store.map_err(|error| unusable(uri, error))?);
    Ok(Bucket { anonymous: true, ..Bucket::plain(uri.place(), store) })
}
