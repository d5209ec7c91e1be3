//! Checksums that vendors put into their secrets.

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether the last six characters are the CRC-32 of what stands between the first `_` and them, in base 62.
pub(crate) fn crc32_holds(secret: &[u8]) -> bool {
    let Some(underscore) = secret.iter().position(|byte| *byte == b'_') else { return false };
    let drawn = &secret[underscore + 1..];
    drawn.len() > 6 && drawn[drawn.len() - 6..] == base62(crc32(&drawn[..drawn.len() - 6]))
}

fn base62(mut number: u32) -> [u8; 6] {
    let mut text = [b'0'; 6];
    for place in text.iter_mut().rev() {
        *place = BASE62[(number % 62) as usize];
        number /= 62;
    }
    text
}

/// CRC-32 as in zip and gzip. Bit by bit: it is run over tokens of forty characters.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // SEC-2
    #[test]
    fn the_crc_is_that_of_the_textbook() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    // SEC-2
    #[test]
    fn a_checksum_holds_until_one_letter_changes() {
        let drawn = "x7Kq2mW9aZ4tB1vC8nL5pR3sD6fG0h";
        let sum = base62(crc32(drawn.as_bytes()));
        let token = ["gh", "p_", drawn, &String::from_utf8_lossy(&sum)].concat();
        assert!(crc32_holds(token.as_bytes()));
        assert!(!crc32_holds(token.replace('K', "L").as_bytes()));
        assert!(!crc32_holds(b"ghp_") && !crc32_holds(b"") && !crc32_holds(b"_abcdef"));
    }
}
