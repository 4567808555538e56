//! What is handed to others: headers, symbols, and an installed package that
//! builds a project which knows nothing of this one.

mod headers;
mod installation;
mod layout;
mod symbols;

use std::fs;
use std::path::{Path, PathBuf};

use conformance::native;

pub(crate) const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-pedantic", "-Werror"];
pub(crate) const C: [&str; 4] = ["c99", "c11", "c17", "gnu2x"];
pub(crate) const CPP: [&str; 4] = ["c++11", "c++14", "c++17", "c++20"];

/// A program of another project. It exits with 0 if the library that it runs with is the one that it was compiled for,
/// and works.
pub(crate) const CONSUMER: &str = r#"
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

pub(crate) fn include() -> PathBuf {
    native::root().join("include")
}

pub(crate) fn header() -> String {
    fs::read_to_string(include().join("bellwire.h")).expect("the header can be read")
}

pub(crate) fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a file can be written");
}

/// The text without its comments.
pub(crate) fn without_comments(text: &str) -> String {
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
pub(crate) fn declarations() -> String {
    without_comments(&header())
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .fold(String::new(), |all, line| all + line + "\n")
}

pub(crate) fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}
