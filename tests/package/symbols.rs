//! The functions that the libraries export.

use std::fs;
use std::process::Command;

use conformance::native;

use crate::{declarations, header, is_name};

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
