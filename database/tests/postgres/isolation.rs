//! Two components on one server: neither reaches the other, however it tries.

use souk_database::contract::{Database, Error, Transaction};
use souk_database::postgres::{Limits, OpenError, Options, Postgres, databases};

use crate::harness::{Home, component, open, shop};
use crate::server::{psql, shared};
use crate::shop::Place;
use crate::words::{committed, migration, step};

#[tokio::test]
async fn a_role_can_not_connect_to_another_component_s_database() {
    let (Some(ours), Some(theirs)) = (shop().await, shop().await) else { return };
    let (role, database) = (format!("souk_{}", ours.home.component), format!("souk_{}", theirs.home.component));
    for role in [role.clone(), format!("{role}.owner")] {
        assert_eq!(psql(&ours.home.login(&role, &format!("souk_{}", ours.home.component)), "SELECT 1").unwrap(), "1");
        let refused = psql(&ours.home.login(&role, &database), "SELECT 1").unwrap_err();
        assert!(refused.contains("permission denied for database"), "{refused}");
        let rights = format!(
            "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls FROM pg_roles WHERE rolname = '{role}'"
        );
        assert_eq!(psql(&ours.home.server, &rights).unwrap(), "f");
        let memberships = format!("SELECT count(*) FROM pg_auth_members WHERE member = '\"{role}\"'::REGROLE");
        assert_eq!(psql(&ours.home.server, &memberships).unwrap(), "0");
    }
}

#[tokio::test]
async fn names_of_other_databases_lead_nowhere() {
    let (Some(ours), Some(theirs)) = (shop().await, shop().await) else { return };
    theirs.run("INSERT INTO product (id, name) VALUES (1, 'chair')").await;
    let database = format!("souk_{}", theirs.home.component);
    for sql in [
        format!("SELECT * FROM \"{database}\".public.product"),
        format!("SELECT * FROM dblink('dbname={database}', 'SELECT 1') AS t (a INT)"),
        format!("SELECT query_to_xml('SELECT * FROM \"{database}\".public.product', true, true, '')"),
        format!("SELECT pg_stat_get_db_numbackends(0), pg_ls_tmpdir(), '{database}'"),
        format!("INSERT INTO \"{database}\".public.product (id, name) VALUES (2, 'table')"),
    ] {
        let error = ours.transact(vec![step(&sql)]).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_) | Error::Denied(_)), "{sql}: {error}");
    }
    let seen = "SELECT count(*) FROM pg_stat_activity
                WHERE usename LIKE 'souk%' AND usename <> current_user AND query <> '<insufficient privilege>'";
    let seen = ours.number(seen).await;
    assert_eq!(seen, 0, "what others run is not shown");
    assert_eq!(theirs.number("SELECT count(*) FROM product").await, 1);
}

#[tokio::test]
async fn a_component_s_name_can_not_name_something_else() {
    let Some(server) = shared() else { return };
    for name in ["", "Product", "a b", "a\"; DROP TABLE x; --", "a'b", "a.owner", "1a", &"a".repeat(41), "é"] {
        let opened = Postgres::open(&server, name, Options::default(), &[]).await.map(drop);
        assert!(matches!(opened, Err(OpenError::Component(_))), "{name}");
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_left_alone() {
    let Some(shop) = shop().await else { return };
    let other = format!("{}-other", shop.home.component);
    let database = format!("souk_{other}");
    psql(&shop.home.server, &format!("CREATE DATABASE \"{database}\"")).unwrap();
    let home = Home { server: shop.home.server.clone(), component: other };
    home.as_host("CREATE TABLE theirs (a INT)");
    let opened = home.open(Limits::default(), &[]).await.map(drop);
    assert!(matches!(&opened, Err(OpenError::Foreign { .. })), "{opened:?}");
    let rights = format!("SELECT datacl IS NULL FROM pg_database WHERE datname = '{database}'");
    assert_eq!(psql(&shop.home.server, &rights).unwrap(), "t", "whoever may connect to it still may");
    psql(&shop.home.server, &format!("DROP DATABASE \"{database}\"")).unwrap();
    let roles = format!("SELECT count(*) FROM pg_roles WHERE rolname LIKE '{database}%'");
    assert_eq!(psql(&shop.home.server, &roles).unwrap(), "0");
}

#[tokio::test]
async fn the_same_component_in_two_namespaces_has_two_databases() {
    let Some(server) = shared() else { return };
    let component = component();
    let migrations = [migration("0001_note.sql", "CREATE TABLE note (id BIGINT PRIMARY KEY)")];
    let in_namespace =
        |namespace: &str| format!("{server}{}namespace={namespace}", if server.contains('?') { '&' } else { '?' });
    let (mut opened, names) = (Vec::new(), ["first", "second"]);
    for namespace in names {
        opened.push(open(&in_namespace(namespace), &component, Limits::default(), &migrations).await.unwrap());
    }
    let insert = Transaction { steps: vec![step("INSERT INTO note VALUES (1)")], events: Vec::new() };
    for db in &opened {
        committed(db.transact(insert.clone()).await);
    }
    drop(opened);
    for namespace in names {
        assert_eq!(databases(&in_namespace(namespace)).await.unwrap(), std::slice::from_ref(&component));
        let name = format!("{namespace}_{component}");
        psql(&server, &format!("DROP DATABASE \"{name}\" WITH (FORCE)")).unwrap();
        psql(&server, &format!("DROP ROLE \"{name}\", \"{name}.owner\"")).unwrap();
    }
    for bad in ["", "A", "1a", "a_b", "a-b", "abcdefghijkl", "a%27"] {
        let opened = open(&in_namespace(bad), &component, Limits::default(), &[]).await.map(drop);
        assert!(matches!(opened, Err(OpenError::Server(_))), "{bad}");
    }
}
