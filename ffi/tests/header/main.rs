//! `include/bellwire.h`, `symbols.txt`, `bellwire.map` and the C tests' table of event fields are
//! generated from the sources. These tests generate them again and compare. `UPDATE=1` writes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod events;
mod options;
mod sections;
mod statuses;

use sections::SECTIONS;

fn ffi() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn root() -> PathBuf {
    ffi().join("..")
}

/// The ABI's number, which stands in `version.rs`.
fn abi() -> String {
    let source = fs::read_to_string(ffi().join("src/version.rs")).unwrap();
    let line = source
        .lines()
        .find(|line| line.contains("const ABI: u32 ="))
        .unwrap();
    line.rsplit('=')
        .next()
        .unwrap()
        .trim()
        .trim_end_matches(';')
        .to_owned()
}

fn header() -> String {
    let mut config = cbindgen::Config::from_file(ffi().join("cbindgen.toml")).unwrap();
    let versions = [
        ("@MAJOR@", env!("CARGO_PKG_VERSION_MAJOR").to_owned()),
        ("@MINOR@", env!("CARGO_PKG_VERSION_MINOR").to_owned()),
        ("@PATCH@", env!("CARGO_PKG_VERSION_PATCH").to_owned()),
        ("@ABI@", abi()),
    ];
    let mut macros = config.after_includes.take().unwrap();
    for (place, version) in versions {
        macros = macros.replace(place, &version);
    }
    config.after_includes = Some(macros);
    let mut builder = cbindgen::Builder::new().with_config(config);
    for section in &SECTIONS {
        builder = builder.with_src(ffi().join(format!("src/{}.rs", section.source)));
    }
    let mut text = Vec::new();
    builder.generate().unwrap().write(&mut text);
    let text = String::from_utf8(text).unwrap();
    let text = text
        .replace(" * @CONTENTS@\n", &sections::contents())
        .replace(" * @EVENTS@\n", &events::table())
        .replace(" * @EVENTS_WITH_LISTENER@\n", &events::with_listener());
    let text = options::with_comments(&shorten(&text));
    sections::with_headings(&text, first_function)
}

/// The first function that a source file exports.
fn first_function(source: &str) -> String {
    let text = fs::read_to_string(ffi().join(format!("src/{source}.rs"))).unwrap();
    let (_, after) = text.split_once("pub extern \"C\" fn ").unwrap();
    after.split('(').next().unwrap().to_owned()
}

/// A comment of one line takes one line.
fn shorten(header: &str) -> String {
    let lines: Vec<&str> = header.lines().collect();
    let mut out = String::with_capacity(header.len());
    let mut at = 0;
    while at < lines.len() {
        let comment = lines.get(at..at + 3).and_then(|lines| {
            let indent = lines[0].strip_suffix("/**")?;
            let text = lines[1].trim_start().strip_prefix("* ")?;
            (lines[2].trim_start() == "*/").then(|| format!("{indent}/** {text} */"))
        });
        at += if comment.is_some() { 3 } else { 1 };
        out.push_str(comment.as_deref().unwrap_or(lines[at - 1]));
        out.push('\n');
    }
    out
}

/// The functions that a header declares.
fn functions(header: &str) -> Vec<String> {
    let mut names: Vec<String> = header
        .split("BW_API")
        .skip(1)
        .filter_map(|rest| {
            let declaration = rest.split('(').next()?;
            let name = declaration.rsplit([' ', '*', '\n']).next()?;
            name.starts_with("bw_").then(|| name.to_owned())
        })
        .collect();
    names.sort();
    names
}

/// Compares a file with what it should hold, or writes it.
fn agree(path: &Path, text: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, text).unwrap();
        return;
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == text,
        "{} is out of date: run UPDATE=1 cargo test -p bellwire-ffi --test header",
        path.display()
    );
}

#[test]
fn files_are_up_to_date() {
    let header = header();
    let symbols = functions(&header).join("\n") + "\n";
    agree(&root().join("include/bellwire.h"), &header);
    agree(&ffi().join("symbols.txt"), &symbols);
    agree(
        &root().join("tests/capi/support/event_fields.inc"),
        &events::for_c(),
    );
    let map = format!(
        "BW_{} {{\n  global:\n    bw_*;\n  local:\n    *;\n}};\n",
        abi()
    );
    agree(&ffi().join("bellwire.map"), &map);
}

#[test]
fn every_exported_function_is_declared() {
    let mut exported = Vec::new();
    let mut folders = vec![ffi().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(path).unwrap();
            let mut lines = source.lines();
            while lines.any(|line| line == "#[unsafe(no_mangle)]") {
                let line = lines.find(|line| line.contains("fn ")).unwrap();
                assert!(line.starts_with("pub extern \"C\" fn bw_"), "{line}");
                let name = line.split("fn ").nth(1).unwrap();
                exported.push(name.split('(').next().unwrap().to_owned());
            }
        }
    }
    exported.sort();
    assert_eq!(exported, functions(&header()));
}

#[test]
fn every_section_has_a_heading_and_stands_in_the_contents() {
    let header = header();
    for line in sections::contents().lines() {
        assert!(header.contains(line), "{line}");
        let title = line
            .trim_start_matches([' ', '*'])
            .split("  ")
            .next()
            .unwrap();
        assert!(header.contains(&format!("/* ---- {title} -")), "{title}");
    }
}

#[test]
fn every_option_has_its_number() {
    let header = header();
    let mut declared: Vec<u32> = header
        .lines()
        .filter(|line| line.trim_start().starts_with("BW_OPT_"))
        .filter_map(|line| {
            line.split('=')
                .nth(1)?
                .trim()
                .trim_end_matches(',')
                .parse()
                .ok()
        })
        .collect();
    declared.sort_unstable();
    let mut known: Vec<u32> = bellwire_core::config::OptionInfo::all()
        .iter()
        .map(|info| info.number)
        .collect();
    known.sort_unstable();
    assert_eq!(declared, known);
}

/// The header stands alone and may be included twice, in every language it is for.
#[test]
fn compilers_accept_the_header() {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::write(scratch.join("bellwire.h"), header()).unwrap();
    let source = "#include \"bellwire.h\"\n#include \"bellwire.h\"\n\
        int main(void) {\n  bw_target to = bw_to(0);\n  bw_str s = BW_S(\"text\");\n\
        bw_payload p = bw_payload_of(s, bw_cstr(\"[]\"));\n  to = bw_to_rooms(0, &s, 1);\n\
        return (int)(to.n_rooms + p.n_bins) + (int)bw_broadcast_from(0).n_except;\n}\n";
    for (compiler, extension, standards, more) in [
        (
            "cc",
            "c",
            &["c99", "c11", "c17", "gnu2x"][..],
            &["-Wstrict-prototypes"][..],
        ),
        ("c++", "cc", &["c++11", "c++14", "c++17", "c++20"], &[]),
    ] {
        let file = scratch.join(format!("header.{extension}"));
        fs::write(&file, source).unwrap();
        for standard in standards {
            let output = Command::new(compiler)
                .arg(format!("-std={standard}"))
                .args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"])
                .args(more)
                .arg("-I")
                .arg(scratch)
                .arg(&file)
                .output()
                .unwrap();
            let words = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success(),
                "{compiler} -std={standard}: {words}"
            );
        }
    }
}
