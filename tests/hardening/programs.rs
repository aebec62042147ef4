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

/// Runs Node with the modules that the readers' own setup puts beside them.
pub fn node(arguments: &[&str]) -> Verdict {
    let modules = std::env::var_os("CLIENTS_RUN").map_or(std::env::temp_dir().join("feed-clients"), Into::into);
    let modules = format!("NODE_PATH={}", modules.join("node/node_modules").display());
    match run("env", &[&[&modules, "node"], arguments].concat(), b"") {
        Verdict::Refused(why) if why.contains("Cannot find module") || why.contains("No such file") => Verdict::Absent,
        verdict => verdict,
    }
}

/// JSON Feed's schema, as ajv keeps to it.
const AJV: &str = r#"
const fs = require("fs"), Ajv = require("ajv"), formats = require("ajv-formats");
const schema = JSON.parse(fs.readFileSync(require.resolve("jsonfeed-schema/schema-v1.1.json"), "utf8"));
delete schema.$schema;
const ajv = new (Ajv.default || Ajv)({ strict: false, allErrors: true });
(formats.default || formats)(ajv);
const valid = ajv.compile(schema);
if (!valid(JSON.parse(fs.readFileSync(process.argv[1], "utf8")))) {
  for (const error of valid.errors.slice(0, 8)) console.log(error.instancePath, error.message);
  process.exit(1);
}
"#;

/// What validates a JSON Feed beyond being JSON.
pub fn ajv(json: &Path) -> Verdict {
    node(&["-e", AJV, &json.to_string_lossy()])
}
