//! Hardwire rtl-gen.
