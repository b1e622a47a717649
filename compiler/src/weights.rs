//! What the compiler asks of a model's weights before it encodes them, and the two who answer: a checkpoint from its tensors, and a bare
//! shape from what weights are usually like. Both answer for the same operator graph, so one path makes a chip of either.

use crate::error::Error;
use hardwire_models::{Checkpoint, Rate, Shape};
use rayon::prelude::*;

/// Rows of a matrix that are looked at: few beside what is read anyway, even where a row costs a visit to the disk.
const SAMPLED_ROWS: usize = 512;

pub(crate) trait Weights: Sync {
    fn shape(&self) -> &Shape;

    /// `len` gains of a norm, `offset` added to each.
    fn gains(&self, tensor: &str, offset: f64, len: usize) -> Result<Vec<f64>, Error>;

    /// `len` values of a bias, or of sinks.
    fn vector(&self, tensor: &str, len: usize) -> Result<Vec<f64>, Error>;

    /// Speeds of decay that a vector says.
    fn speeds(&self, tensor: &str, stored: Rate, len: usize) -> Result<Vec<f64>, Error>;

    /// Root mean square over the rows of a matrix of `sqrt(sum_k (w_k * g_k)^2)`: the spread of `W x` where `x_k` has spread `g_k`, 1 if
    /// none are given.
    fn spread(&self, tensor: &str, gains: Option<&[f64]>) -> Result<f64, Error>;
}

impl Weights for Checkpoint {
    fn shape(&self) -> &Shape {
        self.shape()
    }

    fn gains(&self, tensor: &str, offset: f64, len: usize) -> Result<Vec<f64>, Error> {
        Ok(self.vector(tensor, len)?.iter().map(|g| g + offset).collect())
    }

    fn vector(&self, tensor: &str, _: usize) -> Result<Vec<f64>, Error> {
        Ok(self.tensor(tensor)?.to_f32()?.iter().map(|&x| f64::from(x)).collect())
    }

    fn speeds(&self, tensor: &str, stored: Rate, _: usize) -> Result<Vec<f64>, Error> {
        Ok(Checkpoint::speeds(self, tensor, stored)?)
    }

    fn spread(&self, tensor: &str, gains: Option<&[f64]>) -> Result<f64, Error> {
        let tensor = self.tensor(tensor)?;
        // Rows alike in distribution: these, evenly spaced, fix the spread to a few per cent, and it is only a power of two.
        let step = tensor.rows().div_ceil(SAMPLED_ROWS).max(1);
        let rows: Vec<usize> = (0..tensor.rows()).step_by(step).collect();
        let squares = rows
            .par_iter()
            .map(|&n| {
                let mut row = vec![0f32; tensor.cols()];
                tensor.row_f32(n, &mut row)?;
                Ok(row.iter().enumerate().map(|(k, &w)| (f64::from(w) * gains.map_or(1.0, |g| g[k])).powi(2)).sum::<f64>())
            })
            .collect::<Result<Vec<f64>, Error>>()?;
        tensor.release();
        Ok(libm::sqrt(squares.iter().sum::<f64>() / rows.len().max(1) as f64))
    }
}

/// Norm of a trained matrix's rows: 64 inputs of standard deviation 0.02 at a width of 4096, and as much at any other, as in
/// [`hardwire_models::synthetic`].
const ROW_NORM: f64 = 1.28;

/// A shape whose weights are as trained ones usually are: gains of one, no biases, rows of norm [`ROW_NORM`].
pub(crate) struct Usual<'a>(pub &'a Shape);

impl Weights for Usual<'_> {
    fn shape(&self) -> &Shape {
        self.0
    }

    fn gains(&self, _: &str, _: f64, len: usize) -> Result<Vec<f64>, Error> {
        Ok(vec![1.0; len])
    }

    fn vector(&self, _: &str, len: usize) -> Result<Vec<f64>, Error> {
        Ok(vec![0.0; len])
    }

    fn speeds(&self, _: &str, _: Rate, len: usize) -> Result<Vec<f64>, Error> {
        Ok(vec![1.0; len])
    }

    fn spread(&self, _: &str, gains: Option<&[f64]>) -> Result<f64, Error> {
        let gain = gains.map_or(1.0, |g| libm::sqrt(g.iter().map(|g| g * g).sum::<f64>() / g.len().max(1) as f64));
        Ok(ROW_NORM * gain)
    }
}
