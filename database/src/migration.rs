//! How migrations are named, chosen for a dialect, and carried inside a component.
//!
//! A migration is one file of `migrations/<component>/`: `0001_products.sql` for every dialect, or `0002_search.sqlite.sql` and
//! `0002_search.postgres.sql` where dialects part. They are embedded into the component at build time as the custom
//! section `souk:migrations`, so that one `.wasm` file is a whole service and the host can read them without running it.
//!
//! Applying them is the engine's work; this file knows names, order and bytes only.

use std::collections::BTreeMap;
use std::fmt;

pub mod binary;

/// The name of the custom section that carries a component's migrations.
pub const SECTION: &str = "souk:migrations";

/// One migration as it was found in the source or in a component: file name and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The file name, such as `0001_products.sql`.
    pub file: String,
    /// The SQL text; may hold several statements.
    pub sql: String,
}

/// The parts of a file name: `0002_search.sqlite.sql` is number 2, `search`, for `sqlite`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// 1 to 9999; the order in which migrations are applied.
    pub number: u32,
    /// Lower-case letters, digits and `_`.
    pub name: String,
    /// The dialect that the file is for; without one it is for every dialect.
    pub dialect: Option<String>,
}

/// Everything that is wrong with a list of migrations, one sentence each; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<String>);

/// Parses a file name; the error says what it must look like.
pub fn parse(file: &str) -> Result<Name, String> {
    let fault = || format!("`{file}` is not named like `0001_products.sql` or `0001_products.sqlite.sql`");
    let stem = file.strip_suffix(".sql").ok_or_else(fault)?;
    let (stem, dialect) = match stem.split_once('.') {
        Some((stem, dialect)) => (stem, Some(dialect)),
        None => (stem, None),
    };
    let (number, name) = stem.split_once('_').ok_or_else(fault)?;
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if number.len() != 4
        || !number.bytes().all(|b| b.is_ascii_digit())
        || !is_word(name)
        || !dialect.is_none_or(is_word)
    {
        return Err(fault());
    }
    let number: u32 = number.parse().map_err(|_| fault())?;
    if number == 0 {
        return Err(format!("`{file}`: migrations are numbered from 0001"));
    }
    Ok(Name { number, name: name.to_owned(), dialect: dialect.map(str::to_owned) })
}

/// Chooses the migrations for a dialect, in order.
///
/// Each number has either one file for all dialects or one file per dialect, with one name; the numbers run from 1 without a
/// gap. All faults are reported at once, also those of other dialects' files.
pub fn choose(migrations: &[Migration], dialect: &str) -> Result<Vec<(Name, Migration)>, Faults> {
    let mut faults = Vec::new();
    let mut numbers: BTreeMap<u32, Vec<(Name, &Migration)>> = BTreeMap::new();
    for migration in migrations {
        match parse(&migration.file) {
            Ok(name) => numbers.entry(name.number).or_default().push((name, migration)),
            Err(fault) => faults.push(fault),
        }
    }
    for (number, files) in &numbers {
        faults.extend(faults_of_number(*number, files));
    }
    let mut chosen = Vec::new();
    for number in 1..=numbers.keys().next_back().copied().unwrap_or(0) {
        match numbers.get(&number).map(|files| files.iter().find(|(name, _)| fits(name, dialect))) {
            Some(Some((name, migration))) => chosen.push((name.clone(), (*migration).clone())),
            Some(None) => faults.push(format!("migration {number:04} has no file for {dialect}")),
            None => faults.push(format!("migration {number:04} is missing: numbers run from 0001 without a gap")),
        }
    }
    if faults.is_empty() { Ok(chosen) } else { Err(Faults(faults)) }
}

fn fits(name: &Name, dialect: &str) -> bool {
    name.dialect.as_deref().is_none_or(|of| of == dialect)
}

/// What is wrong with the files that share a number.
fn faults_of_number(number: u32, files: &[(Name, &Migration)]) -> Vec<String> {
    let mut faults = Vec::new();
    for (index, (name, migration)) in files.iter().enumerate() {
        for (other, twin) in &files[..index] {
            let (a, b) = (&twin.file, &migration.file);
            if other.dialect == name.dialect {
                faults.push(format!("migration {number:04} is there twice: `{a}` and `{b}`"));
            } else if other.dialect.is_none() || name.dialect.is_none() {
                faults.push(format!(
                    "migration {number:04} has a file for all dialects beside one for a dialect: `{a}` and `{b}`"
                ));
            } else if other.name != name.name {
                faults.push(format!("migration {number:04} has two names: `{a}` and `{b}`"));
            }
        }
    }
    faults
}

/// Makes the list that [`migrations!`](crate::migrations) defines into migrations.
pub fn from_list(list: &[(&str, &str)]) -> Vec<Migration> {
    list.iter().map(|(file, sql)| Migration { file: (*file).to_owned(), sql: (*sql).to_owned() }).collect()
}

/// Reads what a component carries in the section [`SECTION`]: for each migration its file name and its text, both as a
/// length (u32, little endian) and that many bytes of UTF-8.
///
/// A linker that finds several such sections joins them end to end, which is a valid section again.
pub fn from_section(mut section: &[u8]) -> Result<Vec<Migration>, Faults> {
    let mut migrations = Vec::new();
    while !section.is_empty() {
        let file = take(&mut section)?;
        let sql = take(&mut section)?;
        migrations.push(Migration { file, sql });
    }
    Ok(migrations)
}

