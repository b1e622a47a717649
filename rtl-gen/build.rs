//! Lists the Verilog library: every file of `templates/lib` is one of its modules or headers, and nothing else says so.

use std::io::{Error, Result};
use std::path::Path;

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=templates/lib");
    let mut names = Vec::new();
    for entry in std::fs::read_dir("templates/lib")? {
        let name = entry?.file_name().into_string().map_err(|name| Error::other(format!("templates/lib: {name:?} is no text")))?;
        if name.ends_with(".v") || name.ends_with(".vh") {
            names.push(name);
        }
    }
    names.sort();
    let one = |name: &String| format!("({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/templates/lib/{name}\"))),\n");
    let list = format!("&[\n{}]\n", names.iter().map(one).collect::<String>());
    let out = std::env::var_os("OUT_DIR").ok_or_else(|| Error::other("OUT_DIR is not set"))?;
    std::fs::write(Path::new(&out).join("library.rs"), list)
}
