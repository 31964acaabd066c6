//! A line put together without formatting machinery.

use ringfence_policy::RuleView;

use crate::sys;

/// A line that is put together in a fixed buffer; what does not fit is left out.
pub(crate) struct Line<'a> {
    bytes: &'a mut [u8],
    length: usize,
}

impl<'a> Line<'a> {
    /// An empty line in `bytes`.
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, length: 0 }
    }

    /// What is there.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn byte(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length = self.length.saturating_add(1);
        }
    }

    /// Bytes as they are.
    pub(crate) fn text(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.byte(*byte));
    }

    /// Bytes with what would disturb a terminal or a log written as `\xNN`.
    pub(crate) fn shown(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b' '..=b'[' | b']'..=b'~' => self.byte(*byte),
                _ => {
                    self.text(b"\\x");
                    self.hex(*byte);
                }
            }
        }
    }

    fn hex(&mut self, byte: u8) {
        for digit in [byte >> 4, byte & 15] {
            self.byte(if digit < 10 {
                digit.saturating_add(b'0')
            } else {
                digit.saturating_sub(10).saturating_add(b'a')
            });
        }
    }

    /// A number in decimal digits.
    pub(crate) fn number(&mut self, number: u64) {
        self.digits(number, 1);
    }

    fn digits(&mut self, number: u64, least: u32) {
        let mut scale = 1_u64;
        let mut used = 1_u32;
        while used < least || number.checked_div(scale).unwrap_or(0) >= 10 {
            scale = scale.saturating_mul(10);
            used = used.saturating_add(1);
        }
        while scale > 0 {
            let digit = number.checked_div(scale).unwrap_or(0) % 10;
            self.byte(u8::try_from(digit).unwrap_or(0).saturating_add(b'0'));
            scale /= 10;
        }
    }

    /// The time of day in UTC as RFC 3339 writes it, to the millisecond.
    pub(super) fn time(&mut self) {
        let (seconds, nanoseconds) = sys::time(libc::CLOCK_REALTIME);
        let (year, month, day) = civil(seconds / 86_400);
        self.digits(year, 4);
        for (separator, number) in [
            (b'-', month),
            (b'-', day),
            (b'T', seconds / 3600 % 24),
            (b':', seconds / 60 % 60),
            (b':', seconds % 60),
        ] {
            self.byte(separator);
            self.digits(number, 2);
        }
        self.byte(b'.');
        self.digits(u64::from(nanoseconds / 1_000_000), 3);
        self.byte(b'Z');
    }

    /// `file:line:column`, as the inside of a JSON string.
    pub(crate) fn place(&mut self, rule: &RuleView<'_>) {
        self.json_text(rule.place.file.as_bytes());
        for number in [rule.place.line, rule.place.column] {
            if number > 0 {
                self.byte(b':');
                self.number(u64::from(number));
            }
        }
    }

    /// `,"name":"value"`.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        self.name(name.as_bytes());
        self.quoted(value.as_bytes());
    }

    fn name(&mut self, name: &[u8]) {
        self.text(b",\"");
        self.text(name);
        self.text(b"\":");
    }

    /// A path: as a string where it is UTF-8, else as base64 under another name; one that does
    /// not fit is cut, and says so.
    pub(super) fn path_field(&mut self, name: &str, path: &[u8]) {
        let room = self.bytes.len().saturating_sub(self.length).saturating_sub(1024) / 6;
        let cut = path.len() > room;
        let path = path.get(..room.min(path.len())).unwrap_or_default();
        let whole = match core::str::from_utf8(path) {
            Ok(_) => Some(path),
            // A cut may fall within a character.
            Err(error) if cut && error.error_len().is_none() => path.get(..error.valid_up_to()),
            Err(_) => None,
        };
        match whole {
            Some(path) => {
                self.name(name.as_bytes());
                self.quoted(path);
            }
            None => {
                self.text(b",\"");
                self.text(name.as_bytes());
                self.text(b"_base64\":\"");
                self.base64(path);
                self.text(b"\"");
            }
        }
        if cut {
            self.text(b",\"");
            self.text(name.as_bytes());
            self.text(b"_cut\":true");
        }
    }

    /// A JSON string.
    pub(super) fn quoted(&mut self, text: &[u8]) {
        self.byte(b'"');
        self.json_text(text);
        self.byte(b'"');
    }

    /// The inside of a JSON string (RFC 8259, section 7); what is not UTF-8 becomes U+FFFD.
    fn json_text(&mut self, text: &[u8]) {
        for chunk in text.utf8_chunks() {
            for byte in chunk.valid().bytes() {
                match byte {
                    b'"' | b'\\' => {
                        self.byte(b'\\');
                        self.byte(byte);
                    }
                    0..=31 | 127 => {
                        self.text(b"\\u00");
                        self.hex(byte);
                    }
                    _ => self.byte(byte),
                }
            }
            if !chunk.invalid().is_empty() {
                self.text("\u{fffd}".as_bytes());
            }
        }
    }

    /// RFC 4648, section 4.
    fn base64(&mut self, bytes: &[u8]) {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for group in bytes.chunks(3) {
            let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
            let word = byte(0) << 16 | byte(1) << 8 | byte(2);
            for (place, shift) in [18_u32, 12, 6, 0].into_iter().enumerate() {
                let digit = ALPHABET.get((word >> shift & 63) as usize).copied().unwrap_or(b'=');
                self.byte(if place > group.len() { b'=' } else { digit });
            }
        }
    }

    /// The end of a line: it always fits, whatever had to be left out before.
    pub(super) fn close(&mut self, end: &[u8]) {
        self.length = self.length.min(self.bytes.len().saturating_sub(end.len()));
        self.text(end);
    }
}

/// The date of a day counted from 1970-01-01, in the proleptic Gregorian calendar: years of 400
/// repeat, and counting them from March puts the leap day last (H. Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`).
const fn civil(day: u64) -> (u64, u64, u64) {
    let day = day.saturating_add(719_468);
    let era = day / 146_097;
    let of_era = day % 146_097;
    let year = (of_era
        .saturating_sub(of_era / 1460)
        .saturating_add(of_era / 36_524)
        .saturating_sub(of_era / 146_096))
        / 365;
    let before = year.saturating_mul(365).saturating_add(year / 4).saturating_sub(year / 100);
    let of_year = of_era.saturating_sub(before);
    let shifted = of_year.saturating_mul(5).saturating_add(2) / 153;
    let date =
        of_year.saturating_sub(shifted.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
    let month = if shifted < 10 { shifted.saturating_add(3) } else { shifted.saturating_sub(9) };
    let year = year.saturating_add(era.saturating_mul(400));
    let year = if month <= 2 { year.saturating_add(1) } else { year };
    (year, month, date)
}