/// Takes one length-prefixed text off the front.
fn take(section: &mut &[u8]) -> Result<String, Faults> {
    let cut_off = || Faults(vec![format!("the section `{SECTION}` is cut off")]);
    let (length, rest) = section.split_first_chunk().ok_or_else(cut_off)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| cut_off())?;
    let (text, rest) = rest.split_at_checked(length).ok_or_else(cut_off)?;
    *section = rest;
    String::from_utf8(text.to_vec())
        .map_err(|_| Faults(vec![format!("the section `{SECTION}` holds text that is not UTF-8")]))
}

/// Puts migrations into a component that has been built, as [`migrations!`](crate::migrations) does while one is built: for languages whose tools
/// know no custom sections. The answer is the component's file with one section more, at its end.
pub fn embed(component: &[u8], migrations: &[Migration]) -> Result<Vec<u8>, EmbedError> {
    let names = migrations.iter().filter_map(|migration| parse(&migration.file).err());
    let faults: Vec<String> = names.collect();
    if !faults.is_empty() {
        return Err(EmbedError::Misnamed(Faults(faults)));
    }
    let mut data = Vec::new();
    for text in migrations.iter().flat_map(|migration| [&migration.file, &migration.sql]) {
        let bytes = u32::try_from(text.len()).map_err(|_| EmbedError::TooLarge)?;
        data.extend_from_slice(&bytes.to_le_bytes());
        data.extend_from_slice(text.as_bytes());
    }
    if binary::carries(component, SECTION)? {
        return Err(EmbedError::Carried);
    }
    let mut file = component.to_vec();
    binary::append(&mut file, SECTION, &data)?;
    Ok(file)
}

/// Why migrations could not be put into a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmbedError {
    /// The file is not WebAssembly, or a module that was not made into a component.
    NoComponent,
    /// It ends, or goes on, where it must not.
    CutOff,
    /// It has migrations already.
    Carried,
    /// A section has at most 4 GiB.
    TooLarge,
    /// Files are not named as migrations are.
    Misnamed(Faults),
}

/// How many bytes [`section`] makes of a list.
pub const fn section_bytes(list: &[(&str, &str)]) -> usize {
    let mut bytes = 0;
    let mut index = 0;
    while index < list.len() {
        bytes += 8 + list[index].0.len() + list[index].1.len();
        index += 1;
    }
    bytes
}

/// Encodes a list at compile time; `N` is its [`section_bytes`].
pub const fn section<const N: usize>(list: &[(&str, &str)]) -> [u8; N] {
    let mut section = [0; N];
    let mut rest: &mut [u8] = &mut section;
    let mut index = 0;
    while index < list.len() {
        rest = put(rest, list[index].0.as_bytes());
        rest = put(rest, list[index].1.as_bytes());
        index += 1;
    }
    assert!(rest.is_empty(), "N must be section_bytes(list)");
    section
}

/// Writes a length and the bytes to the front; returns what is left. Copies as a whole: a loop over bytes would run into the
/// compiler's limit on constant evaluation with large migrations.
const fn put<'a>(rest: &'a mut [u8], bytes: &[u8]) -> &'a mut [u8] {
    assert!(bytes.len() <= u32::MAX as usize, "a migration is shorter than 4 GiB");
    #[expect(clippy::cast_possible_truncation, reason = "asserted above; `try_from` is not const")]
    let length = (bytes.len() as u32).to_le_bytes();
    let (head, rest) = rest.split_at_mut(length.len());
    head.copy_from_slice(&length);
    let (head, rest) = rest.split_at_mut(bytes.len());
    head.copy_from_slice(bytes);
    rest
}

/// Embeds a component's migrations: a folder, relative to the calling file and ending in `/`, and the files in it.
///
/// ```ignore
/// souk_database::migrations! { "../../../migrations/product/": "0001_products.sql", "0002_search.sqlite.sql" }
/// ```
///
/// Defines `pub const MIGRATIONS: &[(&str, &str)]` (file name, text) for native use, and in a guest also the custom section
/// `souk:migrations`. A macro because only one can turn file names into text at compile time.
#[macro_export]
macro_rules! migrations {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        /// The migrations of this component: file name and text.
        pub const MIGRATIONS: &[(&str, &str)] = &[$(($file, include_str!(concat!($folder, $file)))),+];

        // Without `#[used]`: for this target a named section is kept anyway, and with it the bytes would be in the memory of each
        // instance a second time.
        #[cfg(target_family = "wasm")]
        const _: () = {
            #[unsafe(link_section = "souk:migrations")]
            pub static SECTION: [u8; $crate::migration::section_bytes(MIGRATIONS)] = $crate::migration::section(MIGRATIONS);
        };
    };
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for Faults {}

impl fmt::Display for EmbedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoComponent => f.write_str("it is no component: make one with the tool of its language first"),
            Self::CutOff => f.write_str("it is cut off, or has more at its end than WebAssembly: build it again"),
            Self::Carried => write!(f, "it carries the section `{SECTION}` already: take the file as it was built"),
            Self::TooLarge => f.write_str("the migrations have more than 4 GiB: take data out of them"),
            Self::Misnamed(faults) => write!(f, "rename the migrations: {faults}"),
        }
    }
}

impl std::error::Error for EmbedError {}

#[cfg(test)]
mod tests;
