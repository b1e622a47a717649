//! The host's side of the serial line: frames of ids to a board, answers from it (docs/fpga.md). Any stream of bytes will do; who opens a device sets
//! its rate.

use crate::error::Error;
use hardwire_rtl_gen::board::id_bytes;
use std::io::{Read, Write};

/// Bit of a frame's head that begins a sequence, and of an answer's that an id follows.
const MARK: u8 = 0x80;
/// Most tokens that one frame asks for.
const MOST: u32 = 0x7f;

/// A board on a line, with the model that is on it.
pub struct Line<S> {
    stream: S,
    vocab: u32,
    context: u32,
    /// Positions of the sequence that the board holds.
    at: u32,
}

impl<S: Read + Write> Line<S> {
    pub fn new(stream: S, vocab: u32, context: u32) -> Line<S> {
        Line { stream, vocab, context, at: 0 }
    }

    /// Begins a sequence with `prompt`, and gives up to `new` tokens to `token` until it answers false.
    ///
    /// # Errors
    /// A prompt that is empty, longer than the context or has an id past the vocabulary; a line that fails; an answer that is none.
    pub fn generate(&mut self, prompt: &[u32], new: u32, token: &mut dyn FnMut(u32) -> bool) -> Result<(), Error> {
        if prompt.is_empty() || prompt.len() as u32 > self.context {
            return Err(Error::Talk(format!("a prompt of {} tokens, the board holds 1 to {}", prompt.len(), self.context)));
        }
        if let Some(id) = prompt.iter().find(|&&id| id >= self.vocab) {
            return Err(Error::Talk(format!("token {id}, the model knows 0 to {}", self.vocab - 1)));
        }
        self.at = 0;
        let (last, before) = prompt.split_last().expect("it is not empty");
        for &id in before {
            self.send(id, 0)?;
            self.answer()?;
        }
        let (mut id, mut left) = (*last, new);
        while left > 0 {
            // The token that ends a frame is given in again by the next.
            let asked = left.min(MOST).min(self.context - self.at);
            if asked == 0 {
                return Ok(());
            }
            self.send(id, asked)?;
            let mut goes_on = true;
            for n in 0..asked {
                id = self.answer()?.ok_or_else(|| Error::Talk("an answer without the token that was asked for".into()))?;
                self.at += u32::from(n > 0);
                // What was asked for comes all the same.
                goes_on = goes_on && token(id);
            }
            if !goes_on {
                return Ok(());
            }
            left -= asked;
        }
        Ok(())
    }

    /// A frame: head and id.
    fn send(&mut self, id: u32, asked: u32) -> Result<(), Error> {
        let first = if self.at == 0 { MARK } else { 0 };
        let mut frame = vec![first | asked as u8];
        frame.extend(&id.to_le_bytes()[..id_bytes(self.vocab) as usize]);
        self.at += 1;
        let sent = self.stream.write_all(&frame).and_then(|()| self.stream.flush());
        sent.map_err(|e| Error::Talk(e.to_string()))
    }

    /// An answer: the token in it, if there is one.
    fn answer(&mut self) -> Result<Option<u32>, Error> {
        let mut head = [0];
        self.take(&mut head)?;
        if head[0] & !(MARK | 7) != 0 {
            return Err(Error::Talk(format!(
                "a byte {:02x} that begins no answer; is it this model's bitstream, and the line at its rate?",
                head[0]
            )));
        }
        if head[0] & MARK == 0 {
            return Ok(None);
        }
        let mut id = [0; 4];
        self.take(&mut id[..id_bytes(self.vocab) as usize])?;
        let id = u32::from_le_bytes(id);
        if id >= self.vocab {
            return Err(Error::Talk(format!("token {id} of a vocabulary of {}", self.vocab)));
        }
        Ok(Some(id))
    }

    fn take(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.stream.read_exact(bytes).map_err(|e| Error::Talk(format!("no answer: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// A board whose model counts up by one.
    #[derive(Default)]
    struct Counts {
        frames: Vec<(u8, u16)>,
        answers: VecDeque<u8>,
    }

    impl Write for Counts {
        fn write(&mut self, frame: &[u8]) -> std::io::Result<usize> {
            let id = u16::from_le_bytes([frame[1], frame[2]]);
            self.frames.push((frame[0], id));
            for n in 1..=u16::from(frame[0] & 0x7f) {
                self.answers.push_back(0x80);
                self.answers.extend((id + n).to_le_bytes());
            }
            if frame[0] & 0x7f == 0 {
                self.answers.push_back(0);
            }
            Ok(frame.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Read for Counts {
        fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
            self.answers.read(bytes)
        }
    }

    #[test]
    fn frames_and_answers_are_as_the_board_has_them() {
        let mut line = Line::new(Counts::default(), 1000, 300);
        let mut got = Vec::new();
        line.generate(&[5, 6, 300], 200, &mut |id| {
            got.push(id);
            true
        })
        .unwrap();
        assert_eq!(got, (301..=500).collect::<Vec<u32>>());
        // A frame asks for 127 at most, and its last token begins the next.
        assert_eq!(line.stream.frames, [(0x80, 5), (0, 6), (127, 300), (73, 427)]);
        assert_eq!(line.at, 2 + 200);
        // Past the context nothing is asked for.
        let mut n = 0;
        line.generate(&[1; 290], 64, &mut |_| {
            n += 1;
            true
        })
        .unwrap();
        assert_eq!(n, 11);
        assert!(line.generate(&[], 1, &mut |_| true).is_err());
        assert!(line.generate(&[1000], 1, &mut |_| true).unwrap_err().to_string().contains("999"));
    }
}
