//! A graph made smaller: some nodes are dissolved into the sums that use them, and what is then shared most often becomes nodes again.
//! A change that costs no more adders stays, so the search also walks across equals.

use crate::random::Random;
use crate::system::System;

/// Most nodes dissolved together. Measured over 8-bit, 4-bit and ternary matrices of 16 to 64: one alone finds half as much, six no more.
const TOGETHER: usize = 3;

/// Dissolves and shares again until `work` table accesses are spent. All pairs must be counted.
pub(crate) fn refine(system: &mut System, random: &mut Random, work: u64) {
    share(system);
    system.commit();
    let end = system.work + work;
    while system.work < end && system.depth.len() > system.inputs {
        // A try on a dead node is work too: the loop ends where all are dead.
        system.work += 1;
        let before = system.cost;
        let node = system.inputs + random.below(system.depth.len() - system.inputs);
        dissolve_near(system, random, node);
        share(system);
        if system.cost <= before {
            system.commit();
        } else {
            system.roll_back();
        }
    }
}

/// Dissolves `node` and up to two more that stand where it stood.
fn dissolve_near(system: &mut System, random: &mut Random, mut node: usize) {
    for _ in 0..1 + random.below(TOGETHER) {
        if !system.is_live(node) {
            return;
        }
        let user = system.uses[node].first().map(|u| u.0 as usize);
        system.dissolve(node);
        let Some(terms) = user.map(|row| &system.rows[row].terms).filter(|t| !t.is_empty()) else { return };
        node = terms[random.below(terms.len())].node();
    }
}

/// Shares what is queued.
fn share(system: &mut System) {
    while let Some((bucket, count)) = system.queue.top() {
        if count < 2 {
            return;
        }
        let pair = bucket.pop().expect("the top bucket holds a pair");
        let now = system.counts.get(pair).min(count);
        let found = if now == count { system.gain(pair) as u32 } else { now };
        if found < count {
            if found > 1 {
                system.queue.push(pair, found);
            }
            continue;
        }
        system.substitute(pair);
    }
}
