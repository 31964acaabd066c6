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
    // An offset that lies elsewhere is damage, or its checksum would be that of other bytes.
    let judged = bytes.get(BODY_AT..messages_at(&words)).filter(|body| body.len() >= BODY_LEN);
    let checksum = u64::from_le_bytes(array(header, CHECKSUM_AT));
    match judged {
        Some(body) if hash::checksum(body) == checksum => Ok(words),
        _ => Err(ImageError::Damaged),
    }
}

/// Holds the part for messages to its checksum, which the header has.
pub(super) fn verify_messages(
    bytes: &[u8],
    header: &[u32; HEADER_WORDS],
) -> Result<(), ImageError> {
    let sum = header.get(Header::MessagesSum as usize..).and_then(|rest| rest.first_chunk());
    let messages = bytes.get(messages_at(header)..);
    match sum.zip(messages) {
        Some(([low, high], messages))
            if hash::checksum(messages) == u64::from(*low) | u64::from(*high) << 32 =>
        {
            Ok(())
        }
        _ => Err(ImageError::Damaged),
    }
}

/// The bytes of the header that are under the checksum.
const BODY_LEN: usize = HEADER_LEN - BODY_AT;

fn messages_at(header: &[u32; HEADER_WORDS]) -> usize {
    header.get(Header::Messages as usize).copied().unwrap_or_default() as usize
}

/// Writes both checksums into an image whose header has all else; `None` where that names no
/// beginning of the part for messages.
pub(crate) fn seal(bytes: &mut [u8]) -> Option<()> {
    let word = |word: Header| BODY_AT.checked_add((word as usize).checked_mul(4)?);
    let at = word(Header::Messages)?;
    let messages = u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize;
    let sum = hash::checksum(bytes.get(messages..)?).to_le_bytes();
    bytes.get_mut(word(Header::MessagesSum)?..)?.first_chunk_mut().map(|place| *place = sum)?;
    let sum = hash::checksum(bytes.get(BODY_AT..messages)?).to_le_bytes();
    bytes.get_mut(CHECKSUM_AT..)?.first_chunk_mut().map(|place| *place = sum)
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
