//! What of WebAssembly's binary format is needed to give a component a section more: its header, and where each section begins and ends.
//!
//! By hand, because it is this little, and because whatever builds components needs it before anything heavy is compiled. What is inside the sections is
//! for the host, which reads the file with a parser before it runs any of it.

use super::EmbedError;

const MAGIC: &[u8] = b"\0asm";
const MODULE: &[u8] = &[1, 0, 0, 0];
/// The version of components that tools make, and the layer that tells them from modules.
const COMPONENT: &[u8] = &[0x0d, 0, 1, 0];

/// The id of a custom section, in modules and components.
const CUSTOM: u8 = 0;
/// The ids of a component's sections that are a whole module, or a whole component.
const NESTED: [u8; 2] = [1, 4];

/// Whether a component, or anything inside it, has a custom section of this name.
pub fn carries(component: &[u8], name: &str) -> Result<bool, EmbedError> {
    let sections = component.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(COMPONENT));
    let mut open = vec![(sections.ok_or(EmbedError::NoComponent)?, true)];
    while let Some((mut rest, is_component)) = open.pop() {
        while let Some((id, behind)) = rest.split_first() {
            let (body, behind) = prefixed(behind)?;
            rest = behind;
            if *id == CUSTOM && prefixed(body)?.0 == name.as_bytes() {
                return Ok(true);
            }
            if is_component && NESTED.contains(id) {
                open.push(nested(body)?);
            }
        }
    }
    Ok(false)
}

/// The sections of what is nested, and whether it is a component.
fn nested(body: &[u8]) -> Result<(&[u8], bool), EmbedError> {
    let rest = body.strip_prefix(MAGIC).ok_or(EmbedError::CutOff)?;
    let component = rest.strip_prefix(COMPONENT).map(|sections| (sections, true));
    component.or_else(|| rest.strip_prefix(MODULE).map(|sections| (sections, false))).ok_or(EmbedError::CutOff)
}

/// Appends a custom section.
pub fn append(file: &mut Vec<u8>, name: &str, data: &[u8]) -> Result<(), EmbedError> {
    let mut body = Vec::with_capacity(data.len() + name.len() + 5);
    put_length(&mut body, name.len())?;
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    file.push(CUSTOM);
    put_length(file, body.len())?;
    file.append(&mut body);
    Ok(())
}

/// Takes a length and so many bytes off the front; what is behind them.
fn prefixed(bytes: &[u8]) -> Result<(&[u8], &[u8]), EmbedError> {
    let (length, rest) = take_length(bytes).ok_or(EmbedError::CutOff)?;
    rest.split_at_checked(length).ok_or(EmbedError::CutOff)
}

/// LEB128 of 32 bits: seven bits a byte, the lowest first; five bytes at most.
fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let length = u32::try_from(length).ok()?;
            return Some((usize::try_from(length).ok()?, &bytes[index + 1..]));
        }
    }
    None
}

fn put_length(file: &mut Vec<u8>, length: usize) -> Result<(), EmbedError> {
    let mut length = u32::try_from(length).map_err(|_| EmbedError::TooLarge)?;
    while length >= 0x80 {
        let [low, ..] = length.to_le_bytes();
        file.push(low | 0x80);
        length >>= 7;
    }
    let [low, ..] = length.to_le_bytes();
    file.push(low);
    Ok(())
}
