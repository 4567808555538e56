//! Projects of others, built against an installation.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::native;

use crate::{CONSUMER, STRICT, header, write};

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
