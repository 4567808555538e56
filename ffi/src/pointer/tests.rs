use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::broadcast::bw_target;
use crate::payload::bw_payload;
use crate::types::{bw_blob, bw_buf, bw_list};

/// A target with room behind it, as a newer header would have it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Longer {
    known: bw_target,
    newer: [u64; 2],
}

fn longer(struct_size: usize, newer: u64) -> Longer {
    let mut longer = Longer {
        known: bw_target::ZERO,
        newer: [0, newer],
    };
    longer.known.struct_size = struct_size as u32;
    longer.known.scope = 7;
    longer.known.timeout_ms = 9;
    longer
}

fn read(longer: &Longer) -> Result<bw_target> {
    sized(std::ptr::from_ref(longer).cast::<bw_target>(), "to")
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn a_struct_is_read_as_far_as_it_says() {
    let whole = size_of::<bw_target>();
    let copy = read(&longer(whole, 1)).unwrap();
    assert_eq!((copy.scope, copy.timeout_ms), (7, 9));
    // An older header: what it does not know is zero.
    let copy = read(&longer(16, 1)).unwrap();
    assert_eq!((copy.scope, copy.timeout_ms), (7, 0));
    let copy = read(&longer(8, 1)).unwrap();
    assert_eq!((copy.scope, copy.timeout_ms), (0, 0));
    // A newer header: what we do not know must be zero.
    assert_eq!(read(&longer(whole + 16, 0)).unwrap().scope, 7);
    assert_eq!(kind(read(&longer(whole + 16, 1))), Some(ErrorKind::Abi));
    assert_eq!(read(&longer(whole + 8, 1)).unwrap().scope, 7);
    for impossible in [0, 3, 4, 7, 5000, u32::MAX as usize] {
        assert_eq!(kind(read(&longer(impossible, 0))), Some(ErrorKind::Abi));
    }
    assert_eq!(
        kind(sized::<bw_payload>(std::ptr::null(), "x")),
        Some(ErrorKind::Argument)
    );
}

#[test]
fn a_result_is_written_as_far_as_there_is_room() {
    let value = [1_u64, 2, 3];
    let mut memory = [9_u64; 5];
    write_sized(memory.as_mut_ptr().cast(), 8, &value, "out").unwrap();
    assert_eq!(memory, [1, 9, 9, 9, 9]);
    write_sized(memory.as_mut_ptr().cast(), 32, &value, "out").unwrap();
    assert_eq!(memory, [1, 2, 3, 0, 9]);
    let nowhere = write_sized(memory.as_mut_ptr().cast(), 0, &value, "out");
    assert_eq!(kind(nowhere), Some(ErrorKind::Abi));
}

#[test]
fn lengths_are_checked_before_anything_is_read() {
    let nowhere: *const u64 = std::ptr::null();
    assert_eq!(array(nowhere, 0, 10, "x").unwrap(), &[] as &[u64]);
    assert_eq!(kind(array(nowhere, 1, 10, "x")), Some(ErrorKind::Argument));
    assert_eq!(
        kind(array(nowhere, usize::MAX, 10, "x")),
        Some(ErrorKind::TooBig)
    );
    let odd = std::ptr::without_provenance::<u64>(17);
    assert_eq!(kind(array(odd, 1, 10, "x")), Some(ErrorKind::Argument));
    let text = bw_str::view_bytes(b"ab\xff");
    let error = text.text("name").unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Utf8, "name is not UTF-8 at byte 2")
    );
}

extern "C-unwind" fn count(user: *mut c_void) {
    borrow(user.cast::<AtomicUsize>(), "user")
        .unwrap()
        .fetch_add(1, Ordering::Relaxed);
}

#[test]
fn lent_bytes_are_freed_once_whatever_happens() {
    let freed = AtomicUsize::new(0);
    let blob = |data: *const u8, len| bw_blob {
        data: data.cast(),
        len,
        free_fn: Some(count),
        free_user: std::ptr::from_ref(&freed).cast_mut().cast(),
    };
    let bytes = take_blob(&blob(b"abc".as_ptr(), 3), "x").unwrap();
    let copy = bytes.clone();
    drop(bytes);
    assert_eq!((&copy[..], freed.load(Ordering::Relaxed)), (&b"abc"[..], 0));
    drop(copy);
    assert_eq!(freed.load(Ordering::Relaxed), 1);
    drop(take_blob(&blob(std::ptr::null(), 0), "x").unwrap());
    assert_eq!(freed.load(Ordering::Relaxed), 2);
    assert_eq!(
        kind(take_blob(&blob(std::ptr::null(), 1), "x")),
        Some(ErrorKind::Argument)
    );
    assert_eq!(freed.load(Ordering::Relaxed), 3);
}

#[test]
fn what_is_given_back_twice_is_freed_once() {
    let mut buf = bw_buf::new("text");
    // SAFETY: the library puts a NUL there.
    assert_eq!(unsafe { CStr::from_ptr(buf.data) }, c"text");
    buf.free();
    buf.free();
    let mut list = bw_list::new(vec!["a".into(), "b".into()]);
    assert_eq!(
        array(list.items, list.n, 2, "x").unwrap()[1]
            .text("x")
            .unwrap(),
        "b"
    );
    list.free();
    list.free();
    assert!(list.items.is_null() && buf.data.is_null());
}
