//! What is handed to others: headers, symbols, and an installed package that
//! builds a project which knows nothing of this one.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::native;

const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-pedantic", "-Werror"];
const C: [&str; 4] = ["c99", "c11", "c17", "gnu2x"];
const CPP: [&str; 4] = ["c++11", "c++14", "c++17", "c++20"];

/// A program of somebody else; 0 when the library it runs with is the one it
/// was compiled for and does something.
const CONSUMER: &str = r#"
#include <bellwire.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  bw_config *config = bw_config_new();
  bw_server server = 0;
  bw_nsp nsp = 0;
  uint16_t port = 0;
  if (!config || strcmp(bw_version(), BW_VERSION_STRING) != 0) return 1;
  if (bw_server_new(config, &server) != BW_OK) return 2;
  bw_config_free(&config);
  if (bw_nsp_get(server, BW_S("/"), &nsp) != BW_OK) return 3;
  if (bw_server_listen_tcp(server, BW_S("127.0.0.1"), 0, &port) != BW_OK || !port) return 4;
  if (bw_server_free(&server) != BW_OK || server) return 5;
  printf("works\n");
  return 0;
}
"#;

fn include() -> PathBuf {
    native::root().join("include")
}

fn header() -> String {
    fs::read_to_string(include().join("bellwire.h")).expect("the header can be read")
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a file can be written");
}

/// The text without its comments.
fn without_comments(text: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        left.push_str(&rest[..start]);
        let end = rest[start..].find("*/").expect("a comment ends");
        rest = &rest[start + end + 2..];
    }
    left.push_str(rest);
    left.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// What the header declares, without comments and directives.
