//! A module instance, and its text.

use crate::error::Error;
use crate::gate::{Code, filters};
use askama::Template;

pub struct Port {
    pub name: &'static str,
    pub width: u32,
    pub output: bool,
    pub net: String,
}

/// One instance of a library or site module.
pub struct Instance {
    pub comment: Vec<String>,
    pub module: String,
    pub name: String,
    pub params: Vec<(&'static str, String)>,
    pub ports: Vec<Port>,
}

#[derive(Template)]
#[template(path = "instance.v")]
struct Text<'a> {
    comment: &'a [String],
    module: &'a str,
    name: &'a str,
    params: &'a [(&'static str, String)],
    ports: &'a [Port],
}

impl Instance {
    pub fn new(module: &str, name: String, comment: Vec<String>) -> Instance {
        Instance { comment, module: module.into(), name, params: Vec::new(), ports: Vec::new() }
    }

    pub fn param(mut self, name: &'static str, value: impl ToString) -> Self {
        self.params.push((name, value.to_string()));
        self
    }

    /// A parameter that names a ROM image.
    pub fn file(self, name: &'static str, file: &str) -> Self {
        self.param(name, format!("\"{file}\""))
    }

    pub fn input(mut self, name: &'static str, width: u32, net: impl ToString) -> Self {
        self.ports.push(Port { name, width, output: false, net: net.to_string() });
        self
    }

    pub fn output(mut self, name: &'static str, width: u32, net: impl ToString) -> Self {
        self.ports.push(Port { name, width, output: true, net: net.to_string() });
        self
    }

    pub fn clocked(self) -> Self {
        self.input("clk", 1, "clk").input("rst", 1, "rst")
    }

    pub fn text(&self) -> Result<Code, Error> {
        let t = Text { comment: &self.comment, module: &self.module, name: &self.name, params: &self.params, ports: &self.ports };
        Code::render("instance.v", &t)
    }
}
