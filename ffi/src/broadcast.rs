//! The target of a call: `bw_target`, and the sockets that it means.

use std::ptr::null;
use std::sync::Arc;

use bellwire_core::config::Protocol;
use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::socketio::target::{Reach, Reliability};
use bellwire_core::socketio::{Namespace, Socket, Target};

use crate::error::Result;
use crate::handle;
use crate::namespace::NspHost;
use crate::pointer::{self, Zeroed};
use crate::registry::Kind;
use crate::shared::Shared;
use crate::socket::SocketHost;
use crate::types::{bw_scope, bw_socket, bw_str};

/// The sockets that a call is about. Initialise it with BW_TARGET_INIT or one of bw_to, bw_to_rooms
/// and bw_broadcast_from. Fields that are 0 or NULL have no effect.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_target {
    /// sizeof(bw_target)
    pub struct_size: u32,
    /// BW_TO_* bits.
    pub flags: u32,
    /// A namespace, or one socket; 0 means the namespace of sender.
    pub scope: bw_scope,
    /// This socket is excluded, as by socket.broadcast.
    pub sender: bw_socket,
    /// Selects the sockets that are in at least one of these rooms, each once; without rooms, all
    /// sockets of the namespace. The public id of a socket is a room that has only that socket.
    pub rooms: *const bw_str,
    /// The number of rooms.
    pub n_rooms: usize,
    /// Sockets in any of these rooms are excluded.
    pub except: *const bw_str,
    /// The number of rooms in except.
    pub n_except: usize,
    /// bw_emit_ack: the timeout in milliseconds. 0 means no timeout for one socket, and is an error
    /// for a broadcast.
    pub timeout_ms: u32,
    /// 0
    pub reserved0: u32,
}

/// The bits of bw_target.flags.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_target_flags {
    /// Only sockets of this server. Has no effect in this version, which has one server.
    BW_TO_LOCAL = 1,
    /// Drops the message for clients whose connection is not ready to send.
    BW_TO_VOLATILE = 2,
    /// The message should be compressed. Has no effect in this version.
    BW_TO_COMPRESS = 4,
    /// The message should not be compressed.
    BW_TO_NO_COMPRESS = 8,
}

// SAFETY: numbers and pointers, for which any bytes will do.
unsafe impl Zeroed for bw_target {
    const ZERO: Self = Self {
        struct_size: 0,
        flags: 0,
        scope: 0,
        sender: 0,
        rooms: null(),
        n_rooms: 0,
        except: null(),
        n_except: 0,
        timeout_ms: 0,
        reserved0: 0,
    };
}

/// The largest number of rooms in one call.
const MOST_ROOMS: usize = 1 << 20;
/// This many rooms are converted without an allocation.
const FEW: usize = 8;

/// The sockets of a `bw_target`.
pub(crate) enum ResolvedTarget<'a> {
    One(&'a Arc<Socket>, &'a Arc<Shared>),
    Many(&'a Arc<Namespace>, &'a Arc<Shared>, Target<'a>),
}

/// The other fields of a `bw_target`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendOptions {
    pub(crate) reliability: Reliability,
    pub(crate) reach: Reach,
    pub(crate) timeout_ms: u32,
}

impl ResolvedTarget<'_> {
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        match self {
            Self::One(_, shared) | Self::Many(_, shared, _) => shared,
        }
    }

    /// # Errors
    /// `State` if the server has the other protocol.
    pub(crate) fn check_protocol(&self, protocol: Protocol) -> Result<()> {
        check_protocol(self.shared(), protocol)
    }
}

pub(crate) fn check_protocol(shared: &Shared, protocol: Protocol) -> Result<()> {
    if shared.protocol == protocol {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::State,
        match protocol {
            Protocol::SocketIo => {
                "an Engine.IO server has no events: use bw_send_text and bw_send_binary"
            }
            Protocol::EngineIo => "a Socket.IO server sends events: use bw_emit",
        },
    ))
}

