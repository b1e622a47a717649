//! Hardwire netlist.
