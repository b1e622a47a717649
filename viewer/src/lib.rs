//! Hardwire viewer.
