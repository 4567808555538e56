//! Writing strings and numbers as JSON.

use std::io::Write;

use crate::json::error::NotFinite;
use crate::json::scan;

/// Appends `text` as a string literal with its quotes. Only what JSON requires is escaped: quotes,
/// backslashes and control characters.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut at = 0;
    loop {
        let special = scan::plain_run(bytes, at);
        out.extend_from_slice(&bytes[at..special]);
        let Some(&byte) = bytes.get(special) else {
            break;
        };
        write_escape(out, byte);
        at = special + 1;
    }
    out.push(b'"');
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\t' => b't',
        b'\r' => b'r',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 0xf)];
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Integers below 2^53 are written exactly.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Appends the shortest text that reads back as the same number, in the notation of `JSON.stringify`: `1`, `0.1`,
/// `1e+21`. Unlike `JSON.stringify`, negative zero is `-0`.
///
/// # Errors
/// For NaN and the infinities, which JSON cannot express; nothing is appended.
pub fn write_f64(out: &mut Vec<u8>, number: f64) -> Result<(), NotFinite> {
    if !number.is_finite() {
        return Err(NotFinite);
    }
    let size = number.abs();
    let whole = number as i64;
    let written = if size < MAX_EXACT
        && whole as f64 == number
        && (whole != 0 || number.is_sign_positive())
    {
        // Most numbers are small integers, which are faster to write as integers.
        write!(out, "{whole}")
    } else if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let start = out.len();
        let written = write!(out, "{number:e}");
        let exponent = memchr::memchr(b'e', &out[start..]).map(|index| start + index + 1);
        if let Some(exponent) = exponent
            && out[exponent] != b'-'
        {
            out.insert(exponent, b'+');
        }
        written
    } else {
        write!(out, "{number}")
    };
    written.expect("a vector takes everything that is written to it");
    Ok(())
}