fn declarations() -> String {
    without_comments(&header())
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .fold(String::new(), |all, line| all + line + "\n")
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

// --------------------------------------------------------------------- headers

#[test]
fn the_header_compiles_alone_twice_and_in_two_units() {
    let folder = native::scratch("package/header");
    write(&folder.join("once.c"), "#include \"bellwire.h\"\n");
    write(
        &folder.join("twice.c"),
        "#include \"bellwire.h\"\n#include \"bellwire.h\"\nint twice(void);\n\
         int twice(void) { bw_target t = bw_to(0); return (int)t.n_rooms; }\n",
    );
    write(
        &folder.join("main.c"),
        "#include \"bellwire.h\"\n\
         #ifdef __cplusplus\nextern \"C++\"\n#endif\n int twice(void);\n\
         int main(void) { bw_str s = BW_S(\"x\"); bw_target t = BW_TARGET_INIT;\n\
         bw_payload p = BW_PAYLOAD_INIT; (void)p;\n\
         return twice() + (int)(s.len - 1) + (int)t.n_rooms + bw_status_name(0)[0] - 'B'; }\n",
    );
    let library = native::library_folder();
    for standard in C.into_iter().chain(CPP) {
        let cpp = standard.starts_with("c++");
        let compiler = || {
            let mut command = Command::new(if cpp { "c++" } else { "cc" });
            command
                .args(["-x", if cpp { "c++" } else { "c" }])
                .arg(format!("-std={standard}"))
                .args(STRICT)
                .arg("-I")
                .arg(include());
            if !cpp {
                command.arg("-Wstrict-prototypes");
            }
            command
        };
        let unit = |name: &str| folder.join(name);
        native::run(compiler().arg("-fsyntax-only").arg(unit("once.c")));
        let program = folder.join(standard);
        native::run(
            compiler()
                .args([unit("twice.c"), unit("main.c")])
                .args(["-x", "none", "-o"])
                .arg(&program)
                .arg(library.join("libbellwire.so"))
                .arg(format!("-Wl,-rpath,{}", library.display())),
        );
        native::run(&mut Command::new(program));
    }
}

#[test]
fn the_cpp_header_needs_neither_exceptions_nor_rtti() {
    let folder = native::scratch("package/hpp");
    write(
        &folder.join("twice.cpp"),
        "#include \"bellwire.hpp\"\n#include \"bellwire.hpp\"\nint twice();\n\
         int twice() { bellwire::args a(1, \"two\"); return 0; }\n",
    );
    write(
        &folder.join("main.cpp"),
        "#include \"bellwire.hpp\"\nint twice();\n\
         int main() { bellwire::server io; auto n = io.of(\"/\"); int calls = 0;\n\
         n.on(\"e\", [&](const bellwire::event &) { calls++; });\n\
         io.listen(\"127.0.0.1\", 0); n.emit(\"hello\", 1, \"two\", nullptr);\n\
         #if defined(__cpp_exceptions)\n try { n.emit(\"cut\", \"\\xc3\"); return 3; }\n\
         catch (const bellwire::error &) {}\n\
         #else\n if (n.emit(\"cut\", \"\\xc3\") || bellwire::message::of(\"x\", \"\\xff\")) return 4;\n #endif\n\
         return twice() + calls; }\n",
    );
    let library = native::library_folder();
    for standard in ["c++17", "c++20"] {
        for without in [&[][..], &["-fno-exceptions", "-fno-rtti"][..]] {
            let program = folder.join("program");
            native::run(
                Command::new("c++")
                    .arg(format!("-std={standard}"))
                    .args(STRICT)
                    .args(without)
                    .arg("-I")
                    .arg(include())
                    .args([folder.join("twice.cpp"), folder.join("main.cpp")])
                    .arg("-o")
                    .arg(&program)
                    .arg(library.join("libbellwire.so"))
                    .arg(format!("-Wl,-rpath,{}", library.display())),
            );
            native::run(&mut Command::new(program));
        }
    }
}

/// Types that the C++ header cannot send: the compiler names the function that is missing.
#[test]
fn what_cpp_cannot_send_is_an_error_that_names_to_args() {
    let folder = native::scratch("package/to_args");
    let compile = |name: &str, body: &str| {
        let source = folder.join(name).with_extension("cpp");
        let types = "#include \"bellwire.hpp\"\n#include <filesystem>\n#include <map>\n\
             namespace theirs {\nstruct opaque { int x; };\n\
             struct tree { std::vector<tree> inside;\n\
             auto begin() const { return inside.begin(); } auto end() const { return inside.end(); } };\n\
             struct odd; struct even { std::vector<odd> inside;\n\
             const odd *begin() const; const odd *end() const; };\n\
             struct odd { std::vector<even> inside;\n\
             const even *begin() const; const even *end() const; };\n\
             struct json : tree {}; inline void to_args(bellwire::args &a, const json &) { a.add(1); }\n}\n";
        write(
            &source,
            &format!("{types}void send(bellwire::nsp n) {{ {body}; }}\n"),
        );
        native::finish(
            Command::new("c++")
                .args(["-std=c++17", "-fsyntax-only", "-I"])
                .args([include(), source]),
        )
    };
    for (name, value) in [
        ("opaque", "theirs::opaque{1}"),
        ("pointer", "&n"),
        ("path", "std::filesystem::path(\"x\")"),
        ("tree", "theirs::tree{}"),
        ("mutual", "theirs::even{}"),
        (
            "inside",
            "std::map<std::string, std::vector<theirs::tree>>{}",
        ),
    ] {
        let output = compile(name, &format!("n.emit(\"x\", {value})"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{name} compiles");
        assert!(
            errors.contains("void to_args(bellwire::args &, const T &)"),
            "{name}: {errors}"
        );
    }
    // With one, it is used, also for a container of its own type.
    let output = compile("json", "n.emit(\"x\", std::vector<theirs::json>{})");
    assert!(output.status.success(), "{output:?}");
}

// --------------------------------------------------------------------- symbols

/// The names that `nm` prints, without the versions.
fn exported(library: &str, how: &[&str]) -> Vec<String> {
    let path = native::library_folder().join(library);
    let text = native::run(Command::new("nm").args(how).arg(path));
    let mut names: Vec<_> = text
        .lines()
        .filter(|line| !line.contains(" A "))
        .filter_map(|line| line.split_whitespace().nth(2))
        .map(|name| name.split('@').next().unwrap_or(name).to_owned())
        .collect();
    names.sort();
    names
}

/// The functions that the header declares.
fn declared() -> Vec<String> {
    let text = declarations();
    let mut names: Vec<_> = text
        .split("BW_API")
        .skip(1)
        .filter_map(|rest| {
            let head = rest.split(['(', ';']).next()?;
            head.rsplit(|letter| !is_name(letter)).next()
        })
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}

#[test]
fn header_list_and_libraries_have_the_same_functions() {
    let list = fs::read_to_string(native::root().join("ffi/symbols.txt")).expect("the list");
    let mut list: Vec<_> = list.lines().map(str::to_owned).collect();
    list.sort();
    assert!(list.len() > 50, "{list:?}");
    assert!(list.iter().all(|name| name.starts_with("bw_")), "{list:?}");
    assert_eq!(declared(), list);
    assert_eq!(exported("libbellwire.so", &["-D", "--defined-only"]), list);
    assert_eq!(exported("libbellwire.a", &["-g", "--defined-only"]), list);
}

#[test]
fn the_shared_library_says_what_it_is() {
    let abi = header()
        .lines()
        .find_map(|line| line.strip_prefix("#define BW_ABI_VERSION "))
        .expect("a version of the interface")
        .trim()
        .to_owned();
    let library = native::library_folder().join("libbellwire.so");
    let dynamic = native::run(Command::new("readelf").arg("-dW").arg(&library));
    assert!(
        dynamic.contains(&format!("soname: [libbellwire.so.{abi}]")),
        "{dynamic}"
    );
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    assert!(dynamic.contains("BIND_NOW"), "{dynamic}");
    for line in dynamic.lines().filter(|line| line.contains("(NEEDED)")) {
        let system = ["[libc.so", "[libm.so", "[libgcc_s.so", "[ld-linux"];
        assert!(system.iter().any(|name| line.contains(name)), "{line}");
    }
    let symbols = native::run(
        Command::new("nm")
            .args(["-D", "--defined-only"])
            .arg(&library),
    );
    for line in symbols.lines().filter(|line| line.contains(" T ")) {
        assert!(line.ends_with(&format!("@@BW_{abi}")), "{line}");
    }
}

// ------------------------------------------------------------ what may not move

/// The contents of each `{…}` that follows `start`, with the name before it.
fn blocks<'a>(text: &'a str, start: &str) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(start) {
        rest = &rest[at + start.len()..];
        let Some(open) = rest.find(['{', ';', '(']) else {
            break;
        };
        if !rest[open..].starts_with('{') {
            continue;
        }
        let close = rest.find('}').expect("a block ends");
        let name = rest[..open].split_whitespace().next().unwrap_or_default();
        found.push((name, &rest[open + 1..close]));
        rest = &rest[close..];
    }
    found
}

/// A C program that prints every constant, size and offset of the header.
fn dump_program() -> String {
    let text = declarations();
    let mut lines = String::new();
    let mut constants = Vec::new();
    for (_, body) in blocks(&text, "enum") {
        for part in body.split(',') {
            let name = part.split('=').next().unwrap_or_default();
            let name = name.split_whitespace().next().unwrap_or_default();
            if !name.is_empty() && !constants.contains(&name) {
                constants.push(name);
            }
        }
    }
    assert!(constants.len() > 150, "{constants:?}");
    for name in constants {
        writeln!(lines, "  printf(\"{name} = %lld\\n\", (long long){name});").expect("a string");
    }
    let structs = blocks(&text, "typedef struct");
    assert!(structs.len() > 12, "{structs:?}");
    for (name, body) in structs {
        writeln!(
            lines,
            "  printf(\"sizeof {name} = %zu\\n\", sizeof({name}));"
        )
        .expect("a string");
        for field in body.split(';').filter(|field| !field.trim().is_empty()) {
            let field = match field.find("(*") {
                Some(at) => field[at + 2..].split(')').next().unwrap_or_default(),
                None => field
                    .trim_end()
                    .rsplit(|letter| !is_name(letter))
                    .next()
                    .unwrap_or_default(),
            };
            writeln!(
                lines,
                "  printf(\"{name}.{field} at %zu, %zu bytes\\n\", offsetof({name}, {field}), \
                 sizeof((({name} *)0)->{field}));"
            )
            .expect("a string");
        }
    }
    for name in [
        "bw_server",
        "bw_status",
        "bw_event_type",
        "bw_option",
        "bw_fd",
    ] {
        writeln!(
            lines,
            "  printf(\"sizeof {name} = %zu\\n\", sizeof({name}));"
        )
        .expect("a string");
    }
    format!(
        "#include \"bellwire.h\"\n#include <stdio.h>\nint main(void) {{\n{lines}  return 0;\n}}\n"
    )
}

#[test]
fn constants_sizes_and_offsets_stay_where_they_are() {
    let folder = native::scratch("package/abi");
    let source = folder.join("dump.c");
    write(&source, &dump_program());
    let program = folder.join("dump");
    native::run(
        Command::new("cc")
            .args(["-std=c11", "-I"])
            .arg(include())
            .arg(&source)
            .arg("-o")
            .arg(&program),
    );
    let now = native::run(&mut Command::new(program));
    let golden = native::root().join("tests/capi/abi.txt");
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests are configured by their environment"
    )]
    if std::env::var("UPDATE").is_ok() {
        write(&golden, &now);
    }
    let before = fs::read_to_string(&golden).unwrap_or_default();
    assert!(
        now == before,
        "tests/capi/abi.txt is not what the header says. What stands there is compiled into \
         programs; if the difference is meant, write it again with UPDATE=1. Now:\n{now}"
    );
}

