//! [`Gate`]: lets in who has the token.

use std::sync::Arc;

use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::service::Service;

/// Looks at every request before it is answered.
#[derive(Clone)]
pub(super) struct Gate(pub(super) Arc<Service>);

impl Interceptor for Gate {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let header = request.metadata().get("authorization").map_or(&b""[..], |it| it.as_bytes());
        let token = match header.split_once_at(b' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"Bearer") => rest.to_vec(),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"Basic") => password(rest),
            _ => Vec::new(),
        };
        if self.0.is_token(&token) {
            return Ok(request);
        }
        let what = "wrong or no token: send it as `authorization: Bearer TOKEN`, or as the password of any user";
        Err(Status::unauthenticated(what))
    }
}

trait SplitOnce {
    fn split_once_at(&self, at: u8) -> Option<(&[u8], &[u8])>;
}

impl SplitOnce for [u8] {
    fn split_once_at(&self, at: u8) -> Option<(&[u8], &[u8])> {
        let place = self.iter().position(|byte| *byte == at)?;
        Some((&self[..place], &self[place + 1..]))
    }
}

/// What is behind the colon of `user:password`.
fn password(encoded: &[u8]) -> Vec<u8> {
    let decoded = decoded(encoded).unwrap_or_default();
    decoded.split_once_at(b':').map(|(_, password)| password.to_vec()).unwrap_or_default()
}

/// What was written in base 64.
fn decoded(encoded: &[u8]) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for digit in encoded.iter().take_while(|digit| **digit != b'=') {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held).to_le_bytes()[0]);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::password;

    #[test]
    fn the_password_is_behind_the_first_colon() {
        assert_eq!(password(b"YWRhOnRva2VuOjE="), b"token:1");
        assert_eq!(password(b"OmE="), b"a");
        assert_eq!(password(b"YWRh"), b"");
        assert_eq!(password(b"!!"), b"");
    }
}
