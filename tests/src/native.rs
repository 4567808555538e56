//! Compiles, links and runs programs, for tests of the C interface.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The folder of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are a folder of the project")
}

/// `build/lib`, where `make lib` puts the library.
pub fn library_folder() -> PathBuf {
    let folder = root().join("build/lib");
    for name in ["libbellwire.so", "libbellwire.a"] {
        assert!(folder.join(name).is_file(), "no {name}: run `make lib`");
    }
    folder
}

/// Creates an empty folder with this name under `build/tests`.
pub fn scratch(name: &str) -> PathBuf {
    let folder = root().join("build/tests").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

/// Runs a command and returns its output. Panics with the output if it fails.
pub fn run(command: &mut Command) -> String {
    let output = finish(command);
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8(output.stdout).expect("the output is text")
}

/// Runs a command until it ends.
pub fn finish(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; run `make setup`"))
}
