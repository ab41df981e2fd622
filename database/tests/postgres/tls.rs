//! Connections over a network: encrypted as the URL says, to the server that is meant, or not at all.
//!
//! Certificates are made with the program `openssl`; without it what needs one is left out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use souk_database::contract::{Database, Value};
use souk_database::postgres::{Limits, OpenError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::open;
use crate::server::{Server, own, psql};
use crate::words::{statement, text};

const SECRET: &str = "secret%20of%20the%20tests";

/// A server on TCP whose certificate a test can choose.
struct Secure {
    server: Server,
    certificates: PathBuf,
}

impl Secure {
    fn start() -> Option<Self> {
        let server = Server::start_on_tcp()?;
        let certificates = server.folder.join("certificates");
        if make_certificates(&certificates).is_none() {
            let _ = writeln!(std::io::stderr(), "openssl can't make certificates: tests of TLS are left out");
            return None;
        }
        own(&certificates);
        let secure = Self { server, certificates };
        secure.show("server");
        Some(secure)
    }

    /// Lets the server show this certificate to all who come from now on.
    fn show(&self, name: &str) {
        let file = |kind| self.file(&format!("{name}.{kind}"));
        for sql in [
            format!("ALTER SYSTEM SET ssl_cert_file = '{}'", file("pem")),
            format!("ALTER SYSTEM SET ssl_key_file = '{}'", file("key")),
            "ALTER SYSTEM SET ssl = on".to_owned(),
            "SELECT pg_reload_conf()".to_owned(),
        ] {
            psql(&self.server.url, &sql).unwrap();
        }
        let shown =
            || psql(&self.server.url, "SELECT current_setting('ssl_cert_file'), current_setting('ssl')").unwrap();
        for _ in 0..500 {
            if shown() == format!("{}|on", file("pem")) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server did not take the certificate `{name}`");
    }

    fn file(&self, name: &str) -> String {
        self.certificates.join(name).display().to_string()
    }

    fn url(&self, host: &str, settings: &str) -> String {
        url(host, self.server.port.unwrap(), settings)
    }
}

fn url(host: &str, port: u16, settings: &str) -> String {
    format!("postgres://admin:{SECRET}@{host}:{port}/postgres?{settings}")
}

/// Opens a database and answers whether its own connections are encrypted.
async fn is_encrypted(url: &str) -> Result<bool, OpenError> {
    let db = open(url, "product", Limits::default(), &[]).await?;
    // Many records in both directions, too.
    let large = text(&"a".repeat(1 << 20));
    let sql = "SELECT $1::TEXT, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let rows = db.query(statement(sql, std::slice::from_ref(&large))).await.unwrap();
    assert_eq!(rows.cells[0], large);
    Ok(rows.cells[1] == Value::Integer(1))
}

async fn assert_refused(url: &str, word: &str) {
    let error = is_encrypted(url).await.unwrap_err().to_string();
    assert!(error.contains(word), "`{error}` must say {word}");
    assert!(!error.contains("secret"), "{error}");
}

#[tokio::test]
async fn the_server_that_is_meant_is_found_and_no_other() {
    let Some(secure) = Secure::start() else { return };
    let (root, other) = (secure.file("root.pem"), secure.file("other.pem"));
    for settings in [
        String::new(),
        "sslmode=prefer".into(),
        "sslmode=require".into(),
        format!("sslmode=require&sslrootcert={root}"),
        format!("sslmode=verify-ca&sslrootcert={root}"),
        format!("sslmode=verify-full&sslrootcert={}", root.replace('/', "%2F")),
    ] {
        assert!(is_encrypted(&secure.url("localhost", &settings)).await.unwrap(), "{settings}");
    }
    assert!(!is_encrypted(&secure.url("localhost", "sslmode=disable")).await.unwrap());

    for mode in ["require", "verify-ca", "verify-full"] {
        let settings = format!("sslmode={mode}&sslrootcert={other}");
        assert_refused(&secure.url("localhost", &settings), "UnknownIssuer").await;
    }
    assert_refused(&secure.url("localhost", "sslmode=verify-full"), "UnknownIssuer").await;
    assert_refused(&secure.url("localhost", "sslrootcert=system"), "UnknownIssuer").await;
    let at_number = |mode| secure.url("127.0.0.1", &format!("sslmode={mode}&sslrootcert={root}"));
    assert!(is_encrypted(&at_number("verify-ca")).await.unwrap(), "the name is not looked at");
    assert_refused(&at_number("verify-full"), "not valid for name").await;
}

#[tokio::test]
async fn a_server_without_tls_is_spoken_to_in_plain_only_if_that_is_enough() {
    let Some(server) = Server::start_on_tcp() else { return };
    let port = server.port.unwrap();
    for settings in ["", "sslmode=prefer", "sslmode=disable"] {
        assert!(!is_encrypted(&url("localhost", port, settings)).await.unwrap(), "{settings}");
    }
    for mode in ["require", "verify-full"] {
        assert_refused(&url("localhost", port, &format!("sslmode={mode}")), "no TLS").await;
    }
    assert_refused(&url("localhost", port, "channel_binding=require"), "channel_binding").await;
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_good_if_it_is_the_one_in_the_file() {
    let Some(secure) = Secure::start() else { return };
    secure.show("self");
    let with = |host, name| {
        secure.url(host, &format!("sslmode=verify-full&sslrootcert={}", secure.file(&format!("{name}.pem"))))
    };
    assert!(is_encrypted(&with("localhost", "self")).await.unwrap());
    assert_refused(&with("127.0.0.1", "self"), "not valid for name").await;
    assert_refused(&with("localhost", "root"), "invalid peer certificate").await;
}

#[tokio::test]
async fn a_login_is_bound_to_the_connection_whatever_signed_the_certificate() {
    let Some(secure) = Secure::start() else { return };
    for name in ["server", "rsa-sha1", "rsa-sha256", "rsa-sha384", "ec-sha384", "ec-sha512"] {
        secure.show(name);
        let bound = secure.url("localhost", "sslmode=require&channel_binding=require");
        assert!(is_encrypted(&bound).await.unwrap(), "{name}");
    }
    // No hash that both sides would agree on: not bound, and said so.
    secure.show("ed25519");
    assert!(is_encrypted(&secure.url("localhost", "sslmode=require")).await.unwrap());
    assert_refused(&secure.url("localhost", "sslmode=require&channel_binding=require"), "channel_binding").await;
}

#[tokio::test]
async fn what_is_sent_in_plain_behind_the_answer_is_not_taken_for_the_server_s() {
    // A login that succeeded and a server that is ready, from somebody on the way.
    let forged = b"SR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    for settings in ["sslmode=require", "sslmode=prefer"] {
        let (error, sent) = with_forger(settings, forged).await;
        assert!(error.contains("TLS with the server failed"), "{error}");
        assert_eq!(sent.first(), Some(&0x16), "a handshake and nothing else: {sent:?}");
    }
}

#[tokio::test]
async fn a_password_is_not_told_to_a_server_that_must_prove_that_it_knows_it() {
    let asks_for_it = b"NR\0\0\0\x08\0\0\0\x03";
    let (error, sent) = with_forger("channel_binding=require", asks_for_it).await;
    assert!(error.contains("channel_binding"), "{error}");
    let sent = String::from_utf8_lossy(&sent).into_owned();
    assert!(sent.contains("admin") && !sent.contains("secret"), "{sent}");
    // Nor is anything told to one that has no TLS when it must.
    let (error, sent) = with_forger("sslmode=require", asks_for_it).await;
    assert!(error.contains("no TLS") && sent.is_empty(), "{error} {sent:?}");
}

/// Connects to somebody who answers the request for TLS with `answer`; what opening says, and what was sent after the request.
async fn with_forger(settings: &str, answer: &'static [u8]) -> (String, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url("127.0.0.1", listener.local_addr().unwrap().port(), settings);
    let forger = tokio::spawn(async move {
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).await.unwrap();
        stream.write_all(answer).await.unwrap();
        let mut sent = Vec::new();
        // Ends when the other side closes, one way or the other.
        let _ = stream.read_to_end(&mut sent).await;
        sent
    });
    let error = open(&url, "product", Limits::default(), &[]).await.map(drop).unwrap_err();
    (error.to_string(), forger.await.unwrap())
}

/// Makes a root, servers of that root and one of its own, with keys and hashes of all kinds; none without `openssl`.
fn make_certificates(folder: &Path) -> Option<()> {
    const CONFIG: &str = "
        [req]
        distinguished_name = name
        [name]
        [authority]
        basicConstraints = critical, CA:TRUE
        [server]
        basicConstraints = critical, CA:FALSE
        subjectAltName = DNS:localhost
        [alone]
        basicConstraints = critical, CA:TRUE
        subjectAltName = DNS:localhost
    ";
    const EC: &str = "ec -pkeyopt ec_paramgen_curve:prime256v1";
    const RSA: &str = "rsa:2048";
    const SIGNED: &str = "-CA root.pem -CAkey root.key";
    std::fs::create_dir(folder).unwrap();
    std::fs::write(folder.join("config"), CONFIG).unwrap();
    let make = |name: &str, extensions: &str, key: &str, more: &str| {
        let mut command = Command::new("openssl");
        command.current_dir(folder).args(["req", "-x509", "-config", "config", "-nodes", "-subj"]);
        command.args([&format!("/CN={name}"), "-extensions", extensions, "-newkey"]).args(key.split(' '));
        command.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]);
        command.args(more.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let made = command.status();
        made.is_ok_and(|status| status.success()).then_some(())
    };
    make("root", "authority", EC, "")?;
    make("other", "authority", EC, "")?;
    make("server", "server", EC, SIGNED)?;
    make("self", "alone", EC, "")?;
    for (name, key, hash) in [
        ("rsa-sha1", RSA, "-sha1"),
        ("rsa-sha256", RSA, "-sha256"),
        ("rsa-sha384", RSA, "-sha384"),
        ("ec-sha384", EC, "-sha384"),
        ("ec-sha512", EC, "-sha512"),
        ("ed25519", "ed25519", ""),
    ] {
        make(name, "alone", key, hash)?;
    }
    Some(())
}
