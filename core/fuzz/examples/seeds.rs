//! Writes the seeds of every target, and a dictionary of its words, to where libFuzzer is told to find them.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    for target in &bellwire_fuzz::TARGETS {
        let folder = Path::new("corpus").join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in target.seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number}")), seed)?;
        }
        let mut words = String::new();
        for word in target.words {
            word.bytes()
                .map(|byte| format!("\\x{byte:02x}"))
                .for_each(|byte| words.push_str(&byte));
            words = format!("{words}\n");
        }
        let mut dictionary = String::new();
        for word in words.lines() {
            let _ = writeln!(dictionary, "\"{word}\"");
        }
        fs::write(format!("corpus/{}.dict", target.name), dictionary)?;
    }
    Ok(())
}
