//! Namespaces: their handles, and the state of this crate that belongs to each.

use std::sync::{Arc, PoisonError};

use bellwire_core::config::Protocol;
use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::socketio::Namespace;

use crate::error::{Result, bw_status};
use crate::handle::{self, Object, registry};
use crate::listeners::ListenerSet;
use crate::panic::entry;
use crate::pointer::Out;
use crate::shared::Shared;
use crate::types::{bw_nsp, bw_server, bw_str};

/// The state of this crate that belongs to a namespace.
#[derive(Debug)]
pub(crate) struct NspHost {
    pub(crate) id: u64,
    pub(crate) shared: Arc<Shared>,
    pub(crate) listeners: ListenerSet,
}

impl NspHost {
    /// The state of a namespace, which is created at the first call.
    #[inline]
    pub(crate) fn of<'a>(namespace: &'a Arc<Namespace>, shared: &Arc<Shared>) -> Result<&'a Self> {
        if let Some(host) = namespace.host().get::<Self>() {
            return Ok(host);
        }
        let registry = registry()?;
        let host = namespace.host().get_or_init(|| {
            // 0 if no handle is left: then the host cannot refer to the namespace.
            let id = registry
                .insert(Object::Nsp(Arc::clone(namespace)))
                .unwrap_or(0);
            let mut all = shared
                .namespaces
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            all.push(id);
            Self {
                id,
                shared: Arc::clone(shared),
                listeners: ListenerSet::default(),
            }
        });
        host.ok_or_else(|| Error::from(ErrorKind::Internal))
    }

    /// The state of a namespace that was found by its handle.
    pub(crate) fn of_known(namespace: &Namespace) -> Result<&Self> {
        namespace
            .host()
            .get::<Self>()
            .ok_or_else(|| Error::from(ErrorKind::Gone))
    }
}

/// [any] Sets *out to the namespace of that name, for example "/" or "/chat", and creates it if it
/// does not exist. BW_E_NAME: the name has a comma, a question mark or a control character.
/// BW_E_STATE: the server is an Engine.IO server, which has only "/".
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_UTF8, BW_E_NAME, BW_E_TOO_BIG, BW_E_GONE,
/// BW_E_FORKED, BW_E_FULL or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_nsp_get(server: bw_server, name: bw_str, out: *mut bw_nsp) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", 0)?;
        let server = handle::server(server)?;
        let name = name.text("name")?;
        if server.shared.protocol == Protocol::EngineIo && name != "/" {
            let text = "an Engine.IO server has one namespace: \"/\"";
            return Err(Error::new(ErrorKind::State, text));
        }
        let namespace = server.core.of(name)?;
        out.set(handle::given(NspHost::of(&namespace, &server.shared)?.id)?);
        Ok(())
    })
}
