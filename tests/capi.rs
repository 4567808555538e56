//! The C and C++ programs in `capi/`. Each runs plain, under the address and
//! undefined behaviour sanitizers, and under valgrind.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Condvar, Mutex};

use conformance::native;

const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"];
const VALGRIND: [&str; 4] = [
    "--quiet",
    "--error-exitcode=9",
    "--fair-sched=yes",
    "--num-callers=40",
];
const LEAKS: [&str; 3] = [
    "--leak-check=full",
    "--show-leak-kinds=definite,possible",
    "--errors-for-leak-kinds=definite,possible",
];

/// How a program is built and run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Plain,
    Sanitized,
    Valgrind,
}

/// At most one program per core runs at a time, because they measure time.
static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

struct Turn;

impl Turn {
    fn wait() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let running = RUNNING.lock().expect("no test panics with it");
        let mut running = ENDED
            .wait_while(running, |running| *running >= cores)
            .expect("no test panics with it");
        *running += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock().expect("no test panics with it") -= 1;
        ENDED.notify_one();
    }
}

/// Compiles `capi/<name>` with the support files. Returns the program's path.
fn build(name: &str, mode: Mode) -> PathBuf {
    let folder = native::scratch(&format!("capi/{mode:?}/{name}"));
    let sources = native::root().join("tests/capi");
    let support = sources.join("support");
    let own = ["c", "cpp"]
        .map(|extension| sources.join(format!("{name}.{extension}")))
        .into_iter()
        .find(|path| path.is_file())
        .expect("a source");
    let cpp = own.extension().is_some_and(|extension| extension == "cpp");
    let loads_itself = name == "unload";
    let mut objects = Vec::new();
    let mut compile = |source: PathBuf| {
        let object = folder
            .join(source.file_stem().expect("a name"))
            .with_extension("o");
        let is_cpp = source
            .extension()
            .is_some_and(|extension| extension == "cpp");
        let mut compiler = Command::new(if is_cpp { "c++" } else { "cc" });
        compiler
            .arg(if is_cpp { "-std=c++17" } else { "-std=c11" })
            .args(["-D_GNU_SOURCE", "-O1", "-pthread", "-c"])
            .args(WARNINGS)
            .args(sanitizers(mode))
            .arg("-I")
            .arg(native::root().join("include"))
            .arg("-I")
            .arg(&support)
            .arg(source)
            .arg("-o")
            .arg(&object);
        native::run(&mut compiler);
        objects.push(object);
    };
    compile(own);
    if !loads_itself {
        for file in ["test.c", "client.c", "host.c"] {
            compile(support.join(file));
        }
    }
    let program = folder.join("program");
    let mut linker = Command::new(if cpp { "c++" } else { "cc" });
    linker
        .args(sanitizers(mode))
        .args(objects)
        .arg("-o")
        .arg(&program);
    if !loads_itself {
        let library = native::library_folder();
        linker
            .arg(format!("-L{}", library.display()))
            .arg(format!("-Wl,-rpath,{}", library.display()))
            .arg("-lbellwire");
    }
    native::run(linker.args(["-lpthread", "-lm", "-ldl"]));
    program
}

fn sanitizers(mode: Mode) -> &'static [&'static str] {
    match mode {
        Mode::Sanitized => &[
            "-fsanitize=address,undefined",
            "-fno-sanitize-recover=all",
            "-fno-omit-frame-pointer",
        ],
        Mode::Plain | Mode::Valgrind => &[],
    }
}

/// The sanitizer keeps freed memory in quarantine, so it must be small for a test that measures memory.
fn asan_options(name: &str) -> &'static str {
    match name {
        "isolation" => "detect_stack_use_after_return=1:quarantine_size_mb=4",
        _ => "detect_stack_use_after_return=1",
    }
}

fn test(name: &str, mode: Mode) {
    let _turn = Turn::wait();
    let program = build(name, mode);
    let mut command = match mode {
        Mode::Plain | Mode::Sanitized => Command::new(&program),
        Mode::Valgrind => {
            let mut valgrind = Command::new("valgrind");
            valgrind.args(VALGRIND);
            // A forked child does not have its parent's threads, so their memory looks leaked.
            if name != "process" {
                valgrind.args(LEAKS);
            }
            valgrind.arg(&program);
            valgrind.env("CAPI_SLOWNESS", "20");
            valgrind
        }
    };
    command
        .env(
            "BELLWIRE_LIBRARY",
            native::library_folder().join("libbellwire.so"),
        )
        .env("ASAN_OPTIONS", asan_options(name))
        .env("UBSAN_OPTIONS", "print_stacktrace=1");
    let report = native::run(&mut command);
    assert!(report.contains(" tests passed"), "{report}");
}

macro_rules! programs {
    ($($name:ident),+ $(,)?) => {
        /// The programs; a test compares them with the folder.
        const PROGRAMS: &[&str] = &[$(stringify!($name)),+];
        $(mod $name {
            use super::Mode;

            #[test]
            fn plain() {
                super::test(stringify!($name), Mode::Plain);
            }

            #[test]
            fn sanitized() {
                super::test(stringify!($name), Mode::Sanitized);
            }

            #[test]
            fn under_valgrind() {
                super::test(stringify!($name), Mode::Valgrind);
            }
        })+
    };
}

programs!(
    acks, callbacks, config, cursor, deferred, emit, engineio, error, events, exception, handle,
    inline, isolation, listeners, log, message, payload, pointer, poll, process, server, socket,
    threads, unload, values,
);

#[test]
fn every_program_is_run() {
    let folder = native::root().join("tests/capi");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder can be listed")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some())
        .map(|path| {
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    found.sort();
    found.retain(|name| name != "abi");
    assert_eq!(found, PROGRAMS);
}

#[test]
fn every_function_is_given_null() {
    let folder = native::root();
    let read = |path: &str| std::fs::read_to_string(folder.join(path)).expect("it can be read");
    let (header, program) = (read("include/bellwire.h"), read("tests/capi/pointer.c"));
    let mut functions = 0;
    for declaration in header.split("BW_API").skip(1) {
        let declaration = declaration.split(';').next().unwrap_or_default();
        let Some((name, parameters)) = declaration.split_once('(') else {
            continue;
        };
        let name = name.rsplit([' ', '*', '\n']).next().expect("a name");
        if parameters.contains('*') && name.starts_with("bw_") {
            functions += 1;
            assert!(program.contains(&format!("{name}(")), "{name}");
        }
    }
    assert!(functions > 40, "{functions} functions take pointers");
}
