//! [`Encoder`]: data goes into a digest in a way that no two sequences of it can be taken for each other.

use blake3::{Hash, Hasher};

/// Another number whenever the same plan is encoded in another way: what was kept under the older digests is computed
/// anew.
const VERSION: u64 = 2;

/// A digest in the making. Whatever has no fixed length is preceded by its length, choices are preceded by a tag.
#[derive(Clone, Debug)]
pub(crate) struct Encoder(Hasher);

impl Encoder {
    /// Begins with what is encoded and how.
    pub(crate) fn new(what: &str) -> Self {
        let mut encoder = Self(Hasher::new());
        encoder.number(VERSION);
        encoder.tag(what);
        encoder
    }

    /// The digest of what was added so far.
    pub(crate) fn finish(&self) -> Hash {
        self.0.finalize()
    }

    /// Which of several things follows.
    pub(super) fn tag(&mut self, tag: &str) {
        self.text(tag);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    pub(super) fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    pub(super) fn signed(&mut self, number: i64) {
        self.0.update(&number.to_le_bytes());
    }

    pub(super) fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.0.update(&[u8::from(flag)]);
    }

    pub(super) fn hash(&mut self, hash: &Hash) {
        self.0.update(hash.as_bytes());
    }

    /// Whether there is a value, and the value.
    pub(super) fn maybe<T>(&mut self, value: Option<T>, add: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            add(self, value);
        }
    }

    /// How many items there are, and the items.
    pub(super) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        mut add: impl FnMut(&mut Self, T),
    ) {
        let items = items.into_iter();
        self.count(items.len());
        for item in items {
            add(self, item);
        }
    }
}
