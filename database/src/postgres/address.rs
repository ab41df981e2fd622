//! Where the server is and who is asking: `postgres://user:password@host:port/database`, as libpq writes it.
//!
//! A host that begins with `/` is the folder of a Unix socket; it is written `%2Frun%2Fpostgresql` or `?host=/run/postgresql`.
//! Settings are written behind `?`, each at most once: `namespace`, which no other program knows: the first word of the names of all databases, so
//! that several applications, or several copies of one, can share a server (`souk` without it); `host`, `sslmode` and `sslrootcert` (see `tls`), and `channel_binding`,
//! with whose value `require` only a server counts that proves over this very connection that it knows the password.

use super::tls::{Settings, Tls};

/// The namespace of an application that does not name one.
const NAMESPACE: &str = "souk";

/// So that with a component's name and what is put behind it there is room in the 63 bytes of a name.
const NAMESPACE_BYTES_MAX: usize = 11;

/// A server and a login there.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: String,
    /// The first word of the names of components' databases.
    pub(super) namespace: String,
    /// None if nothing is to be encrypted.
    pub(super) tls: Option<Tls>,
    /// Whether a login must be bound to the encrypted connection.
    pub(super) is_binding_required: bool,
}

impl Address {
    /// Parses a URL. The error does not repeat it: it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let shape = || "the server is not given like `postgres://user:password@host:port/database`".to_owned();
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")).ok_or_else(shape)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, server) = authority.rsplit_once('@').unwrap_or(("postgres", authority));
        let (user, password) = login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password)));
        let (host, port) = server.rsplit_once(':').unwrap_or((server, "5432"));
        let mut address = Self {
            host: decode(host).ok_or_else(shape)?,
            port: port.parse().map_err(|_| shape())?,
            user: decode(user).ok_or_else(shape)?,
            password: password.map(decode).map(|password| password.ok_or_else(shape)).transpose()?,
            database: decode(database).ok_or_else(shape)?,
            namespace: NAMESPACE.to_owned(),
            tls: None,
            is_binding_required: false,
        };
        let mut settings = Settings::default();
        for setting in query.split('&').filter(|setting| !setting.is_empty()) {
            address.set(&mut settings, setting)?;
        }
        address.tls = settings.read()?;
        if address.host.is_empty() {
            "localhost".clone_into(&mut address.host);
        }
        if address.database.is_empty() {
            address.database.clone_from(&address.user);
        }
        Ok(address)
    }

    fn set(&mut self, settings: &mut Settings, setting: &str) -> Result<(), String> {
        let known = || {
            "the settings of a server are `namespace`, `host`, `sslmode`, `sslrootcert` and `channel_binding`"
                .to_owned()
        };
        let (name, value) = setting.split_once('=').ok_or_else(known)?;
        let value = decode(value).ok_or_else(|| format!("`{}` of the server is not UTF-8", name.escape_debug()))?;
        match (name, value.as_str()) {
            ("host", _) => self.host = value,
            ("namespace", _) if is_namespace(&value) => self.namespace = value,
            ("namespace", _) => {
                return Err(format!("namespace is 1 to {NAMESPACE_BYTES_MAX} of a-z and 0-9, a letter first"));
            }
            ("sslmode", _) => settings.mode = Some(value),
            ("sslrootcert", _) => settings.root = Some(value),
            ("channel_binding", "prefer") => self.is_binding_required = false,
            ("channel_binding", "require") => self.is_binding_required = true,
            ("channel_binding", _) => return Err("channel_binding is `prefer` or `require`".to_owned()),
            _ => return Err(known()),
        }
        Ok(())
    }

    /// The same server with another login and another database.
    pub(super) fn of(&self, user: &str, password: Option<&str>, database: &str) -> Self {
        Self {
            user: user.to_owned(),
            password: password.map(str::to_owned),
            database: database.to_owned(),
            ..self.clone()
        }
    }
}

/// Without `_`, which stands behind it: no two pairs of namespace and component have one name.
fn is_namespace(text: &str) -> bool {
    (1..=NAMESPACE_BYTES_MAX).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        bytes.push(if byte == b'%' { u8::try_from(digit()? * 16 + digit()?).ok()? } else { byte });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_url_names_server_and_login() {
        let address = Address::parse("postgres://me:a%3Ab@db.example:6000/shop").unwrap();
        assert_eq!((address.host.as_str(), address.port, address.user.as_str()), ("db.example", 6000, "me"));
        assert_eq!((address.password.as_deref(), address.database.as_str()), (Some("a:b"), "shop"));
        let socket = Address::parse("postgres://me@%2Frun%2Fpg:6000").unwrap();
        assert_eq!((socket.host.as_str(), socket.database.as_str()), ("/run/pg", "me"));
        assert_eq!(Address::parse("postgres:///?host=/run/pg").unwrap().host, "/run/pg");
        assert!(Address::parse("postgres://a?sslmode=require&channel_binding=require").unwrap().is_binding_required);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [
            "mysql://a:secret",
            "postgres://a:port/x",
            "postgres://me:secret@a?sslmode=verify-ca",
            "postgres://me:secret@a?channel_binding=perhaps",
            "postgres://me:secret@a?b=secret",
            "postgres://me:secret@a?sslmode",
            "postgres://%ff",
        ] {
            let error = Address::parse(bad).map(drop).unwrap_err();
            assert!(!error.contains("secret"), "{bad}: {error}");
        }
    }
}
