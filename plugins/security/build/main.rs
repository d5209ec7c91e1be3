//! Turns `rules.toml` into constant tables: the rules, and an automaton over their keywords. So a fresh instance of the gate
//! has both without parsing or building anything.

#![expect(clippy::print_stdout, reason = "a build script speaks to cargo so")]

mod automaton;
mod rules;

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    for path in ["rules.toml", "build"] {
        println!("cargo:rerun-if-changed={path}");
    }
    let rules = rules::read(&std::fs::read_to_string("rules.toml")?)?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    std::fs::write(out.join("rules.rs"), rules::render(&rules))?;
    std::fs::write(out.join("keywords.rs"), automaton::render(&rules)?)?;
    Ok(())
}
