//! Descriptors that Python passes as numbers, without unsafe code.
//!
//! Rust takes ownership of a number only by an unsafe call. The kernel can do it instead: Python sends the descriptor over
//! a Unix socket, and the receiving end gets a descriptor of its own.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{IntoRawFd, OwnedFd};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBytes, PyList};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};

/// A copy of a descriptor, close-on-exec.
pub(crate) fn copy(py: Python<'_>, fd: i32) -> PyResult<OwnedFd> {
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(error)?;
    let socket = py.import("socket")?;
    // The socket object owns the number from here on.
    let options = [("fileno", theirs.into_raw_fd())].into_py_dict(py)?;
    let sender = socket.call_method("socket", (), Some(&options))?;
    let text = PyList::new(py, [PyBytes::new(py, b"x")])?;
    let sent = socket.call_method1("send_fds", (&sender, text, [fd]));
    sender.call_method0("close")?;
    sent?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(
        &ours,
        &mut [IoSliceMut::new(&mut byte)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )
    .map_err(error)?;
    let mut descriptors = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    descriptors
        .next()
        .and_then(|mut descriptors| descriptors.next())
        .ok_or_else(|| PyOSError::new_err(format!("the descriptor {fd} was not received")))
}

/// Closes a descriptor that no other code uses.
pub(crate) fn close(py: Python<'_>, fd: i32) -> PyResult<()> {
    py.import("os")?.call_method1("close", (fd,)).map(drop)
}

fn error(errno: rustix::io::Errno) -> PyErr {
    std::io::Error::from(errno).into()
}
