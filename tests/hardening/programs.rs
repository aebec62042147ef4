//! Other people's parsers, which judge what we write better than ours do.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a program made of a file.
pub enum Verdict {
    /// It took it; what it printed.
    Accepted(String),
    /// It did not, and says why.
    Refused(String),
    /// It is not on this machine.
    Absent,
}

/// Runs a program, with `input` on its standard input.
pub fn run(program: &str, arguments: &[&str], input: &[u8]) -> Verdict {
    let piped =
        Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = piped else { return Verdict::Absent };
    let mut stdin = child.stdin.take().unwrap();
    // A program that refuses early closes its end. Its answer has to be read while it is still being written to.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap()
    });
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if output.status.success() {
        return Verdict::Accepted(text(output.stdout));
    }
    let told = text(output.stderr) + &text(output.stdout);
    Verdict::Refused(told.chars().take(2000).collect())
}

/// A script for Python 3, given `arguments` and `input`.
pub fn python(script: &str, arguments: &[&str], input: &[u8]) -> Verdict {
    run("python3", &[&["-c", script], arguments].concat(), input)
}

/// What validates XML beyond being well-formed needs a grammar, which lies beside the real pages.
pub fn jing(grammar: &Path, xml: &Path) -> Verdict {
    run("jing", &["-c", &grammar.to_string_lossy(), &xml.to_string_lossy()], b"")
}
