//! The files that a host serves beside the engine.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use http::HeaderValue;

/// The files of a server, by the path of their URL.
#[derive(Debug, Default)]
pub(super) struct Files(RwLock<HashMap<String, File>>);

/// A file in memory.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) content_type: HeaderValue,
    pub(super) body: Bytes,
    pub(super) etag: HeaderValue,
}

impl File {
    fn new(content_type: HeaderValue, body: Bytes) -> Self {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let etag = HeaderValue::try_from(format!("\"{:x}-{:x}\"", body.len(), hasher.finish()));
        Self {
            content_type,
            body,
            etag: etag.unwrap_or(HeaderValue::from_static("\"0\"")),
        }
    }
}

impl Files {
    /// The file at this path.
    pub(super) fn get(&self, path: &str) -> Option<File> {
        let files = self.0.read().unwrap_or_else(PoisonError::into_inner);
        files.get(path).cloned()
    }

    /// Adds or replaces the file at this path.
    pub(super) fn insert(&self, path: &str, content_type: HeaderValue, body: Bytes) {
        let file = File::new(content_type, body);
        let mut files = self.0.write().unwrap_or_else(PoisonError::into_inner);
        files.insert(path.to_owned(), file);
    }

    /// Removes the file at this path, if there is one.
    pub(super) fn remove(&self, path: &str) {
        let mut files = self.0.write().unwrap_or_else(PoisonError::into_inner);
        files.remove(path);
    }
}
