//! What a unit's file is given and what it gives: the unit's place among the others, and the instances and nets that it becomes there.

use crate::instance::Instance;
use crate::shape::{Shape, ident};
use crate::stream::Source;
use hardwire_netlist::{Chip, Netlist, Unit, UnitId};

/// Nets by more names than a stream's: port, what follows the unit's identifier, width.
pub type Nets = Vec<(&'static str, &'static str, u32)>;

/// What a station has to know about one of its units.
pub struct Site {
    pub instances: Vec<Instance>,
    /// Nets it drives: name, width.
    pub nets: Vec<(String, u32)>,
    pub ovf: Option<String>,
}

/// A unit's place.
pub struct Context<'a> {
    pub chip: &'a Chip,
    pub shape: &'a Shape,
    pub id: UnitId,
    pub unit: &'a Unit,
    /// The streams that come to its ports.
    pub inputs: &'a [Source],
    /// It hands the residual on.
    pub last: bool,
    /// Its identifier, with which its nets begin.
    pub name: String,
}

impl<'a> Context<'a> {
    pub fn new(chip: &'a Chip, shape: &'a Shape, id: UnitId, inputs: &'a [Source], last: bool) -> Context<'a> {
        let unit = chip.netlist().unit(id);
        Context { chip, shape, id, unit, inputs, last, name: ident(&unit.path) }
    }

    pub fn netlist(&self) -> &'a Netlist {
        self.chip.netlist()
    }

    /// Layers that share it.
    pub fn rounds(&self) -> u32 {
        self.netlist().rounds(self.unit.station)
    }

    /// Bits of an output element.
    pub fn out(&self) -> u32 {
        u32::from(self.unit.out.bits)
    }

    /// A net of its own.
    pub fn net(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.name)
    }

    /// Its module's instance; `what` it is, in words.
    pub fn instance(&self, module: &str, what: impl std::fmt::Display) -> Instance {
        Instance::new(module, self.net("_i"), vec![format!("{}: {what}", self.unit.path)])
    }

    /// The stream of input `port` at two of the instance's ports.
    pub fn stream(&self, i: Instance, valid: &'static str, data: &'static str, port: usize) -> Instance {
        let from = &self.inputs[port];
        i.input(valid, 1, &from.valid).input(data, self.shape.lanes * from.bits, &from.data)
    }

    /// The outputs that most units have.
    pub fn give(&self, i: Instance) -> Instance {
        let i = i.output("out_valid", 1, self.net("_valid")).output("out_data", self.shape.lanes * self.out(), self.net("_data"));
        i.output("ovf", 1, self.net("_ovf"))
    }

    /// Outputs by other names.
    pub fn drive(&self, i: Instance, nets: &Nets) -> Instance {
        nets.iter().fold(i, |i, &(port, suffix, width)| i.output(port, width, self.net(suffix)))
    }

    /// Instances that give a stream, and what else they drive.
    pub fn site(&self, instances: Vec<Instance>, further: &Nets) -> Site {
        let stream = [("", "_valid", 1), ("", "_data", self.shape.lanes * self.out()), ("", "_ovf", 1)];
        let nets = stream.iter().chain(further).map(|&(_, suffix, width)| (self.net(suffix), width)).collect();
        Site { instances, nets, ovf: Some(self.net("_ovf")) }
    }

    /// One instance that gives a stream and nothing else.
    pub fn alone(&self, i: Instance) -> Site {
        self.site(vec![i], &Vec::new())
    }

    /// What a unit with ROM of its own is told where layers share silicon: how many, and which one its token is in.
    pub fn layered(&self, i: Instance) -> Instance {
        match self.shape.layer_bits {
            0 => i,
            bits => self.in_layer(i.param("LAYERS", self.rounds()).param("LW", bits)),
        }
    }

    /// Which of the layers that share silicon a unit's token is in, where any do.
    pub fn in_layer(&self, i: Instance) -> Instance {
        match self.shape.layer_bits {
            0 => i,
            bits => i.input("layer", bits, "layer"),
        }
    }

    /// Whose sequence a unit that remembers works on, and its position; where layers share it, each has a sequence for every user.
    pub fn sequence(&self, i: Instance) -> Instance {
        let i = i.clocked().input("pos", self.shape.pos_bits, "pos");
        match self.shape.layer_bits {
            0 => i.input("user", self.shape.user_bits, "user"),
            bits => i.input("user", self.shape.user_bits + bits, "cache_user"),
        }
    }

    /// Sequences that a unit of `users` remembers: a layer's are sequences of the one memory.
    pub fn sequences(&self, users: u32) -> u32 {
        users * self.rounds()
    }
}
