//! The C and the C++ header, compiled alone.

use std::process::Command;

use conformance::native;

use crate::{C, CPP, STRICT, include, write};

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
