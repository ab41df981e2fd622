//! Just enough of PostgreSQL's lexical rules to know with which word a statement begins and where it ends.
//!
//! What a statement may do is decided by the server's privileges. The first word is looked at for what has none: settings,
//! transactions, channels. `$1` is left to the server.

use crate::contract::Error;

/// With these a component's statement may begin.
const GUEST: [&str; 8] = ["select", "insert", "update", "delete", "merge", "with", "values", "table"];

/// With these a statement of a migration may also begin.
const MIGRATION: [&str; 9] = ["alter", "analyze", "comment", "create", "do", "drop", "refresh", "reindex", "truncate"];

/// Commands that exist, here or in other engines, and that nobody but the host may use.
const COMMANDS: [&str; 40] = [
    "abort",
    "attach",
    "begin",
    "call",
    "checkpoint",
    "close",
    "cluster",
    "commit",
    "copy",
    "deallocate",
    "declare",
    "detach",
    "discard",
    "end",
    "execute",
    "explain",
    "fetch",
    "grant",
    "import",
    "listen",
    "load",
    "lock",
    "move",
    "notify",
    "pragma",
    "prepare",
    "reassign",
    "release",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "security",
    "set",
    "show",
    "start",
    "unlisten",
    "vacuum",
    "wait",
    "replace",
];

/// Checks the first word of a component's statement.
pub(super) fn check_guest(sql: &str) -> Result<(), Error> {
    check(sql, |word| GUEST.contains(&word))
}

/// Checks the first word of a statement of a migration.
pub(super) fn check_migration(sql: &str) -> Result<(), Error> {
    check(sql, |word| GUEST.contains(&word) || MIGRATION.contains(&word))
}

fn check(sql: &str, may: impl Fn(&str) -> bool) -> Result<(), Error> {
    let word = first_word(sql).to_ascii_lowercase();
    match word.as_str() {
        "" if after_blanks(sql).is_empty() => Err(Error::Invalid("the statement is empty".into())),
        word if may(word) => Ok(()),
        word if COMMANDS.contains(&word) || MIGRATION.contains(&word) => {
            Err(Error::Denied(format!("`{}` is not allowed here", word.to_ascii_uppercase())))
        }
        word => Err(Error::Invalid(format!("syntax error: a statement does not begin with `{}`", word.escape_debug()))),
    }
}

/// The first word, behind blanks, comments and opening parentheses.
fn first_word(sql: &str) -> &str {
    let mut rest = after_blanks(sql);
    while let Some(inner) = rest.strip_prefix('(') {
        rest = after_blanks(inner);
    }
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    &rest[..end]
}

/// What is left behind blanks, comments and empty statements.
fn after_blanks(mut sql: &str) -> &str {
    loop {
        sql = sql.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c', ';']);
        match comment(sql) {
            0 => return sql,
            bytes => sql = &sql[bytes..],
        }
    }
}

/// The statements of a text, each without the `;` behind it. A body in `BEGIN ATOMIC … END` is cut up and then refused by the
/// server; one in `$$ … $$` is not.
pub(super) fn statements(sql: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let (mut from, mut at) = (0, 0);
    while at < sql.len() {
        if sql.as_bytes()[at] == b';' {
            statements.push(&sql[from..at]);
            from = at + 1;
        }
        at += token(&sql[at..], sql[..at].chars().next_back());
    }
    statements.push(&sql[from..]);
    statements.retain(|statement| !after_blanks(statement).is_empty());
    statements
}

/// The length of what stands at the start and has to be skipped as a whole: a comment, something quoted, or one character.
fn token(sql: &str, before: Option<char>) -> usize {
    let is_in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$');
    let length = match sql.as_bytes()[0] {
        b'-' | b'/' => comment(sql),
        b'\'' => 1 + quoted(&sql[1..], '\'', matches!(before, Some('e' | 'E'))),
        b'"' => 1 + quoted(&sql[1..], '"', false),
        b'$' if !is_in_word => dollar_quoted(sql),
        _ => 0,
    };
    if length == 0 { sql.chars().next().map_or(1, char::len_utf8) } else { length }
}

/// The length of the comment at the start, 0 if there is none. Comments in `/*` nest, unlike in other engines.
fn comment(sql: &str) -> usize {
    if sql.starts_with("--") {
        return sql.find(['\n', '\r']).unwrap_or(sql.len());
    }
    if !sql.starts_with("/*") {
        return 0;
    }
    let (mut depth, mut at, bytes) = (0_u32, 0, sql.as_bytes());
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") if depth == 1 => return at + 2,
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    sql.len()
}

/// The length of a quoted text, its closing quote included. A doubled quote ends one and begins the next, which is the same here.
fn quoted(text: &str, quote: char, has_escapes: bool) -> usize {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return at + 1;
        }
        if has_escapes && c == '\\' {
            chars.next();
        }
    }
    text.len()
}

/// The length of a text in `$$` or `$tag$`, 0 if there is none.
fn dollar_quoted(sql: &str) -> usize {
    let Some(end) = sql[1..].find('$') else { return 0 };
    let tag = &sql[1..=end];
    if tag.starts_with(|c: char| c.is_ascii_digit()) || !tag.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return 0;
    }
    let mark = &sql[..end + 2];
    sql[mark.len()..].find(mark).map_or(sql.len(), |at| at + 2 * mark.len())
}

#[cfg(test)]
mod tests {
    use super::{check_guest, first_word, statements};
    use crate::contract::Error;

    #[test]
    fn the_first_word_stands_behind_blanks_comments_and_parentheses() {
        for (sql, word) in [
            (" \n-- SET\n select 1", "select"),
            ("/* a /* nested */ SELECT */ SET x = 1", "SET"),
            ("((SELECT 1))", "SELECT"),
            ("/* open", ""),
            ("--\rSET x = 1", "SET"),
            ("\u{a0}SET", ""),
        ] {
            assert_eq!(first_word(sql), word, "{sql}");
        }
        assert!(matches!(check_guest("SELEC 1"), Err(Error::Invalid(_))));
        assert!(matches!(check_guest("seT x = 1"), Err(Error::Denied(_))));
    }

    #[test]
    fn statements_end_where_the_server_ends_them() {
        let text = "a ';' \";\" $$;$$ $x$ $$;$$ $x$ -- ;\n /* ; /* ; */ ; */ E'\\';' 'é;''' b$1; c $1; ; -- end";
        assert_eq!(statements(text).len(), 2, "{:?}", statements(text));
        assert_eq!(statements("a; b;\n c").len(), 3);
        assert_eq!(statements("'open; b").len(), 1);
    }
}
