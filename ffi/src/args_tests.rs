use proptest::prelude::*;

use super::*;

/// A step of a writer.
#[derive(Debug, Clone)]
enum Step {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Str(String),
    Bin(Vec<u8>),
    Object,
    Array,
    Key(String),
    End,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::Null),
        any::<bool>().prop_map(Step::Bool),
        any::<i64>().prop_map(Step::Int),
        any::<f64>().prop_map(Step::Double),
        ".{0,8}".prop_map(Step::Str),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Step::Bin),
        Just(Step::Object),
        Just(Step::Array),
        ".{0,4}".prop_map(Step::Key),
        Just(Step::End),
    ];
    prop::collection::vec(step, 0..40)
}

fn blob(bytes: &[u8]) -> bw_blob {
    bw_blob {
        data: bytes.as_ptr().cast(),
        len: bytes.len(),
        free_fn: None,
        free_user: std::ptr::null_mut(),
    }
}

fn take(args: &mut bw_args, step: &Step) {
    match step {
        Step::Null => bw_args_null(args),
        Step::Bool(value) => bw_args_bool(args, i32::from(*value)),
        Step::Int(value) => bw_args_int(args, *value),
        Step::Double(value) => bw_args_double(args, *value),
        Step::Str(text) => bw_args_str(args, bw_str::view(text)),
        Step::Bin(bytes) => bw_args_bin(args, blob(bytes)),
        Step::Object => bw_args_begin_object(args),
        Step::Array => bw_args_begin_array(args),
        Step::Key(key) => bw_args_key(args, bw_str::view(key)),
        Step::End => bw_args_end(args),
    }
}

fn text(args: &mut bw_args) -> Result<String> {
    let payload = args.payload(bw_str::view("e"))?;
    Ok(payload.args.text("args")?.to_owned())
}

proptest! {
    /// Whatever is called in whatever order: what comes out is JSON with its binaries, or a mistake
    /// that stays the same until the writer is cleared.
    #[test]
    fn what_is_written_is_json_or_a_mistake(steps in steps()) {
        let mut args = bw_args::new();
        for step in &steps {
            take(&mut args, step);
        }
        match text(&mut args) {
            Ok(text) => {
                let bins = args.bins.clone();
                prop_assert!(
                    bellwire_core::socketio::message::Payload::args(text.as_bytes(), &bins, DEPTH).is_ok()
                );
                prop_assert_eq!(args.payload(bw_str::EMPTY).unwrap().n_bins, bins.len());
            }
            Err(error) if args.failure.is_some() => {
                bw_args_null(&mut args);
                bw_args_end(&mut args);
                prop_assert_eq!(text(&mut args).unwrap_err().to_string(), error.to_string());
            }
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::State),
        }
        bw_args_clear(&mut args);
        prop_assert_eq!(text(&mut args).unwrap(), "[]");
    }
}

#[test]
fn a_writer_can_be_read_and_go_on() {
    let mut args = bw_args::new();
    bw_args_int(&mut args, 1);
    assert_eq!(text(&mut args).unwrap(), "[1]");
    assert_eq!(text(&mut args).unwrap(), "[1]");
    bw_args_begin_object(&mut args);
    bw_args_key(&mut args, bw_str::view("a\"b"));
    bw_args_json(&mut args, bw_str::view("[true, null]"));
    bw_args_key(&mut args, bw_str::view("c"));
    bw_args_bin(&mut args, blob(b"xyz"));
    bw_args_end(&mut args);
    let expected = r#"[1,{"a\"b":[true, null],"c":{"_placeholder":true,"num":0}}]"#;
    assert_eq!(text(&mut args).unwrap(), expected);
}

#[test]
fn the_first_mistake_is_told() {
    let mut args = bw_args::new();
    bw_args_key(&mut args, bw_str::view("no object"));
    bw_args_double(&mut args, f64::NAN);
    let error = text(&mut args).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State);
    assert!(error.message().contains("bw_args_key"), "{error}");
    bw_args_clear(&mut args);
    bw_args_double(&mut args, f64::INFINITY);
    assert_eq!(text(&mut args).unwrap_err().kind(), ErrorKind::Argument);
}

#[test]
fn depth_has_an_end() {
    let mut args = bw_args::new();
    for _ in 0..DEPTH + 1 {
        bw_args_begin_array(&mut args);
    }
    assert_eq!(text(&mut args).unwrap_err().kind(), ErrorKind::TooBig);
}
