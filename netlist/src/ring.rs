//! Folding: which station of silicon works which stations of the graph. The graph has every layer; of the stations between embedding and
//! head only the first [`Netlist::ring`] are built, and a token goes round them until its last layer is done. Station `s` of the graph is
//! worked by station `1 + (s - 1) % ring` in round `(s - 1) / ring`. What a layer alone has, its codes, scales, gains and cached positions,
//! is addressed by the round; everything else of the stations that share silicon is alike (`validate/ring.rs`).
//!
//! A built station, and each of its units, goes by the name of the first that it works.

use crate::graph::{Netlist, UnitId};
use crate::unit::{MatrixSpec, Unit, UnitKind};

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

    /// Round in which a token comes to `station` of the graph.
    pub fn round(&self, station: u32) -> u32 {
        if (1..=self.decoder_stations()).contains(&station) { (station - 1) / self.ring() } else { 0 }
    }

    /// The built station that works `station` of the graph, as the first that it works.
    pub fn built_station(&self, station: u32) -> u32 {
        if (1..=self.decoder_stations()).contains(&station) { 1 + (station - 1) % self.ring() } else { station }
    }

    /// Stations of the graph that the silicon of `station` works.
    pub fn rounds(&self, station: u32) -> u32 {
        let first = self.built_station(station);
        if (1..=self.ring()).contains(&first) { (self.decoder_stations() - first) / self.ring() + 1 } else { 1 }
    }

    /// The last built station of the ring that a token works in before it goes to the head.
    pub fn exit(&self) -> u32 {
        self.built_station(self.decoder_stations())
    }

    /// Embedding, ring and head, in order.
    pub fn built_stations(&self) -> Vec<u32> {
        let head = self.stations.len() as u32 - 1;
        (0..=self.ring().min(head)).chain((head > self.ring()).then_some(head)).collect()
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

    /// The units of the graph that the silicon of `id` works, round by round.
    pub fn worked(&self, id: UnitId) -> Vec<UnitId> {
        let station = self.unit(id).station;
        let (first, place) = (self.built_station(station), id.index() - self.first_unit(station));
        (0..self.rounds(station)).map(|round| UnitId::new(self.first_unit(first + round * self.ring()) + place)).collect()
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
}
