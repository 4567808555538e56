//! The handshake of a client as JSON.

use bellwire_core::error::Error;
use bellwire_core::json;
use bellwire_core::socketio::Request;
use napi::sys::napi_value;

use crate::call::{Call, Native};

/// `handshake(socket)`: the handshake and its request as JSON; undefined if the core has dropped the socket.
pub(crate) struct Handshake;

impl Native for Handshake {
    const NAME: &'static str = "handshake";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let Some(socket) = call.engine.host.socket(call.number(0)?) else {
            return Ok(call.undefined());
        };
        let handshake = socket.handshake();
        let request = handshake.request();
        let mut out = b"{\"auth\":".to_vec();
        out.extend_from_slice(handshake.auth());
        out.extend_from_slice(b",\"query\":");
        out.extend_from_slice(request.query_json().as_bytes());
        out.extend_from_slice(b",\"session\":");
        json::write_string(&mut out, socket.link().session().as_str());
        out.extend_from_slice(b",\"time\":");
        json::write_string(&mut out, &handshake.time());
        out.extend_from_slice(
            format!(
                ",\"issued\":{},\"secure\":{},\"xdomain\":{},\"request\":",
                handshake.issued_ms(),
                request.secure(),
                request.xdomain()
            )
            .as_bytes(),
        );
        write_request(&mut out, request);
        out.push(b'}');
        Ok(call.new_text(&out))
    }
}

/// Appends a request as a JSON object.
pub(crate) fn write_request(out: &mut Vec<u8>, request: &Request) {
    out.extend_from_slice(b"{\"method\":");
    json::write_string(out, request.method());
    out.extend_from_slice(b",\"url\":");
    json::write_string(out, request.url());
    out.extend_from_slice(b",\"headers\":");
    out.extend_from_slice(request.headers_json().as_bytes());
    out.extend_from_slice(b",\"address\":");
    json::write_string(out, &request.address().to_string());
    out.extend_from_slice(format!(",\"port\":{}}}", request.port()).as_bytes());
}
