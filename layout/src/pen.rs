//! Drawing in a process's layers, from an origin.

use crate::error::Error;
use crate::process::{Layer, Process};
use crate::sink::{Place, Sink};
use hardwire_netlist::Rect;

pub struct Pen<'a> {
    pub sink: &'a mut dyn Sink,
    pub process: &'a Process,
    /// Added to every `y`.
    pub up: i64,
}

impl Pen<'_> {
    /// A rectangle; nothing on a mask that the process does not have.
    pub fn rect(&mut self, layer: Layer, x: (i64, i64), y: (i64, i64)) -> Result<(), Error> {
        match self.process.find(layer) {
            Some(rule) => self.sink.rect(rule.gds, Rect::new(x.0, y.0 + self.up, x.1, y.1 + self.up)),
            None => Ok(()),
        }
    }

    /// A rectangle about a point.
    pub fn about(&mut self, layer: Layer, at: (i64, i64), size: (i64, i64)) -> Result<(), Error> {
        self.rect(layer, (at.0 - size.0 / 2, at.0 + size.0 / 2), (at.1 - size.1 / 2, at.1 + size.1 / 2))
    }

    /// A cut about a point.
    pub fn cut(&mut self, layer: Layer, at: (i64, i64)) -> Result<(), Error> {
        let side = self.process.rule(layer).width;
        self.about(layer, at, (side, side))
    }

    pub fn label(&mut self, layer: Layer, at: (i64, i64), text: &str) -> Result<(), Error> {
        match self.process.find(layer).and_then(|r| r.label) {
            Some(gds) => self.sink.label(gds, at.0, at.1 + self.up, text),
            None => Ok(()),
        }
    }

    pub fn place(&mut self, cell: &str, place: Place) -> Result<(), Error> {
        self.sink.place(cell, Place { y_nm: place.y_nm + self.up, ..place })
    }
}
