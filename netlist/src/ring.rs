//! Folding: which station of silicon works which stations of the graph. The graph has every layer; of the stations between embedding and
//! head only the first [`Netlist::ring`] are built, and a token goes round them until its last layer is done. Station `s` of the graph is
//! worked in *place* `1 + (s - 1) % ring` of the ring, in round `(s - 1) / ring`. What a layer alone has, its codes, scales, gains and cached
//! positions, is addressed by its number among those that the silicon works; everything else of them is alike (`validate/ring.rs`).
//!
//! Layers of several kinds fold by kind: a station without units is one that its token passes, unchanged, on its way to silicon of another kind.
//!
//! A built station, and each of its units, goes by the name of the first that it works.

use crate::graph::{Netlist, UnitId};
use crate::unit::{MatrixSpec, RowPermutation, Unit, UnitKind};

impl Netlist {
    /// Stations between embedding and head, in the graph.
    pub fn decoder_stations(&self) -> u32 {
        (self.stations.len() as u32).saturating_sub(2)
    }

    /// Stations between embedding and head that are built.
    pub fn ring(&self) -> u32 {
        self.ring.unwrap_or(self.decoder_stations())
    }

    /// Whether some station works several of the graph's.
    pub fn is_folded(&self) -> bool {
        self.ring() < self.decoder_stations()
    }

    fn decodes(&self, station: u32) -> bool {
        (1..=self.decoder_stations()).contains(&station)
    }

    /// Round in which a token comes to `station` of the graph.
    pub fn round(&self, station: u32) -> u32 {
        if self.decodes(station) { (station - 1) / self.ring() } else { 0 }
    }

    /// Rounds of a token.
    pub fn token_rounds(&self) -> u32 {
        self.round(self.decoder_stations()) + 1
    }

    /// Where in the ring `station` of the graph is worked, from 1; embedding and head keep their numbers.
    pub fn place(&self, station: u32) -> u32 {
        if self.decodes(station) { 1 + (station - 1) % self.ring() } else { station }
    }

    /// Whether a token only passes `station` of the graph.
    pub fn passes(&self, station: u32) -> bool {
        self.decodes(station) && self.first_unit(station) == self.first_unit(station + 1)
    }

    /// The stations of the graph that the silicon of `station` works, in order.
    pub fn shared(&self, station: u32) -> Vec<u32> {
        if !self.decodes(station) {
            return vec![station];
        }
        let all = (self.place(station)..=self.decoder_stations()).step_by(self.ring() as usize);
        all.filter(|&s| !self.passes(s)).collect()
    }

    /// The built station that works `station` of the graph, as the first that it works.
    pub fn built_station(&self, station: u32) -> u32 {
        if !self.decodes(station) {
            return station;
        }
        let mut all = (self.place(station)..=self.decoder_stations()).step_by(self.ring() as usize);
        all.find(|&s| !self.passes(s)).unwrap_or(station)
    }

    /// Stations of the graph that the silicon of `station` works.
    pub fn rounds(&self, station: u32) -> u32 {
        self.shared(station).len() as u32
    }

    /// The most that any silicon works.
    pub fn fold(&self) -> u32 {
        (1..=self.ring().min(self.decoder_stations())).map(|s| self.rounds(s)).max().unwrap_or(1)
    }

    /// Number of `station` among those that its silicon works, from 0.
    pub fn nth(&self, station: u32) -> u32 {
        if !self.decodes(station) {
            return 0;
        }
        (self.place(station)..station).step_by(self.ring() as usize).filter(|&s| !self.passes(s)).count() as u32
    }

    /// The station of the graph whose residual `station` takes.
    pub fn before(&self, station: u32) -> u32 {
        (0..station).rev().find(|&s| !self.passes(s)).unwrap_or(0)
    }

    /// Embedding, ring and head, in order.
    pub fn built_stations(&self) -> Vec<u32> {
        let head = self.stations.len() as u32 - 1;
        let ring = (0..=self.ring().min(head)).map(|s| self.built_station(s));
        ring.chain((head > self.ring()).then_some(head)).collect()
    }

    /// Units that are built, each as the first that it works.
    pub fn built_units(&self) -> impl Iterator<Item = (UnitId, &Unit)> {
        self.units().filter(|(_, u)| self.built_station(u.station) == u.station)
    }

    /// The built unit that works `id`, as the first that it works.
    pub fn built(&self, id: UnitId) -> UnitId {
        let station = self.unit(id).station;
        UnitId::new(id.index() - self.first_unit(station) + self.first_unit(self.built_station(station)))
    }

    /// The units of the graph that the silicon of `id` works, in order.
    pub fn worked(&self, id: UnitId) -> Vec<UnitId> {
        let station = self.unit(id).station;
        let place = id.index() - self.first_unit(station);
        self.shared(station).into_iter().map(|s| UnitId::new(self.first_unit(s) + place)).collect()
    }

    /// Elements of a head that the silicon of a Rope turns: in all layers that turn any.
    pub fn rotated(&self, id: UnitId) -> Option<u32> {
        let of = |&id: &UnitId| if let UnitKind::Rope(s) = &self.unit(id).kind { Some(s.rotated) } else { None };
        self.worked(id).iter().filter_map(of).find(|&rotated| rotated > 0)
    }

    /// Index of the first unit of a station: units come station by station.
    fn first_unit(&self, station: u32) -> usize {
        let (mut low, mut high) = (0, self.graph.node_count());
        while low < high {
            let middle = (low + high) / 2;
            if self.unit(UnitId::new(middle)).station < station { low = middle + 1 } else { high = middle }
        }
        low
    }
}

impl Unit {
    /// The unit without what may differ between units of one silicon: its names, its station, its programs and what else is only in ROM.
    pub fn hardware(&self) -> Unit {
        let mut u = self.clone();
        (u.path, u.station) = (String::new(), 0);
        let none = crate::program::ProgramId(0);
        let contents_of = |m: &mut MatrixSpec| {
            m.tensor = String::new();
            m.program = none;
            // Of all that share the ROM the widest counts.
            m.shift_bits = 0;
        };
        match &mut u.kind {
            UnitKind::Mvm(s) => contents_of(&mut s.matrix),
            UnitKind::Embed(s) => {
                contents_of(&mut s.matrix);
                s.positions.iter_mut().for_each(contents_of);
                s.omega.iter_mut().flatten().for_each(|turn| *turn = 0);
            }
            UnitKind::RmsNorm(s) => {
                s.gain = none;
                if let Some(bias) = s.centre.as_mut().and_then(|c| c.bias.as_mut()) {
                    *bias = none;
                }
            }
            UnitKind::Attention(s) => s.sinks = s.sinks.map(|_| none),
            UnitKind::Conv(s) => s.weights = none,
            UnitKind::Decay(s) => s.rates = none,
            // These hold nothing of a layer's own.
            UnitKind::RowFeed(_) | UnitKind::Rope(_) | UnitKind::GatedAct(_) | UnitKind::Add | UnitKind::Delta(_) => {}
            UnitKind::Route(_) | UnitKind::Mix(_) | UnitKind::Argmax => {}
        }
        u
    }

    /// The same without what is read by layer where layers share silicon, and the order of a tensor's rows, which concerns its program alone.
    pub(crate) fn shared_hardware(&self) -> Unit {
        let mut u = self.hardware();
        match &mut u.kind {
            UnitKind::Mvm(s) => s.matrix.rows = RowPermutation::Identity,
            UnitKind::Attention(s) => s.window = None,
            UnitKind::Rope(s) => (s.table, s.rotated) = (0, 0),
            _ => {}
        }
        u
    }
}
