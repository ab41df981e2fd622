//! apt source lists: from the machine's own, a list of the same archives with other suites.
//!
//! Reads both formats, one-line `.list` and deb822 `.sources`, and writes deb822. Archives that hold no Debian release (security
//! suites, flat repositories, archives without a component `main`) are left out; an archive that turns out to lack the new
//! suites is apt's to report.

use std::fmt::Write as _;

/// The component that the packages are in.
const COMPONENT: &str = "main";

/// Fields of a source that are replaced. The others, such as `Signed-By` and `Trusted`, go along unchanged.
const REPLACED: [&str; 8] =
    ["types", "uris", "suites", "components", "enabled", "architectures", "languages", "targets"];

/// The source list, in deb822 format, for `suites` of the archives that `files` name; each file is its extension and its text.
pub(crate) fn derive(files: &[(String, String)], suites: &[&str]) -> String {
    let stanzas = files.iter().flat_map(|(extension, text)| match extension.as_str() {
        "sources" => deb822(text),
        "list" => text.lines().filter_map(one_line).collect(),
        _ => Vec::new(),
    });
    let mut derived: Vec<String> = Vec::new();
    for stanza in stanzas.filter(Stanza::holds_a_release) {
        let written = stanza.with_suites(suites);
        // bookworm and bookworm-updates of one archive are one source of other suites.
        if !derived.contains(&written) {
            derived.push(written);
        }
    }
    derived.join("\n")
}

/// The fields of one source, names in lower case. A value may go over several lines: a key can stand in `Signed-By` itself.
struct Stanza(Vec<(String, String)>);

impl Stanza {
    fn field(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    fn holds_a_release(&self) -> bool {
        let has = |field: &str, word: &str| self.field(field).split_whitespace().any(|known| known == word);
        let is_release = |suite: &str| !suite.ends_with('/') && !suite.contains("security");
        has("types", "deb")
            && has("components", COMPONENT)
            && self.field("suites").split_whitespace().any(is_release)
            && !self.field("enabled").trim().eq_ignore_ascii_case("no")
    }

    fn with_suites(&self, suites: &[&str]) -> String {
        let uris = self.field("uris").trim();
        let mut text = format!("Types: deb\nURIs: {uris}\nSuites: {}\nComponents: {COMPONENT}\n", suites.join(" "));
        for (name, value) in self.0.iter().filter(|(name, _)| !REPLACED.contains(&name.as_str())) {
            writeln!(text, "{name}:{value}").expect("a string takes all text");
        }
        text
    }
}

/// `Name: value` lines, continued by indented ones; stanzas end at an empty line; `#` starts a comment line.
fn deb822(text: &str) -> Vec<Stanza> {
    let mut stanzas = vec![Stanza(Vec::new())];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields = &mut stanzas.last_mut().expect("there is one from the start").0;
        if line.trim().is_empty() {
            stanzas.push(Stanza(Vec::new()));
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push('\n');
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_ascii_lowercase(), value.to_owned()));
        }
    }
    stanzas
}

/// `deb [option=value …] uri suite component…`
fn one_line(line: &str) -> Option<Stanza> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace();
    let mut fields = vec![
        ("types".to_owned(), " deb".to_owned()),
        ("uris".to_owned(), format!(" {}", words.next()?)),
        ("suites".to_owned(), format!(" {}", words.next()?)),
        ("components".to_owned(), format!(" {}", words.collect::<Vec<_>>().join(" "))),
    ];
    let options = options.split_whitespace().filter_map(|option| option.split_once('='));
    // Short names that differ from the field's name (arch, lang, target) are among those that are not carried along.
    let carried = options.filter(|(name, _)| !["arch", "lang", "target"].contains(name));
    fields.extend(carried.map(|(name, value)| (name.to_ascii_lowercase(), format!(" {}", value.replace(',', " ")))));
    Some(Stanza(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(extension: &str, text: &str, expected: &str) {
        let files = [(extension.to_owned(), text.to_owned())];
        assert_eq!(derive(&files, &["trixie", "trixie-backports"]), expected);
    }

    #[test]
    fn a_deb822_source_keeps_its_archive_and_its_key() {
        check(
            "sources",
            "# the mirror\nTypes: deb deb-src\nURIs: https://mirror.example/debian\nSuites: bookworm bookworm-updates\n\
             Components: main contrib\nArchitectures: amd64\nSigned-By:\n -----BEGIN PGP\n .\n abc\n\n\
             Types: deb\nURIs: https://mirror.example/security\nSuites: bookworm-security\nComponents: main\n",
            "Types: deb\nURIs: https://mirror.example/debian\nSuites: trixie trixie-backports\nComponents: main\n\
             signed-by:\n -----BEGIN PGP\n .\n abc\n",
        );
    }

    #[test]
    fn a_one_line_source_keeps_its_options() {
        check(
            "list",
            "deb [arch=amd64 signed-by=/k.gpg trusted=yes] https://mirror.example/debian bookworm main # here\n\
             deb [signed-by=/k.gpg trusted=yes] https://mirror.example/debian bookworm-updates main\n\
             deb-src https://mirror.example/debian bookworm main\n",
            "Types: deb\nURIs: https://mirror.example/debian\nSuites: trixie trixie-backports\nComponents: main\n\
             signed-by: /k.gpg\ntrusted: yes\n",
        );
    }

    #[test]
    fn what_is_disabled_flat_or_without_main_is_left_out() {
        check("sources", "Types: deb\nEnabled: no\nURIs: http://a.example\nSuites: b\nComponents: main\n", "");
        check("sources", "Types: deb-src\nURIs: http://a.example\nSuites: b\nComponents: main\n", "");
        check("list", "deb http://a.example ./\n#deb http://a.example b main\ndeb http://a.example b stable\n", "");
        check("save", "deb http://a.example b main\n", "");
    }
}
