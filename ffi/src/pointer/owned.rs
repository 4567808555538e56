//! Memory that the host owns and frees with a function of the library.

use std::sync::Arc;

use crate::pointer::into_raw;
use crate::types::{bw_buf, bw_list, bw_str};

impl bw_buf {
    pub(crate) const EMPTY: Self = Self {
        data: std::ptr::null_mut(),
        len: 0,
        r#impl: std::ptr::null_mut(),
    };

    pub(crate) fn new(text: impl Into<Vec<u8>>) -> Self {
        let mut bytes = text.into();
        let len = bytes.len();
        bytes.push(0);
        let owner = into_raw(bytes);
        // SAFETY: `into_raw` returned it.
        let data = unsafe { (*owner).as_mut_ptr() }.cast();
        Self {
            data,
            len,
            r#impl: owner.cast(),
        }
    }

    pub(crate) fn free(&mut self) {
        let owner: *mut Vec<u8> = std::mem::replace(self, Self::EMPTY).r#impl.cast();
        if !owner.is_null() {
            // SAFETY: it came from `new`, and the caller's variable does not have it any more.
            drop(unsafe { Box::from_raw(owner) });
        }
    }
}

/// The memory of a `bw_list`: the texts, and views of them.
pub(crate) struct Strings {
    pub(crate) texts: Vec<Arc<str>>,
    pub(crate) views: Vec<bw_str>,
}

impl Strings {
    pub(crate) fn new(texts: Vec<Arc<str>>) -> Self {
        let views = texts.iter().map(|text| bw_str::view(text)).collect();
        Self { texts, views }
    }
}

impl bw_list {
    pub(crate) const EMPTY: Self = Self {
        items: std::ptr::null(),
        n: 0,
        r#impl: std::ptr::null_mut(),
    };

    pub(crate) fn new(texts: Vec<Arc<str>>) -> Self {
        let strings = Strings::new(texts);
        let (items, n) = (strings.views.as_ptr(), strings.texts.len());
        Self {
            items,
            n,
            r#impl: into_raw(strings).cast(),
        }
    }

    pub(crate) fn free(&mut self) {
        let owner: *mut Strings = std::mem::replace(self, Self::EMPTY).r#impl.cast();
        if !owner.is_null() {
            // SAFETY: it came from `new`, and the caller's variable does not have it any more.
            drop(unsafe { Box::from_raw(owner) });
        }
    }
}
