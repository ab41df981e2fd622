//! `souk embed`: a component that was built without migrations carries them afterwards, and the host finds them.

use crate::application::{Application, Component, guest};
use crate::host::{Place, souk_ends};
use std::fs;
use std::path::Path;

fn embed(file: &Path, folder: &Path, to: &Path) -> crate::host::Ended {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    souk_ends(&["embed", &text(file), "--migrations", &text(folder), "--output", &text(to)])
}

#[test]
fn migrations_are_put_into_a_component_and_applied() {
    let folder = tempfile::tempdir().unwrap();
    let (sql, made) = (folder.path().join("sql"), folder.path().join("made.wasm"));
    fs::create_dir(&sql).unwrap();
    let empty = embed(&guest("counts"), &sql, &made);
    assert_eq!(empty.code, Some(1), "{}", empty.stdout);
    assert!(empty.stderr.contains("there is no .sql file in it"), "{}", empty.stderr);

    fs::write(sql.join("0002_second.sql"), "CREATE TABLE second (id BIGINT NOT NULL PRIMARY KEY);").unwrap();
    fs::write(sql.join("0001_first.sql"), "CREATE TABLE first (id BIGINT NOT NULL PRIMARY KEY);").unwrap();
    fs::write(sql.join("README.md"), "no migration").unwrap();
    let done = embed(&guest("counts"), &sql, &made);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("carries 0001_first.sql, 0002_second.sql"), "{}", done.stdout);

    let component = Component::new("counts", &made).route("/...").grant("souk:database/sql");
    let place = std::sync::Arc::new(Place::new(&Application::of([component])).in_files());
    let host = place.up();
    host.log_line(&["migration applied", "0001_first.sql"]);
    host.log_line(&["migration applied", "0002_second.sql"]);

    let twice = embed(&made, &sql, &made);
    assert_eq!(twice.code, Some(1), "{}", twice.stdout);
}