// ---------------------------------------------------------------- installation

/// Installs into a folder and returns it.
fn install(name: &str) -> PathBuf {
    let folder = native::scratch(&format!("package/{name}"));
    let prefix = folder.join("prefix");
    make_install(&[format!("PREFIX={}", prefix.display())]);
    write(&folder.join("consumer.c"), CONSUMER);
    prefix
}

fn make_install(variables: &[String]) {
    // The numbers of jobs of an outer make are not for this one.
    native::run(
        Command::new("make")
            .args(["-s", "install"])
            .args(variables)
            .current_dir(native::root())
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL"),
    );
}

fn check_works(program: &Path) {
    assert_eq!(native::run(&mut Command::new(program)), "works\n");
}

#[test]
fn a_project_finds_it_with_pkg_config() {
    let prefix = install("pkg-config");
    let folder = prefix.parent().expect("a folder");
    let flags = |package: &str, what: &[&str]| -> Vec<String> {
        let text = native::run(
            Command::new("pkg-config")
                .args(what)
                .arg(package)
                .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")),
        );
        text.split_whitespace().map(str::to_owned).collect()
    };
    let version = flags("bellwire", &["--modversion"]);
    assert!(
        header().contains(&format!("\"{}\"", version[0])),
        "{version:?}"
    );
    // The last one is a program without any shared library.
    for (package, more) in [
        ("bellwire", &[][..]),
        ("bellwire-static", &[]),
        ("bellwire-static", &["-static"]),
    ] {
        let program = folder.join(package);
        native::run(
            Command::new("cc")
                .args(STRICT)
                .args(more)
                .arg(folder.join("consumer.c"))
                .args(flags(package, &["--cflags", "--libs"]))
                .arg("-o")
                .arg(&program)
                .arg(format!("-Wl,-rpath,{}", prefix.join("lib").display())),
        );
        check_works(&program);
        let needed = native::run(Command::new("readelf").arg("-dW").arg(&program));
        assert_eq!(
            needed.contains("libbellwire"),
            package == "bellwire",
            "{needed}"
        );
    }
    // The installed tree may be moved.
    let elsewhere = |package| {
        let told = ["--define-variable=prefix=/elsewhere", "--cflags", "--libs"];
        flags(package, &told).join(" ")
    };
    for package in ["bellwire", "bellwire-static"] {
        let flags = elsewhere(package);
        let own = prefix.to_str().expect("UTF-8");
        assert!(flags.contains("-I/elsewhere/include"), "{flags}");
        assert!(flags.contains("/elsewhere/lib"), "{flags}");
        assert!(!flags.contains(own), "{flags}");
    }
}

