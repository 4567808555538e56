//! Options: an object that is filled by number or by JSON.

use std::ffi::c_char;
use std::sync::OnceLock;

use bellwire_core::config::{Config, OptionInfo, OptionKind};
use bellwire_core::error::{Error, ErrorKind};

use crate::error::bw_status;
use crate::panic::{entry, entry_or};
use crate::pointer::{self, Out};
use crate::types::{bw_buf, bw_str};
use crate::version::{ABI, NUMBER};

/// Names an option; see bw_option_values.
pub type bw_option = u32;

/// The options. Each comment has the meaning, the setter that takes the option, the values, the
/// default, and the name in JSON: Socket.IO's name, or for options of Bellwire alone a member of
/// the object "engine".
// The comments of the options are made from the table in core/src/config/options.rs.
#[expect(missing_docs, reason = "the header has them")]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_option_values {
    BW_OPT_PATH = 1,
    BW_OPT_ADD_TRAILING_SLASH = 2,
    BW_OPT_CONNECT_TIMEOUT = 5,
    BW_OPT_PING_INTERVAL = 6,
    BW_OPT_PING_TIMEOUT = 7,
    BW_OPT_UPGRADE_TIMEOUT = 8,
    BW_OPT_MAX_HTTP_BUFFER_SIZE = 9,
    BW_OPT_TRANSPORTS = 10,
    BW_OPT_ALLOW_UPGRADES = 11,
    BW_OPT_INITIAL_PACKET = 15,
    BW_OPT_COOKIE = 25,
    BW_OPT_CORS = 26,
    BW_OPT_WORKER_THREADS = 80,
    BW_OPT_DELIVERY = 81,
    BW_OPT_POLL_QUEUE_EVENTS = 82,
    BW_OPT_POLL_QUEUE_BYTES = 83,
    BW_OPT_POLL_BUDGET_US = 84,
    BW_OPT_MAX_CONNECTIONS = 85,
    BW_OPT_MAX_HEADER_BYTES = 86,
    BW_OPT_MAX_ATTACHMENTS = 87,
    BW_OPT_MAX_JSON_DEPTH = 88,
    BW_OPT_SEND_BUFFER_HIGH = 89,
    BW_OPT_SEND_BUFFER_LOW = 90,
    BW_OPT_SEND_BUFFER_POLICY = 91,
    BW_OPT_BACKLOG = 92,
    BW_OPT_TCP_NODELAY = 93,
    BW_OPT_REUSE_PORT = 94,
    BW_OPT_TRUST_PROXY = 95,
    BW_OPT_DEFERRED_TIMEOUT = 96,
    BW_OPT_METRICS_PATH = 97,
    BW_OPT_CALLBACK_THREADS = 98,
    BW_OPT_PROTOCOL = 99,
    BW_OPT_MAX_PACKETS_PER_PAYLOAD = 100,
    BW_OPT_MAX_FRAGMENTS = 101,
    BW_OPT_MAX_NAMESPACES = 102,
    BW_OPT_MAX_PENDING_ACKS = 103,
    BW_OPT_MESSAGE_TIMEOUT = 104,
    BW_OPT_HEADER_TIMEOUT = 105,
    BW_OPT_BODY_TIMEOUT = 106,
    BW_OPT_CLOSE_TIMEOUT = 107,
    BW_OPT_MAX_HEADERS = 108,
    BW_OPT_MAX_ROOMS = 109,
    BW_OPT_SEND_BUFFER_MAX = 110,
    BW_OPT_SEND_BUFFER_GRACE = 111,
    BW_OPT_SEND_TIMEOUT = 112,
    BW_OPT_MAX_AUTH_BYTES = 113,
    BW_OPT_ERROR_CLOSE_TIMEOUT = 114,
    BW_OPT_WRITE_TIMEOUT = 117,
    BW_OPT_CHECK_ORIGIN = 118,
}

/// Transports, as bits.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_transport_values {
    /// HTTP long-polling.
    BW_TR_POLLING = 1,
    /// WebSocket.
    BW_TR_WEBSOCKET = 2,
}

/// Where callbacks run.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_delivery_values {
    /// On threads of the library; they may block.
    BW_DELIVER_THREADS = 0,
    /// On the thread that calls bw_server_poll.
    BW_DELIVER_POLLED = 1,
    /// On the threads that do the network; they must not block. The lowest cost.
    BW_DELIVER_INLINE = 2,
}

/// What happens to a message for a client whose send buffer is full.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_full_values {
    /// The call fails with BW_E_FULL.
    BW_FULL_ERROR = 0,
    /// The message is dropped.
    BW_FULL_DROP = 1,
    /// The client is disconnected.
    BW_FULL_DISCONNECT = 2,
}

/// The types of options.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_type_values {
    /// bw_config_set_int, 0 or 1.
    BW_TYPE_BOOL = 1,
    /// bw_config_set_int: a number, bits or an enum.
    BW_TYPE_INT = 2,
    /// bw_config_set_str
    BW_TYPE_STR = 3,
    /// bw_config_set_str with JSON text.
    BW_TYPE_JSON = 4,
}

/// The options of a server. Belongs to the caller; may be used by one thread at a time.
#[derive(Debug, Default)]
pub struct bw_config(Config);

impl bw_config {
    pub(crate) const fn config(&self) -> &Config {
        &self.0
    }
}

