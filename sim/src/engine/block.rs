//! Several positions of one sequence at once. A known text needs no token before the next can start, so each matrix is unpacked once
//! for all of them; every other unit works on each position as it always does.

use super::team::{Team, with_team};
use super::{Activations, Engine, Kind, Pass, State};
use crate::step::{BlockProbe, Step, StepError};
use rayon::prelude::*;

impl Engine<'_> {
    pub(super) fn run_block(
        &self,
        state: &mut State,
        user: u32,
        tokens: &[u32],
        mut probe: Option<BlockProbe<'_>>,
    ) -> Result<Vec<Step>, StepError> {
        let position = self.admit(state, user, tokens)?;
        while state.passes.len() < tokens.len() {
            state.passes.push(Pass::new(self.units.len()));
        }
        let passes = &mut state.passes[..tokens.len()];
        for ((pass, &token), position) in passes.iter_mut().zip(tokens).zip(position..) {
            (pass.token, pass.position) = (token, position);
        }
        for i in 0..self.units.len() {
            let mut working: Vec<(usize, &mut Pass)> = passes.iter_mut().enumerate().filter(|(_, pass)| self.works(i, pass)).collect();
            state.saturations[i] += match (&self.units[i].kind, &mut state.caches[i], &mut state.memories[i]) {
                (_, _, Some(memory)) => with_team(|team| working.iter_mut().map(|(_, pass)| self.recur(i, memory, user, pass, team)).sum()),
                (Kind::Attention(a), Some(cache), _) => {
                    working.iter().for_each(|(_, pass)| self.remember(i, a, cache, user, pass));
                    let cache = &*cache;
                    working.par_iter_mut().map(|(_, pass)| self.attend(i, a, cache, user, pass, &Team::alone())).sum()
                }
                (Kind::Mvm(_), ..) if working.len() > 1 => self.matrix(i, &mut working),
                _ => working.par_iter_mut().map(|(_, pass)| self.unit(i, pass, &Team::alone())).sum(),
            };
            if let Some(probe) = probe.as_mut() {
                working.iter().for_each(|(t, pass)| pass.show(i, &mut |id, values| probe(*t, id, values)));
            }
        }
        state.positions[user as usize] += tokens.len() as u32;
        Ok(state.passes[..tokens.len()].iter().map(|pass| self.outcome(pass)).collect())
    }

    /// One matrix for all passes.
    fn matrix(&self, i: usize, passes: &mut [(usize, &mut Pass)]) -> u64 {
        let unit = &self.units[i];
        let Kind::Mvm(matrix) = &unit.kind else { return 0 };
        let mut outs: Vec<Vec<i32>> = passes.iter_mut().map(|(_, pass)| std::mem::take(&mut pass.values[i])).collect();
        let inputs: Vec<&Activations> =
            passes.iter().map(|(_, pass)| pass.feeds[unit.inputs[0]].as_ref().expect("a feed precedes its matrices")).collect();
        let clamped = matrix.multiply_block(&inputs, unit.out, &mut outs);
        passes.iter_mut().zip(outs).for_each(|((_, pass), out)| pass.values[i] = out);
        clamped
    }
}