#[test]
fn a_project_finds_it_with_cmake() {
    let prefix = install("cmake");
    let folder = prefix.parent().expect("a folder");
    // The installed tree may be moved.
    let moved = folder.join("moved");
    fs::rename(&prefix, &moved).expect("a folder can be moved");
    write(
        &folder.join("CMakeLists.txt"),
        "cmake_minimum_required(VERSION 3.16)\n\
         project(consumer C)\n\
         find_package(bellwire 0.1 REQUIRED)\n\
         find_package(bellwire 0.1 REQUIRED)\n\
         foreach(kind shared static bellwire)\n\
         add_executable(with-${kind} consumer.c)\n\
         target_link_libraries(with-${kind} PRIVATE bellwire::${kind})\n\
         endforeach()\n",
    );
    let build = folder.join("build");
    native::run(
        Command::new("cmake")
            .arg("-S")
            .arg(folder)
            .arg("-B")
            .arg(&build)
            .arg(format!("-DCMAKE_PREFIX_PATH={}", moved.display())),
    );
    native::run(Command::new("cmake").arg("--build").arg(&build));
    for (kind, shared) in [("shared", true), ("static", false), ("bellwire", true)] {
        let program = build.join(format!("with-{kind}"));
        check_works(&program);
        let needed = native::run(Command::new("readelf").arg("-dW").arg(&program));
        assert_eq!(needed.contains("libbellwire.so."), shared, "{needed}");
    }
    // A version that is not compatible is not found.
    for wanted in ["0.0", "0.2", "1.0"] {
        let list = folder.join("wanted");
        fs::create_dir_all(&list).expect("a folder can be made");
        write(
            &list.join("CMakeLists.txt"),
            &format!(
                "cmake_minimum_required(VERSION 3.16)\nproject(p C)\n\
                 find_package(bellwire {wanted} REQUIRED)\n"
            ),
        );
        let output = native::finish(
            Command::new("cmake")
                .arg("-S")
                .arg(&list)
                .arg("-B")
                .arg(folder.join(format!("wanted-{wanted}")))
                .arg(format!("-DCMAKE_PREFIX_PATH={}", moved.display())),
        );
        assert!(!output.status.success(), "{wanted} was found");
    }
}

