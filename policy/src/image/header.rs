//! The checks that an image passes before anything in it is believed.

use core::fmt;

use crate::format::{
    BODY_AT, BUILD, BUILD_AT, BUILD_LEN, CHECKSUM_AT, HEADER_LEN, HEADER_WORDS, Header, MAGIC,
    VERSION, VERSION_AT,
};
use crate::hash;

/// Why bytes are not an image that this build may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// They do not begin as an image does.
    Foreign,
    /// They are an image of another format.
    OtherVersion {
        /// The version of its format.
        found: u32,
    },
    /// They were written by another build of ringfence.
    OtherBuild {
        /// The build as it names itself, filled up with zeros.
        found: [u8; BUILD_LEN],
    },
    /// There are fewer bytes than the image says, or than any image has.
    Truncated {
        /// The bytes that there are.
        length: usize,
        /// The bytes that there should be.
        expected: usize,
    },
    /// There are more bytes than the image says.
    TooLong {
        /// The bytes that there are.
        length: usize,
        /// The bytes that there should be.
        expected: usize,
    },
    /// The checksum is not that of the bytes.
    Damaged,
    /// The checksum is right, but the sections are not within the bytes: a fault of the compiler
    /// that wrote them, or a forgery.
    Inconsistent,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("not a ringfence policy image"),
            Self::OtherVersion { found } => {
                let age = if *found > VERSION { "newer" } else { "older" };
                write!(f, "format {found} is {age} than this build's format {VERSION}")
            }
            Self::OtherBuild { found } => {
                f.write_str("made by ringfence ")?;
                for byte in found.iter().take_while(|byte| **byte != 0) {
                    write!(f, "{}", byte.escape_ascii())?;
                }
                write!(f, ", not by this build, {BUILD}")
            }
            Self::Truncated { length, expected } => {
                write!(f, "truncated: {length} bytes of {expected}")
            }
            Self::TooLong { length, expected } => {
                write!(f, "too long: {length} bytes instead of {expected}")
            }
            Self::Damaged => f.write_str("damaged: its checksum does not match"),
            Self::Inconsistent => f.write_str("inconsistent: a section lies outside the image"),
        }
    }
}

impl core::error::Error for ImageError {}

/// The header of bytes that are an image of this build, whole and undamaged.
pub(super) fn verified(bytes: &[u8]) -> Result<[u32; HEADER_WORDS], ImageError> {
    let length = bytes.len();
    let truncated = |expected| ImageError::Truncated { length, expected };
    let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
        let is_ours = bytes.iter().zip(&MAGIC).all(|(found, wanted)| found == wanted);
        return Err(if is_ours { truncated(HEADER_LEN) } else { ImageError::Foreign });
    };
    if !header.starts_with(&MAGIC) {
        return Err(ImageError::Foreign);
    }
    let found = u32::from_le_bytes(array(header, VERSION_AT));
    if found != VERSION {
        return Err(ImageError::OtherVersion { found });
    }
    let found = array(header, BUILD_AT);
    if found != build() {
        return Err(ImageError::OtherBuild { found });
    }
    let mut words = [0; HEADER_WORDS];
    let (raw, _) = header.split_at(BODY_AT).1.as_chunks::<4>();
    for (word, raw) in words.iter_mut().zip(raw) {
        *word = u32::from_le_bytes(*raw);
    }
    let [expected, ..] = words;
    let expected = expected as usize;
    if length < expected {
        return Err(truncated(expected));
    }
    if length > expected {
        return Err(ImageError::TooLong { length, expected });
    }
    let body = bytes.get(BODY_AT..).unwrap_or_default();
    if hash::checksum(body) != u64::from_le_bytes(array(header, CHECKSUM_AT)) {
        return Err(ImageError::Damaged);
    }
    Ok(words)
}

/// The bytes of `header` from `at` on; zeros where there are none.
fn array<const N: usize>(header: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    header.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

/// This build, as the header names it.
pub(crate) fn build() -> [u8; BUILD_LEN] {
    let mut build = [0; BUILD_LEN];
    for (byte, letter) in build.iter_mut().zip(BUILD.bytes()) {
        *byte = letter;
    }
    build
}

/// A section of records of `N` bytes, as the header gives its offset and number.
pub(super) fn section<'a, const N: usize>(
    bytes: &'a [u8],
    header: &[u32; HEADER_WORDS],
    section: Header,
) -> Option<&'a [[u8; N]]> {
    let [offset, count] = *header.get(section as usize..)?.first_chunk()?;
    let length = (count as usize).checked_mul(N)?;
    let (records, _) = bytes.get(offset as usize..)?.get(..length)?.as_chunks();
    Some(records)
}
