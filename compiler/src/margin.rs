//! What the first chip of a die keeps free for the weights of later ones: bits past those that its own weights need. A respin changes the
//! contents of ROM and nothing else ([`crate::onto`]), so what is not reserved here is not there.

use std::fmt;
use std::str::FromStr;

/// Bits reserved; 0: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Margin {
    /// Of a group's sum and of the total.
    pub sums: u8,
    /// Of scale and offset mantissas.
    pub scales: u8,
    /// Of output shifts.
    pub shifts: u8,
    /// Above the greatest gain of a norm, weight of a convolution or rate of a decay.
    pub gains: u8,
    /// Codebook values that no weight of a stored grid uses.
    pub slots: u8,
}

/// Most bits of any: past them the sums would leave 62 bits.
const MOST: u8 = 16;

impl FromStr for Margin {
    type Err = String;

    fn from_str(s: &str) -> Result<Margin, String> {
        let mut margin = Margin::default();
        let bits = |text: &str| text.parse().ok().filter(|b| *b <= MOST).ok_or(format!("{text}, expected 0 to {MOST}"));
        for part in s.split(',') {
            match part.split_once('=') {
                None => {
                    let all = bits(part)?;
                    margin = Margin { sums: all, scales: all, shifts: all, gains: all, ..margin };
                }
                Some(("slots", n)) => margin.slots = n.parse().map_err(|_| format!("{n}, expected 0 to 255"))?,
                Some(("sums", n)) => margin.sums = bits(n)?,
                Some(("scales", n)) => margin.scales = bits(n)?,
                Some(("shifts", n)) => margin.shifts = bits(n)?,
                Some(("gains", n)) => margin.gains = bits(n)?,
                Some((name, _)) => return Err(format!("{name}, expected sums, scales, shifts, gains or slots")),
            }
        }
        Ok(margin)
    }
}

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Margin { sums, scales, shifts, gains, slots } = self;
        write!(f, "sums={sums},scales={scales},shifts={shifts},gains={gains},slots={slots}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_read_as_they_are_written() {
        let all: Margin = "1,slots=3".parse().unwrap();
        assert_eq!(all, Margin { sums: 1, scales: 1, shifts: 1, gains: 1, slots: 3 });
        assert_eq!(all.to_string().parse(), Ok(all));
        assert_eq!("sums=2".parse(), Ok(Margin { sums: 2, ..Margin::default() }));
        for bad in ["", "x", "17", "sums=17", "lanes=1", "slots=256"] {
            assert!(bad.parse::<Margin>().unwrap_err().contains("expected"), "{bad}");
        }
    }
}