#[test]
fn a_project_links_the_archive() {
    let prefix = install("archive");
    let folder = prefix.parent().expect("a folder");
    let needs = ["-lpthread", "-lm", "-ldl"];
    for (name, flags) in [
        ("by-name", &["-lgcc_s"][..]),
        ("all-static", &["-static", "-lgcc_eh"]),
    ] {
        let program = folder.join(name);
        native::run(
            Command::new("cc")
                .arg(folder.join("consumer.c"))
                .arg(format!("-I{}", prefix.join("include").display()))
                .arg(format!("-L{}", prefix.join("lib").display()))
                .arg("-l:libbellwire.a")
                .args(needs)
                .args(flags)
                .arg("-o")
                .arg(&program),
        );
        check_works(&program);
    }
}

/// Two archives made by rustc hold the same standard library; ours hides it.
#[test]
fn the_archive_stands_beside_another_rust_library() {
    let prefix = install("two-archives");
    let folder = prefix.parent().expect("a folder");
    write(
        &folder.join("other.rs"),
        "#[unsafe(no_mangle)] pub extern \"C\" fn other_sum() -> i32 {\n\
         std::panic::catch_unwind(|| panic!(\"quietly\")).unwrap_err();\n\
         std::thread::spawn(|| vec![40, 2]).join().unwrap().iter().sum() }\n",
    );
    native::run(
        Command::new("rustc")
            .args(["--edition", "2024", "-O", "--crate-type", "staticlib", "-o"])
            .arg(folder.join("libother.a"))
            .arg(folder.join("other.rs")),
    );
    let both = CONSUMER
        .replace("int main(void) {", "int other_sum(void);\nint main(void) {")
        .replace("return 0;", "return other_sum() - 42;");
    write(&folder.join("both.c"), &both);
    let ours = prefix.join("lib/libbellwire.a");
    let other = folder.join("libother.a");
    for order in [[&ours, &other], [&other, &ours]] {
        let program = folder.join("both");
        native::run(
            Command::new("cc")
                .arg(folder.join("both.c"))
                .arg(format!("-I{}", prefix.join("include").display()))
                .args(order)
                .args(["-lgcc_s", "-lpthread", "-lm", "-ldl", "-o"])
                .arg(&program),
        );
        check_works(&program);
    }
}

#[test]
fn an_installation_can_be_staged() {
    let folder = native::scratch("package/staged");
    make_install(&[
        format!("DESTDIR={}", folder.display()),
        "PREFIX=/opt/bellwire".into(),
        "LIBDIR=/opt/bellwire/lib64".into(),
    ]);
    let at = folder.join("opt/bellwire");
    for file in [
        "include/bellwire.h",
        "include/bellwire.hpp",
        "include/bellwire/value.hpp",
        "include/bellwire/args.hpp",
        "include/bellwire/callback.hpp",
        "lib64/libbellwire.so",
        "lib64/libbellwire.a",
        "lib64/pkgconfig/bellwire.pc",
        "lib64/cmake/bellwire/bellwireConfig.cmake",
        "lib64/cmake/bellwire/bellwireConfigVersion.cmake",
    ] {
        assert!(at.join(file).exists(), "no {file}");
    }
    for file in [
        "lib64/pkgconfig/bellwire.pc",
        "lib64/pkgconfig/bellwire-static.pc",
        "lib64/cmake/bellwire/bellwireConfig.cmake",
        "lib64/cmake/bellwire/bellwireConfigVersion.cmake",
    ] {
        let text = fs::read_to_string(at.join(file)).expect("a file can be read");
        assert!(!text.contains(folder.to_str().expect("UTF-8")), "{text}");
        let unfilled = text.split('@').any(|part| {
            part.len() > 2
                && part
                    .chars()
                    .all(|letter| letter.is_ascii_uppercase() || letter == '_')
        });
        assert!(!unfilled, "{text}");
    }
}
