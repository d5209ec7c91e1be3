//! Deflated bytes, unpacked with a bound on what may come out.

use super::Gap;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// What `input` unpacks to, at most `most` bytes, and how much of `input` that took.
pub(super) fn inflate(input: &[u8], most: usize) -> Result<(Vec<u8>, usize), Gap> {
    let mut state = Box::<DecompressorOxide>::default();
    let mut output = vec![0; input.len().saturating_mul(4).clamp(1024, 1 << 20).min(most)];
    let (mut read, mut written) = (0, 0);
    loop {
        let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, consumed, produced) = decompress(&mut state, &input[read..], &mut output, written, flags);
        read += consumed;
        written += produced;
        match status {
            TINFLStatus::Done => {
                output.truncate(written);
                return Ok((output, read));
            }
            TINFLStatus::HasMoreOutput if output.len() < most => {
                output.resize((output.len() * 2).clamp(1024, most.max(1024)).min(most), 0);
            }
            TINFLStatus::HasMoreOutput => return Err(Gap::TooLarge),
            _ => return Err(Gap::Damaged),
        }
    }
}
