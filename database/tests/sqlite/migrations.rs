//! Migrations: names, choice, section, and what SQLite alone makes of them.

use souk_database::migration::{Migration, choose, from_list, from_section, parse, section, section_bytes};
use souk_database::sqlite::{Limits, MigrationError, OpenError, Plan, Sqlite, plan, status};

use crate::harness::{Shop, file};
use crate::words::{migration, step};

const FIRST: &str = "CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT);";
const SECOND: &str = "ALTER TABLE product ADD COLUMN stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0);";

fn list() -> Vec<Migration> {
    vec![
        migration("0001_products.sql", FIRST),
        migration("0002_stock.sqlite.sql", SECOND),
        migration("0002_stock.postgres.sql", "-"),
    ]
}

fn open(folder: &tempfile::TempDir, migrations: &[Migration]) -> Result<Sqlite, MigrationError> {
    match Sqlite::open(&file(folder), Limits::default(), migrations) {
        Ok(db) => Ok(db),
        Err(OpenError::Migration(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_name_has_a_number_a_name_and_perhaps_a_dialect() {
    let name = parse("0012_full_text2.sqlite.sql").unwrap();
    assert_eq!((name.number, name.name.as_str(), name.dialect.as_deref()), (12, "full_text2", Some("sqlite")));
    assert_eq!(parse("0001_products.sql").unwrap().dialect, None);
    for bad in [
        "1_products.sql",
        "0000_zero.sql",
        "0001.sql",
        "0001_.sql",
        "0001_Products.sql",
        "0001_a.b.c.sql",
        "0001_a.txt",
        "0001-a.sql",
        "0001_a..sql",
    ] {
        assert!(parse(bad).unwrap_err().contains(bad), "{bad}");
    }
}

#[test]
fn a_dialect_gets_its_files_in_order() {
    let files = |dialect| {
        choose(&list(), dialect)
            .map(|chosen| chosen.into_iter().map(|(_, migration)| migration.file).collect::<Vec<_>>())
    };
    assert_eq!(files("sqlite").unwrap(), ["0001_products.sql", "0002_stock.sqlite.sql"]);
    assert_eq!(files("postgres").unwrap(), ["0001_products.sql", "0002_stock.postgres.sql"]);
    assert!(files("mysql").unwrap_err().to_string().contains("0002 has no file for mysql"));
    assert_eq!(choose(&[], "sqlite"), Ok(vec![]));
}

#[test]
fn all_faults_of_a_list_are_named_at_once() {
    let files = [
        "0002_a.sql",
        "0002_b.sqlite.sql",
        "0003_c.sqlite.sql",
        "0003_c.sqlite.sql",
        "0005_d.sqlite.sql",
        "0005_e.mysql.sql",
        "x.sql",
    ];
    let migrations: Vec<_> = files.iter().map(|file| migration(file, "")).collect();
    let faults = choose(&migrations, "sqlite").unwrap_err().0;
    for expected in [
        "0001 is missing",
        "beside one for a dialect",
        "0003 is there twice",
        "0004 is missing",
        "0005 has two names",
        "`x.sql`",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{expected}: {faults:#?}");
    }
    assert_eq!(faults.len(), 6, "{faults:#?}");
}

#[test]
fn a_section_carries_a_list() {
    const LIST: &[(&str, &str)] = &[("0001_products.sql", "CREATE TABLE …"), ("0002_empty.sql", "")];
    static SECTION: [u8; section_bytes(LIST)] = section(LIST);
    assert_eq!(from_section(&SECTION), Ok(from_list(LIST)));
    let twice = [SECTION, SECTION].concat();
    assert_eq!(from_section(&twice).unwrap().len(), 4, "a linker may join sections");
    for cut in 1..SECTION.len() {
        let whole = 4 + LIST[0].0.len() + 4 + LIST[0].1.len();
        assert_eq!(from_section(&SECTION[..cut]).is_ok(), cut == whole, "cut at {cut}");
    }
    assert!(from_section(&[1, 0, 0, 0, 0xff, 0, 0, 0, 0]).is_err());
}

#[test]
fn the_macro_embeds_files_beside_the_caller() {
    souk_database::migrations! { "../migrations/": "0001_products.sql", "0002_stock.sqlite.sql" }
    let names: Vec<_> = MIGRATIONS.iter().map(|(file, _)| *file).collect();
    assert_eq!(names, ["0001_products.sql", "0002_stock.sqlite.sql"]);
    let folder = tempfile::tempdir().unwrap();
    drop(open(&folder, &from_list(MIGRATIONS)).unwrap());
    let applied = status(&file(&folder)).unwrap().migrations;
    assert_eq!(applied.len(), 2);
    assert_eq!(applied[1].file, "0002_stock.sqlite.sql");
    assert_eq!(applied[1].checksum.len(), 64);
}

#[test]
fn a_table_can_be_rebuilt_while_others_refer_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        migration(
            "0001_shop.sql",
            "CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT);
             CREATE TABLE review (id INTEGER PRIMARY KEY, product INTEGER NOT NULL REFERENCES product (id) ON DELETE CASCADE);
             INSERT INTO product VALUES (1, 'chair'); INSERT INTO review VALUES (1, 1);",
        ),
        migration(
            "0002_rebuild.sql",
            "CREATE TABLE product_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
             INSERT INTO product_new SELECT * FROM product;
             DROP TABLE product;
             ALTER TABLE product_new RENAME TO product;
             CREATE INDEX product_name ON product (name);
             ANALYZE;",
        ),
    ];
    let db = open(&folder, &files).unwrap();
    let shop = Shop { db, folder };
    assert_eq!(shop.number("SELECT count(*) FROM review"), 1, "not cascaded away");
    let error = shop.transact(vec![step("INSERT INTO review (product) VALUES (9)")]);
    assert!(error.is_err(), "foreign keys are enforced again");
}

#[test]
fn broken_references_are_refused_at_the_end_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let files = [migration(
        "0001_broken.sql",
        "CREATE TABLE product (id INTEGER PRIMARY KEY); CREATE TABLE review (product REFERENCES product (id)); INSERT INTO review VALUES (1);",
    )];
    let error = open(&folder, &files).map(drop).unwrap_err();
    assert!(error.to_string().contains("review"), "{error}");
}

#[test]
fn a_dry_run_says_what_would_happen_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits::default();
    let would = |migrations: &[Migration]| plan(&file(&folder), &limits, migrations);
    let both = vec!["0001_products.sql".to_owned(), "0002_stock.sqlite.sql".to_owned()];
    assert_eq!(would(&list()).unwrap(), Plan { applied: vec![], pending: both.clone() });
    assert!(!file(&folder).exists());
    let running = open(&folder, &list()[..1]).unwrap();
    assert_eq!(
        would(&list()).unwrap(),
        Plan { applied: both[..1].to_vec(), pending: both[1..].to_vec() },
        "beside a running host"
    );
    let bad = [list()[0].clone(), migration("0002_bad.sql", "ALTER TABLE nowhere ADD COLUMN a")];
    assert!(would(&bad).unwrap_err().to_string().contains("0002_bad.sql"));
    let mut changed = list();
    changed[0].sql.push(' ');
    assert!(would(&changed).unwrap_err().to_string().contains("changed"));
    drop(running);
    assert_eq!(status(&file(&folder)).unwrap().migrations.len(), 1, "nothing was applied by it");
    drop(open(&folder, &list()).unwrap());
    assert_eq!(would(&list()).unwrap(), Plan { applied: both, pending: vec![] });
}
