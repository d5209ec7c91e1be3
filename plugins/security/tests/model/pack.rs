//! Archives, made byte by byte.

use miniz_oxide::deflate::compress_to_vec;

/// A zip of entries: name, content, method (0 stored, 8 deflated), flags.
pub(crate) fn zip(entries: &[(&str, &[u8], u16, u16)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content, method, flags) in entries {
        let offset = u32::try_from(file.len()).unwrap();
        let packed = if *method == 8 { compress_to_vec(content, 6) } else { content.to_vec() };
        let sizes = [0, packed.len(), content.len()].map(|n| u32::try_from(n).unwrap().to_le_bytes()).concat();
        let lengths = [u16::try_from(name.len()).unwrap(), 0].map(u16::to_le_bytes).concat();
        let common = [[20u16, *flags, *method, 0, 0].map(u16::to_le_bytes).concat(), sizes, lengths].concat();
        file.extend([b"PK\x03\x04".as_slice(), &common, name.as_bytes(), &packed].concat());
        let rest = [&[0; 10], offset.to_le_bytes().as_slice(), name.as_bytes()].concat();
        directory.extend([b"PK\x01\x02\x14\0".as_slice(), &common, &rest].concat());
    }
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    let place = [directory.len(), file.len()].map(|n| u32::try_from(n).unwrap().to_le_bytes()).concat();
    [file, directory, b"PK\x05\x06\0\0\0\0".to_vec(), count.to_vec(), count.to_vec(), place, vec![0, 0]].concat()
}

/// A tar of entries: name, kind, content.
pub(crate) fn tar(entries: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    for (name, kind, content) in entries {
        let mut block = [0u8; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        block[156] = *kind;
        block[257..262].copy_from_slice(b"ustar");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        file.extend(block);
        file.extend_from_slice(content);
        file.resize(file.len().div_ceil(512) * 512, 0);
    }
    file.extend([0; 1024]);
    file
}

/// One file in a gzip.
pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    [b"\x1F\x8B\x08\x08\0\0\0\0\0\x03app.env\0".as_slice(), &compress_to_vec(content, 6), &[0; 8]].concat()
}
