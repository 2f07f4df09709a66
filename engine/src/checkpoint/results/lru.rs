//! [`Lru`]: values by key, of which those go that were not used for longest.

use std::collections::HashMap;
use std::hash::Hash;

/// So many values of so many bytes together, at most; the one that was put last stays however large it is.
#[derive(Debug)]
pub(super) struct Lru<K, V> {
    values: HashMap<K, Used<V>>,
    most: usize,
    most_bytes: usize,
    bytes: usize,
    uses: u64,
}

#[derive(Debug)]
struct Used<V> {
    value: V,
    bytes: usize,
    last: u64,
}

impl<K: Copy + Eq + Hash, V> Lru<K, V> {
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        Self { values: HashMap::new(), most, most_bytes, bytes: 0, uses: 0 }
    }

    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        self.uses += 1;
        let used = self.values.get_mut(key)?;
        used.last = self.uses;
        Some(&used.value)
    }

    pub(super) fn put(&mut self, key: K, value: V, bytes: usize) {
        self.remove(key);
        while self.values.len() >= self.most || self.bytes.saturating_add(bytes) > self.most_bytes {
            let oldest = self.values.iter().min_by_key(|(_, used)| used.last);
            let Some((oldest, _)) = oldest else { break };
            self.remove(*oldest);
        }
        self.uses += 1;
        self.bytes += bytes;
        self.values.insert(key, Used { value, bytes, last: self.uses });
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn remove(&mut self, key: K) {
        if let Some(used) = self.values.remove(&key) {
            self.bytes -= used.bytes;
        }
    }
}
