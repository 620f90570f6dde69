//! RFC 1952 with the fixed codes of RFC 1951: enough to hide a text and to build a bomb, without a library.

/// A member's header: deflate, no name, no time, an unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// The longest repetition that one code writes.
const REPEAT: usize = 258;
/// The longest code in bits, for the reversal.
const LONGEST: u32 = 9;

/// Compresses a text byte by byte.
pub(super) fn compress(text: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.start();
    for byte in text {
        bits.literal(*byte);
    }
    finish(bits, crc32(text.iter().copied()), text.len())
}

/// A stream that decompresses to `size` spaces or some more, at about 1/158 of that.
pub(super) fn bomb(size: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.start();
    bits.literal(b' ');
    let rounds = size.div_ceil(REPEAT);
    for _ in 0..rounds {
        bits.repeat();
    }
    let length = 1 + rounds * REPEAT;
    finish(bits, crc32(std::iter::repeat_n(b' ', length)), length)
}

fn finish(mut bits: Bits, crc: u32, length: usize) -> Vec<u8> {
    // End of block: seven zero bits.
    bits.code(0, 7);
    let length = u32::try_from(length % (1 << 32)).unwrap_or_default();
    [HEADER.as_slice(), &bits.bytes(), &crc.to_le_bytes(), &length.to_le_bytes()].concat()
}

/// Bits as deflate packs them: from the lowest bit of each byte.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    byte: u8,
    filled: u32,
}

impl Bits {
    fn bit(&mut self, bit: u32) {
        if bit & 1 == 1 {
            self.byte |= 1 << self.filled;
        }
        self.filled += 1;
        if self.filled == u8::BITS {
            self.bytes.push(self.byte);
            (self.byte, self.filled) = (0, 0);
        }
    }

    /// The last block, with fixed codes.
    fn start(&mut self) {
        for bit in [1, 1, 0] {
            self.bit(bit);
        }
    }

    /// A Huffman code, its highest bit first.
    fn code(&mut self, code: u32, length: u32) {
        for place in (0..length.min(LONGEST)).rev() {
            self.bit(code >> place);
        }
    }

    fn literal(&mut self, byte: u8) {
        let byte = u32::from(byte);
        if byte < 144 { self.code(0x30 + byte, 8) } else { self.code(0x190 + byte - 144, 9) }
    }

    /// 258 bytes from one byte back: length code 285 has no extra bits, distance code 0 neither.
    fn repeat(&mut self) {
        self.code(0b1100_0101, 8);
        self.code(0, 5);
    }

    fn bytes(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.bytes.push(self.byte);
        }
        self.bytes
    }
}

/// The checksum of RFC 1952, section 8.
fn crc32(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(u32::MAX, |crc, byte| {
        (0..u8::BITS).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    /// What another implementation makes of it.
    fn gunzip(stream: &[u8]) -> Vec<u8> {
        let mut child = Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let stream = stream.to_vec();
        let writer = std::thread::spawn(move || input.write_all(&stream).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success());
        output.stdout
    }

    #[test]
    fn another_implementation_reads_it_and_the_text_does_not_show() {
        let text: Vec<u8> = (0..=255).chain(*b"a secret that must not show").collect();
        let stream = super::compress(&text);
        assert_eq!(gunzip(&stream), text);
        assert!(!stream.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn a_bomb_grows_a_hundredfold() {
        let stream = super::bomb(1_000_000);
        let grown = gunzip(&stream);
        assert!(grown.len() >= 1_000_000 && grown.iter().all(|byte| *byte == b' '));
        assert!(stream.len() * 100 < grown.len());
    }
}
