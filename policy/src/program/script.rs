//! The first line of a script, as the kernel reads it.

use super::Script;

/// The bytes of a file that the kernel looks at for `#!`; what lies beyond is cut off.
const SCRIPT_HEAD: usize = 256;

/// The kernel's reading of `#!` (`binfmt_script`): the whole line must fit, or at least the
/// interpreter's name with the byte that ends it, so that no cut name is ever run.
pub(super) fn script(head: &[u8]) -> Option<Script<'_>> {
    let line = head.get(..SCRIPT_HEAD).unwrap_or(head).strip_prefix(b"#!")?;
    // Without a newline, a NUL ends it, or the end of a short file, which the kernel pads with NULs.
    let end = line.iter().position(|&byte| byte == b'\n' || byte == 0);
    let cut = end.is_none() && head.len() >= SCRIPT_HEAD;
    let newline = end.is_some_and(|end| line.get(end) == Some(&b'\n'));
    let line = trim_start(line.get(..end.unwrap_or(line.len()))?);
    let name_end = line.iter().position(|&byte| is_blank(byte));
    if cut && name_end.is_none() {
        return None;
    }
    let (interpreter, rest) = line.split_at_checked(name_end.unwrap_or(line.len()))?;
    if interpreter.is_empty() {
        return None;
    }
    // Of a line that is cut, the last byte gives way to a NUL of the kernel's.
    let rest = if cut { rest.split_last().map_or(rest, |(_, kept)| kept) } else { rest };
    let argument = trim_start(if newline || cut { trim_end(rest) } else { rest });
    Some(Script { interpreter, argument: (!argument.is_empty()).then_some(argument) })
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn trim_start(mut text: &[u8]) -> &[u8] {
    while let Some((&first, rest)) = text.split_first()
        && is_blank(first)
    {
        text = rest;
    }
    text
}

fn trim_end(mut text: &[u8]) -> &[u8] {
    while let Some((&last, rest)) = text.split_last()
        && is_blank(last)
    {
        text = rest;
    }
    text
}
