//! Migrations that are put into a component are read back from it, and into nothing else are any put.

use super::{EmbedError, Migration, SECTION, binary, embed, from_section};
use wasmparser::{Parser, Payload};

/// The shortest component, and the shortest module.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn migration(file: &str, sql: &str) -> Migration {
    Migration { file: file.to_owned(), sql: sql.to_owned() }
}

/// As the host reads them: out of all sections of the name, wherever they are.
fn read(component: &[u8]) -> Vec<Migration> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::CustomSection(section) = payload.expect("it is WebAssembly")
            && section.name() == SECTION
        {
            found.extend(from_section(section.data()).expect("it can be read"));
        }
    }
    found
}

/// A component with a section of this id around `inner`.
fn around(id: u8, inner: &[u8]) -> Vec<u8> {
    assert!(inner.len() < 128, "the length is one byte");
    let length = u8::try_from(inner.len()).expect("asserted above");
    [EMPTY, &[id, length], inner].concat()
}

#[test]
fn what_is_put_in_is_read_back() {
    let long = format!("CREATE TABLE things (name TEXT DEFAULT '{}')", "ü".repeat(100_000));
    let migrations = [migration("0001_things.sql", &long), migration("0002_search.sqlite.sql", "")];
    for component in [EMPTY.to_vec(), around(1, MODULE), around(4, EMPTY)] {
        let carrying = embed(&component, &migrations).expect("it is a component");
        assert_eq!(read(&carrying), migrations);
        assert!(carrying.starts_with(&component), "what was there stays as it was");
    }
}

#[test]
fn migrations_are_put_in_once() {
    let migrations = [migration("0001_things.sql", "SELECT 1")];
    let carrying = embed(EMPTY, &migrations).expect("it is a component");
    let mut module = MODULE.to_vec();
    binary::append(&mut module, SECTION, &[]).expect("it is short");
    for component in [carrying.clone(), around(1, &module), around(4, &around(1, &module)), around(4, &carrying)] {
        assert_eq!(embed(&component, &migrations), Err(EmbedError::Carried));
    }
    let mut other = MODULE.to_vec();
    binary::append(&mut other, "name", SECTION.as_bytes()).expect("it is short");
    assert!(embed(&around(1, &other), &migrations).is_ok(), "a section of another name is another");
}

#[test]
fn what_is_no_component_gets_none() {
    let migrations = [migration("0001_things.sql", "SELECT 1")];
    for (file, error) in [
        (&b""[..], EmbedError::NoComponent),
        (b"#!/bin/sh", EmbedError::NoComponent),
        (MODULE, EmbedError::NoComponent),
        (&EMPTY[..7], EmbedError::NoComponent),
        (b"\0asm\x0d\0\x01\0\x01", EmbedError::CutOff),
        (b"\0asm\x0d\0\x01\0\x01\x08\0asm", EmbedError::CutOff),
        (b"\0asm\x0d\0\x01\0\x01\x02hi", EmbedError::CutOff),
        (b"\0asm\x0d\0\x01\0\0\x01\x09", EmbedError::CutOff),
        (b"\0asm\x0d\0\x01\0\0\xff\xff\xff\xff\xff\x01", EmbedError::CutOff),
    ] {
        assert_eq!(embed(file, &migrations), Err(error), "{file:?}");
    }
    let EmbedError::Misnamed(faults) = embed(EMPTY, &[migration("things.sql", "")]).expect_err("it has no number")
    else {
        panic!("the name is what is wrong");
    };
    assert_eq!(faults.0.len(), 1);
}
