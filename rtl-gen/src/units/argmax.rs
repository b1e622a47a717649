//! `hw_argmax` and, beside it, `hw_topk`: both read the logits as they come.

use crate::error::Error;
use crate::instance::Instance;
use crate::shape::{TOP_K, index_bits};
use crate::site::{Context, Site};
use hardwire_netlist::{Chip, UnitId};

pub fn site(c: &Context) -> Result<Site, Error> {
    let (path, name, v, (len, from)) = (&c.unit.path, &c.name, c.shape.lanes, logits(c.chip, c.id)?);
    let (input, idw) = (&c.inputs[0], index_bits(len));
    let of = |module: &str, name: String, what: String| {
        let i = Instance::new(module, name, vec![what]).param("V", v).param("LEN", len).param("IB", from);
        i.param("IDW", idw)
    };
    let stream = |i: Instance| i.clocked().input("in_valid", 1, &input.valid).input("in_data", v * input.bits, &input.data);
    let i = stream(of("hw_argmax", format!("{name}_i"), format!("{path}: {len} logits"))).output("out_valid", 1, format!("{name}_valid"));
    let i = i.output("out_id", idw, format!("{name}_data")).output("out_logit", from, format!("{name}_logit"));
    let top = of("hw_topk", format!("{name}_top_i"), format!("the {TOP_K} greatest logits"));
    let top = stream(top.param("K", TOP_K).param("KW", index_bits(TOP_K))).output("out_valid", 1, "top_valid");
    let top = top.output("out_rank", index_bits(TOP_K), "top_rank").output("out_id", idw, "top_id").output("out_logit", from, "top_logit");
    let nets = vec![(format!("{name}_valid"), 1), (format!("{name}_data"), idw), (format!("{name}_logit"), from)];
    Ok(Site { instances: vec![i, top], nets, ovf: None })
}

/// Vocabulary and logit bits of an Argmax.
pub fn logits(chip: &Chip, argmax: UnitId) -> Result<(u32, u32), Error> {
    let netlist = chip.netlist();
    let from = netlist.inputs(argmax).first().map(|&p| netlist.unit(p));
    from.map(|u| (u.out_len, u32::from(u.out.bits))).ok_or_else(|| Error::unit(&netlist.unit(argmax).path, "has no input"))
}