/// Resolves a target and calls `then` with it.
pub(crate) fn with_target<R>(
    to: *const bw_target,
    then: impl FnOnce(ResolvedTarget<'_>, SendOptions) -> Result<R>,
) -> Result<R> {
    let to = pointer::sized(to, "to")?;
    let options = options(&to)?;
    match Kind::of(to.scope) {
        Some(Kind::Socket) => {
            check_single(&to)?;
            handle::with_socket(to.scope, |socket| {
                let host = SocketHost::of_known(socket)?;
                then(ResolvedTarget::One(socket, &host.shared), options)
            })
        }
        Some(Kind::Nsp) => with_many(&handle::namespace(to.scope)?, &to, options, then),
        None if to.scope == 0 && to.sender != 0 => {
            let sender = handle::socket(to.sender)?;
            with_many(sender.namespace(), &to, options, then)
        }
        None if to.scope == 0 => Err(Error::new(
            ErrorKind::Argument,
            "to has neither a scope nor a sender",
        )),
        Some(_) | None => Err(Error::new(
            ErrorKind::Handle,
            format!(
                "to->scope is neither a bw_nsp nor a bw_socket: {:#x}",
                to.scope
            ),
        )),
    }
}

fn with_many<R>(
    namespace: &Arc<Namespace>,
    to: &bw_target,
    options: SendOptions,
    then: impl FnOnce(ResolvedTarget<'_>, SendOptions) -> Result<R>,
) -> Result<R> {
    let shared = &NspHost::of_known(namespace)?.shared;
    let skip = match to.sender {
        0 => None,
        sender => {
            let sender = handle::socket(sender)?;
            if !Arc::ptr_eq(sender.namespace(), namespace) {
                let text = "to->sender is not in the namespace of to->scope";
                return Err(Error::new(ErrorKind::Argument, text));
            }
            Some(*sender.id())
        }
    };
    with_texts(to.rooms, to.n_rooms, "to->rooms", |rooms| {
        with_texts(to.except, to.n_except, "to->except", |except| {
            let target = Target {
                rooms,
                except,
                skip,
                reliability: options.reliability,
                reach: options.reach,
            };
            then(ResolvedTarget::Many(namespace, shared, target), options)
        })
    })
}

fn options(to: &bw_target) -> Result<SendOptions> {
    let unknown = to.flags & !15;
    if unknown != 0 {
        let text = format!("to->flags has unknown bits: {unknown:#x}");
        return Err(Error::new(ErrorKind::Argument, text));
    }
    if to.reserved0 != 0 {
        let text = "to->reserved0 is not 0";
        return Err(Error::new(ErrorKind::Argument, text));
    }
    let has = |flag: bw_target_flags| to.flags & flag as u32 != 0;
    Ok(SendOptions {
        reliability: if has(bw_target_flags::BW_TO_VOLATILE) {
            Reliability::Volatile
        } else {
            Reliability::Reliable
        },
        reach: if has(bw_target_flags::BW_TO_LOCAL) {
            Reach::Server
        } else {
            Reach::Cluster
        },
        timeout_ms: to.timeout_ms,
    })
}

fn check_single(to: &bw_target) -> Result<()> {
    let extra = match to {
        bw_target { n_rooms: 1.., .. } => "rooms",
        bw_target { n_except: 1.., .. } => "except",
        bw_target { sender: 1.., .. } => "sender",
        _ => return Ok(()),
    };
    let text = format!("to->scope is one socket: to->{extra} has no meaning");
    Err(Error::new(ErrorKind::Argument, text))
}

/// Calls `then` with the texts of an array. Up to [`FEW`] texts need no allocation.
pub(crate) fn with_texts<R>(
    data: *const bw_str,
    n: usize,
    name: &str,
    then: impl FnOnce(&[&str]) -> Result<R>,
) -> Result<R> {
    let views = pointer::array(data, n, MOST_ROOMS, name)?;
    let item = |view: &bw_str| view.text(name);
    if n <= FEW {
        let mut few = [""; FEW];
        for (text, view) in few.iter_mut().zip(views) {
            *text = item(view)?;
        }
        return then(&few[..n]);
    }
    let many = views.iter().map(item).collect::<Result<Vec<&str>>>()?;
    then(&many)
}
