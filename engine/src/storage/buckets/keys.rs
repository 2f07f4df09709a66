//! [`Sieve`]: keys that are no files are left out of listings: `folder/`, which consoles make so that a folder is seen,
//! `a//b` and `a/../b`. The library below takes the first for the file `folder`, and fails at the others.

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};
use object_store::{ClientOptions, Result};
use reqwest::Method;

/// Elements of a listing, and where they have their key: S3's and Google's, then Azure's.
const ELEMENTS: [Element; 4] = [
    Element { tag: "Contents", key: "Key", is_folder: false },
    Element { tag: "CommonPrefixes", key: "Prefix", is_folder: true },
    Element { tag: "Blob", key: "Name", is_folder: false },
    Element { tag: "BlobPrefix", key: "Name", is_folder: true },
];

/// What a listing has one of for each object or folder.
struct Element {
    tag: &'static str,
    key: &'static str,
    is_folder: bool,
}

/// Makes clients that leave out what is no file.
#[derive(Debug, Default)]
pub(super) struct Connector(ReqwestConnector);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        Ok(HttpClient::new(Sieve(self.0.connect(options)?)))
    }
}

#[derive(Debug)]
struct Sieve(HttpClient);

#[async_trait]
impl HttpService for Sieve {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let query = request.uri().query().unwrap_or_default();
        let lists = request.method() == Method::GET
            && query.split('&').any(|part| matches!(part, "list-type=2" | "comp=list"));
        let answer = self.0.execute(request).await?;
        if !lists || !answer.status().is_success() {
            return Ok(answer);
        }
        let (head, body) = answer.into_parts();
        let bytes = body.bytes().await?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|error| HttpError::new(HttpErrorKind::Decode, error))?;
        let body = match files_only(text) {
            Some(text) => text.into(),
            None => bytes.into(),
        };
        Ok(HttpResponse::from_parts(head, body))
    }
}

/// A page of a listing without the keys that are no files; `None` if it has none.
fn files_only(page: &str) -> Option<String> {
    let mut kept = None;
    for element in ELEMENTS {
        let text = kept.as_deref().unwrap_or(page);
        if let Some(fewer) = element.sieved(text) {
            kept = Some(fewer);
        }
    }
    kept
}

impl Element {
    fn sieved(&self, page: &str) -> Option<String> {
        let (opened, closed) = (format!("<{}>", self.tag), format!("</{}>", self.tag));
        let (named, ended) = (format!("<{}>", self.key), format!("</{}>", self.key));
        let mut kept: Option<String> = None;
        let (mut taken, mut at) = (0, 0);
        while let Some(start) = page[at..].find(&opened).map(|found| at + found)
            && let Some(end) = page[start..].find(&closed).map(|found| start + found + closed.len())
        {
            let key = page[start..end].split_once(&named).and_then(|(_, it)| it.split_once(&ended));
            if key.is_some_and(|(key, _)| !self.is_file(key)) {
                kept.get_or_insert_default().push_str(&page[taken..start]);
                taken = end;
            }
            at = end;
        }
        kept.map(|kept| kept + &page[taken..])
    }

    /// Whether a key names a file, or the keys that begin with it can.
    fn is_file(&self, key: &str) -> bool {
        let key = if self.is_folder { key.strip_suffix('/').unwrap_or(key) } else { key };
        !has_control(key) && key.split('/').all(|step| !matches!(step, "" | "." | ".."))
    }
}

/// Whether there are control characters in it, as themselves or as numbers.
fn has_control(key: &str) -> bool {
    let mut numbers = key.split("&#").skip(1).filter_map(|rest| {
        let number = rest.split(';').next()?;
        match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => number.parse().ok(),
        }
    });
    key.chars().any(|c| c.is_ascii_control()) || numbers.any(|code| code < 32 || code == 127)
}

#[cfg(test)]
mod tests {
    use super::files_only;

    fn page(keys: &[&str], folders: &[&str]) -> String {
        let keys: String = keys
            .iter()
            .map(|key| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>"))
            .collect();
        let folders: String = folders
            .iter()
            .map(|key| format!("<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>"))
            .collect();
        format!(
            "<ListBucketResult xmlns=\"http://s3/\"><Prefix>a//</Prefix>{keys}{folders}</ListBucketResult>"
        )
    }

    #[test]
    fn keys_that_are_no_files_are_left_out() {
        let given = page(
            &["a/", "a/b", "a//c", "/d", "e/../f", "g&#x1;", "h&#10;", "i &amp; j"],
            &["a/", "b//", "c/d/"],
        );
        let kept = page(&["a/b", "i &amp; j"], &["a/", "c/d/"]);
        assert_eq!(files_only(&given), Some(kept));
    }

    #[test]
    fn other_pages_are_passed_on() {
        assert_eq!(files_only(&page(&["a", "b/c.txt", "..d/e."], &["f/"])), None);
        assert_eq!(files_only(&page(&[], &[])), None);
    }

    #[test]
    fn azure_has_other_names() {
        let given = "<Blobs><Blob><Name>a/</Name></Blob><Blob><Name>a/b</Name></Blob><BlobPrefix><Name>a/</Name></BlobPrefix></Blobs>";
        let kept =
            "<Blobs><Blob><Name>a/b</Name></Blob><BlobPrefix><Name>a/</Name></BlobPrefix></Blobs>";
        assert_eq!(files_only(given).as_deref(), Some(kept));
    }
}
