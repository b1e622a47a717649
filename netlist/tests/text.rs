//! Netlists as text: what is written parses back, goldens of two small chips, and what is no netlist is refused with its line.

use expect_test::{Expect, expect, expect_file};
use hardwire_netlist::Netlist;
use petgraph::visit::EdgeRef;

const SMALL: &str = include_str!("chips/small.txt");
const MIXTURE: &str = include_str!("chips/mixture.txt");

/// All that a netlist is.
fn whole(n: &Netlist) -> String {
    let units: Vec<_> = n.units().map(|(_, u)| u).collect();
    let mut edges: Vec<_> = n.graph.edge_references().map(|e| (e.target(), e.weight().port, e.source())).collect();
    edges.sort();
    format!("{} {:?} {:?} {units:?} {edges:?}", n.lanes, n.stations, n.tables)
}

#[test]
fn small_chips_read_and_write() {
    for (text, golden) in [(SMALL, expect_file!["chips/small.txt"]), (MIXTURE, expect_file!["chips/mixture.txt"])] {
        let n = Netlist::from_text(text).unwrap();
        n.validate().unwrap();
        let written = n.to_text();
        golden.assert_eq(&written);
        assert_eq!(whole(&Netlist::from_text(&written).unwrap()), whole(&n));
        // The same by way of the chip's file.
        let json: Netlist = serde_json::from_str(&serde_json::to_string(&n).unwrap()).unwrap();
        assert_eq!(json.to_text(), written);
    }
}

/// Netlists that no rule would let pass are still said whole.
#[test]
fn what_is_wrong_reads_and_writes_too() {
    let text = "netlist lanes=3 swish_alpha=1.5\n\nstation \"a \\\"b\\\"\"\n\nstation empty layer=4\n\
                unit x @7 = add [3:y, y, 0:x] -> 4294967295 x 255q-32768 expert=9\nunit y @0 = argmax -> 0 x 0q0\n";
    let n = Netlist::from_text(text).unwrap();
    assert_eq!(whole(&Netlist::from_text(&n.to_text()).unwrap()), whole(&n));
    assert_eq!(n.to_text(), text.replace("[3:y, y, 0:x]", "[x, y, 3:y]"));
    n.validate().unwrap_err();
}

fn refused(text: &str, message: Expect) {
    message.assert_eq(&Netlist::from_text(text).unwrap_err().to_string());
}

#[test]
fn what_is_no_netlist_is_refused_with_its_line() {
    let of = |units: &str| format!("netlist lanes=4 swish_alpha=1.702\nstation embed\n{units}");
    refused("", expect!["line 1: the end of the line, expected netlist"]);
    refused("netlist lanes=many", expect!["line 1: `many`, expected a number of lanes"]);
    refused(&of("wire x"), expect!["line 3: `wire x`, expected `station` or `unit`"]);
    refused(&of("unit a = add -> 8 x 24"), expect!["line 3: `24`, expected a format such as 24q12"]);
    refused(&of("unit a = add -> 8 x 300q2"), expect!["line 3: `300q2`, expected at most 255 bits"]);
    refused(
        &of("unit a = adder -> 8 x 24q12"),
        expect![
            "line 3: unit a: unknown variant `adder`, expected one of `embed`, `rms_norm`, `row_feed`, `mvm`, `rope`, `attention`, `gated_act`, `add`, `argmax`, `route`, `mix`, `conv`, `decay`, `delta`"
        ],
    );
    refused(&of("unit a = rope -> 8 x 24q12\n  heads=2 head_dim=4"), expect!["line 3: unit a: missing field `rotated`"]);
    refused(&of("unit a = rope -> 8 x 24q12\n  heads=2 heads=4"), expect!["line 4: the end of the line, expected a field once"]);
    refused(&of("unit a = rope -> 8 x 24q12\n  heads.of=2 heads=4"), expect!["line 4: the end of the line, expected a field once"]);
    refused(&of("unit a = rope -> 8 x 24q12\n  input=[[[[[1]]]]]"), expect!["line 4: `[1]]]]]`, expected a value"]);
    refused(
        &of("unit a = rope -> 8 x 24q12\n  input=[0..=9999999999]"),
        expect!["line 4: `]`, expected a run of at most 65536 numbers that count up"],
    );
    refused(&of("unit a = rope -> 8 x 24q12\n  input=\"no end"), expect![[r#"line 4: `\"no end`, expected a string that ends"#]]);
    refused(&of("unit a = add [b] -> 8 x 24q12"), expect!["line 3: unit a: b names 0 units, expected one"]);
    refused(
        &of("unit a = add -> 8 x 24q12\nunit a = add -> 8 x 24q12\nunit b = add [a] -> 8 x 24q12"),
        expect!["line 5: unit b: a names 2 units, expected one"],
    );
}
