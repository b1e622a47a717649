//! Hardwire models.
