//! The C and C++ programs in README.md compile without a warning and serve a client. The packages of the other languages test
//! theirs.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};

use conformance::{Endpoint, Http, eventually, native};

/// A program in README.md.
struct Snippet {
    language: &'static str,
    line: usize,
    text: String,
}

fn snippets() -> Vec<Snippet> {
    let readme = fs::read_to_string(native::root().join("README.md")).expect("README.md");
    let mut found = Vec::new();
    let mut open: Option<Snippet> = None;
    for (at, line) in readme.lines().enumerate() {
        if let Some(mut snippet) = open.take() {
            if line.trim_end() == "```" {
                found.push(snippet);
            } else {
                snippet.text.push_str(line);
                snippet.text.push('\n');
                open = Some(snippet);
            }
            continue;
        }
        let language = match line.trim_end() {
            "```c" => "c",
            "```cpp" | "```c++" => "cpp",
            other if other.starts_with("```") => "",
            _ => continue,
        };
        open = Some(Snippet {
            language,
            line: at + 1,
            text: String::new(),
        });
    }
    found.retain(|snippet| !snippet.language.is_empty() && snippet.text.contains("int main("));
    found
}

/// The TCP ports on which the process listens.
fn listening(pid: u32) -> Option<u16> {
    let sockets: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .ok()?
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|target| {
            let name = target.to_str()?.strip_prefix("socket:[")?;
            Some(name.trim_end_matches(']').to_owned())
        })
        .collect();
    let tables = ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("/proc/net/{name}")));
    tables.into_iter().flatten().find_map(|table| {
        table.lines().skip(1).find_map(|line| {
            let columns: Vec<_> = line.split_whitespace().collect();
            let &[_, local, _, state, _, _, _, _, _, inode, ..] = columns.as_slice() else {
                return None;
            };
            let ours = state == "0A" && sockets.iter().any(|socket| socket == inode);
            let (_, port) = local.rsplit_once(':')?;
            ours.then(|| u16::from_str_radix(port, 16).ok())?
        })
    })
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn every_program_compiles_and_serves() {
    let folder = native::scratch("readme");
    let library = native::library_folder();
    let snippets = snippets();
    for language in ["c", "cpp"] {
        assert!(
            snippets.iter().any(|snippet| snippet.language == language),
            "README.md has no program in {language}"
        );
    }
    for snippet in snippets {
        let name = format!("line-{}", snippet.line);
        let source = folder.join(&name).with_extension(snippet.language);
        // A free port, because another program on this machine may use the port in README.md.
        let text = snippet.text.replace(" 3000", " 0");
        assert_ne!(text, snippet.text, "{name} listens on port 3000");
        fs::write(&source, &text).expect("a file can be written");
        let program = folder.join(&name);
        let (compiler, standard) = match snippet.language {
            "c" => ("cc", "-std=c11"),
            _ => ("c++", "-std=c++17"),
        };
        native::run(
            Command::new(compiler)
                .args([standard, "-Wall", "-Wextra", "-Werror", "-I"])
                .arg(native::root().join("include"))
                .arg(&source)
                .arg(format!("-L{}", library.display()))
                .arg(format!("-Wl,-rpath,{}", library.display()))
                .args(["-lbellwire", "-lpthread", "-lm", "-o"])
                .arg(&program),
        );
        let child = Command::new(&program)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("a program can be started");
        let mut running = Running(child);
        let port = eventually(&format!("the program at {name} to listen"), || {
            let ended = running.0.try_wait().expect("it is our child");
            assert!(ended.is_none(), "the program at {name} ended: {ended:?}");
            listening(running.0.id())
        });
        let endpoint = Endpoint {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            path: String::new(),
        };
        let answer = ["/socket.io/", "/engine.io/"]
            .map(|path| format!("{path}?EIO=4&transport=polling"))
            .map(|target| {
                Http::connect(&endpoint)
                    .request("GET", &target, &[], b"")
                    .status
            });
        assert!(answer.contains(&200), "{name}: {answer:?}");
    }
}