/// [any] Called by bw_config_new: creates a configuration with the default values. Free the
/// configuration with bw_config_free. Returns NULL, with the status BW_E_ABI in bw_last_error_code,
/// if the header and the library do not match.
#[unsafe(no_mangle)]
pub extern "C" fn bw_config_new_checked(abi: u32, header_version: u32) -> *mut bw_config {
    entry_or(std::ptr::null_mut(), || {
        if abi != ABI {
            let text = format!("the header is for ABI {abi}, the library has ABI {ABI}");
            return Err(Error::new(ErrorKind::Abi, text));
        }
        if header_version > NUMBER {
            let part = |number: u32, shift: u32| number >> shift & 0xff;
            let show = |number| {
                format!(
                    "{}.{}.{}",
                    part(number, 16),
                    part(number, 8),
                    part(number, 0)
                )
            };
            let text = format!(
                "the header is of version {}, the library is older: {}",
                show(header_version),
                show(NUMBER)
            );
            return Err(Error::new(ErrorKind::Abi, text));
        }
        Ok(pointer::into_raw(bw_config::default()))
    })
}

/// [one] Frees a configuration and sets *config to NULL. Does nothing for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn bw_config_free(config: *mut *mut bw_config) {
    entry(|| {
        drop(pointer::take_box(config));
        Ok(())
    });
}

/// [one] Sets an option of the type bool (0 or 1), int, bits or enum. BW_E_UNSUPPORTED: this
/// version does not have the option or the value.
/// Returns BW_OK, BW_E_ARG, BW_E_OPTION, BW_E_UNSUPPORTED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_config_set_int(
    config: *mut bw_config,
    option: bw_option,
    value: i64,
) -> bw_status {
    entry(|| {
        pointer::borrow_mut(config, "config")?
            .0
            .set_int(option, value)
    })
}

/// [one] Sets an option of the type str or json, or an enum by its name. BW_E_UNSUPPORTED: this
/// version does not have the option or the value.
/// Returns BW_OK, BW_E_ARG, BW_E_OPTION, BW_E_UTF8, BW_E_JSON, BW_E_TOO_BIG, BW_E_UNSUPPORTED or a
/// common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_config_set_str(
    config: *mut bw_config,
    option: bw_option,
    value: bw_str,
) -> bw_status {
    entry(|| {
        let config = pointer::borrow_mut(config, "config")?;
        config.0.set_str(option, value.text("value")?)
    })
}

/// [one] Sets all options of a JSON object that has Socket.IO's options, and Bellwire's own options
/// in the member "engine":
/// {"pingInterval":10000,"cors":{"origin":"*"},"engine":{"workerThreads":2}}. Other options keep
/// their values. On an error no option has changed. BW_E_UNSUPPORTED: this version does not have
/// the option or the value.
/// Returns BW_OK, BW_E_ARG, BW_E_OPTION, BW_E_UTF8, BW_E_JSON, BW_E_TOO_BIG, BW_E_UNSUPPORTED or a
/// common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_config_set_json(config: *mut bw_config, json: bw_str) -> bw_status {
    entry(|| {
        let config = pointer::borrow_mut(config, "config")?;
        config.0.set_json(json.text("json")?)
    })
}

/// [one] Sets *out to a JSON object with the values of all options, in the form that
/// bw_config_set_json takes. Free *out with bw_buf_free.
/// Returns BW_OK, BW_E_ARG or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_config_get_json(config: *const bw_config, out: *mut bw_buf) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", bw_buf::EMPTY)?;
        out.set(bw_buf::new(pointer::borrow(config, "config")?.0.to_json()));
        Ok(())
    })
}

/// The description of an option. Its texts are static.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_option_info {
    /// The number for the setters.
    pub option: bw_option,
    /// BW_TYPE_*
    pub r#type: i32,
    /// The name in JSON: "pingInterval", "engine.workerThreads".
    pub name: *const c_char,
    /// The default: "25000".
    pub default_text: *const c_char,
}

/// The texts of all options, each terminated by a NUL.
fn texts() -> &'static [(String, String)] {
    static TEXTS: OnceLock<Vec<(String, String)>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let text = |info: &OptionInfo| {
            (
                format!("{}\0", info.name),
                format!("{}\0", info.default_text),
            )
        };
        OptionInfo::all().iter().map(text).collect()
    })
}

/// [any] For tools: sets *out to the description of the option with this index. Indices begin at 0;
/// BW_E_NOT_FOUND: index is past the last option. info_size is sizeof(bw_option_info).
/// Returns BW_OK, BW_E_ARG, BW_E_ABI, BW_E_NOT_FOUND or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_option_info_get(
    index: u32,
    out: *mut bw_option_info,
    info_size: usize,
) -> bw_status {
    entry(|| {
        let nothing = bw_option_info {
            option: 0,
            r#type: 0,
            name: c"".as_ptr(),
            default_text: c"".as_ptr(),
        };
        pointer::write_sized(out, info_size, &nothing, "out")?;
        let found = OptionInfo::at(index as usize).zip(texts().get(index as usize));
        let (info, (name, default_text)) = found.ok_or_else(|| {
            let text = format!("there are {} options", OptionInfo::all().len());
            Error::new(ErrorKind::NotFound, text)
        })?;
        let kind = match info.kind {
            OptionKind::Bool => bw_type_values::BW_TYPE_BOOL,
            OptionKind::Int => bw_type_values::BW_TYPE_INT,
            OptionKind::Str => bw_type_values::BW_TYPE_STR,
            OptionKind::Json => bw_type_values::BW_TYPE_JSON,
        };
        let info = bw_option_info {
            option: info.number,
            r#type: kind as i32,
            name: name.as_ptr().cast(),
            default_text: default_text.as_ptr().cast(),
        };
        pointer::write_sized(out, info_size, &info, "out")
    })
}
