//! Hardwire compiler.
