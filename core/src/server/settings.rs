//! The settings of the protocol layers, taken from the options.

use crate::config::{Config, Protocol, SendBufferPolicy};
use crate::engineio;
use crate::socketio::{self, Limits, Parser, SendPolicy, Settings};

/// How many events of one socket may wait for a packet middleware before the socket is not read any more.
const HELD_MESSAGES: usize = 1024;

/// The settings of Engine.IO sessions.
pub(super) fn of_sessions(config: &Config) -> engineio::Settings {
    engineio::Settings {
        ping_interval: config.ping_interval,
        ping_timeout: config.ping_timeout,
        upgrade_timeout: config.upgrade_timeout,
        close_timeout: config.close_timeout,
    }
}

/// The settings of Socket.IO clients.
pub(super) fn of_clients(config: &Config) -> Settings {
    Settings {
        limits: Limits {
            attachments: config.max_attachments,
            packet_bytes: config.max_http_buffer_size,
            json_depth: config.max_json_depth,
            namespaces: config.max_namespaces,
            pending_acks: config.max_pending_acks,
            auth_bytes: config.max_auth_bytes,
            rooms: config.max_rooms.unwrap_or(0),
            held_messages: HELD_MESSAGES,
        },
        protocol: match config.protocol {
            Protocol::SocketIo => socketio::Protocol::SocketIo(Parser::Json),
            Protocol::EngineIo => socketio::Protocol::EngineIo,
        },
        question_timeout: config.answer_timeout(),
        packet_timeout: config.message_timeout,
        send_buffer: config.send_buffer_high,
        send_buffer_max: config.send_buffer_max.max(config.send_buffer_high),
        send_grace: config.send_buffer_grace,
        send_policy: match config.send_buffer_policy {
            SendBufferPolicy::Error => SendPolicy::Error,
            SendBufferPolicy::Drop => SendPolicy::Drop,
            SendBufferPolicy::Disconnect => SendPolicy::Disconnect,
        },
    }
}
