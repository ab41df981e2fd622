//! TLS to the server, asked for as libpq names it and meaning what libpq means by it.
//!
//! | `sslmode` | encrypted | the server's certificate |
//! |---|---|---|
//! | `disable` | no | |
//! | `prefer`, if none is given | if the server can | is not looked at: whoever sits on the way may read all of it |
//! | `require` | yes | is not looked at; with `sslrootcert` as `verify-ca` |
//! | `verify-ca` | yes | signed by an authority of `sslrootcert` |
//! | `verify-full` | yes | and for the name of the host |
//!
//! `sslrootcert` is a file of certificates (PEM), or `system`: the public authorities that this program was built with. They sign
//! for everybody, so they only make sense with `verify-full`, which takes them if no file is named. A socket of the system is
//! never encrypted.
//!
//! Three things are stricter than in libpq: a handshake that fails is an error with `prefer`, too; a file of authorities that
//! would not be used is refused; names are looked for in the certificate's `subjectAltName` only. `allow`, revocation lists and
//! certificates of the client are left out.

use std::sync::Arc;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use sha2::{Digest, Sha256, Sha384, Sha512};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use tokio_rustls::rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme, version,
};

use super::fault::Fault;
use crate::contract::Error;

/// What a URL says of it, word for word.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) mode: Option<String>,
    pub(super) root: Option<String>,
}

/// How connections to a server are encrypted.
#[derive(Clone)]
pub(super) struct Tls {
    is_required: bool,
    config: Arc<ClientConfig>,
}

/// A connection, and how it turned out.
pub(super) enum Secured {
    /// With what a login can be bound to it.
    Encrypted(Box<TlsStream<TcpStream>>, Option<Vec<u8>>),
    Plain(TcpStream),
}

/// Whose certificates are good.
#[derive(Debug)]
struct Trust {
    authorities: Authorities,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Authorities {
    /// Whatever the server shows.
    Any,
    These {
        roots: RootCertStore,
        /// The file itself: a server that signed its own certificate may show one of them.
        listed: Vec<CertificateDer<'static>>,
        is_name_checked: bool,
    },
}

impl Settings {
    /// What they mean together; none if nothing is to be encrypted.
    pub(super) fn read(&self) -> Result<Option<Tls>, String> {
        let (is_required, authorities) = match (self.mode.as_deref(), self.root.as_deref()) {
            (Some("disable"), None) => return Ok(None),
            (None | Some("prefer"), None) => (false, Authorities::Any),
            (Some("require"), None) => (true, Authorities::Any),
            (Some("verify-full"), None) | (None | Some("verify-full"), Some("system")) => (true, Authorities::public()),
            (Some(mode @ ("require" | "verify-ca" | "verify-full")), Some(file)) if file != "system" => {
                (true, Authorities::of_file(file, mode == "verify-full")?)
            }
            (Some("verify-ca"), None) => return Err("sslmode=verify-ca needs sslrootcert=FILE".to_owned()),
            (None | Some("disable" | "prefer"), Some(_)) => {
                return Err("with sslrootcert goes sslmode=verify-full (or verify-ca, or require)".to_owned());
            }
            (Some("require" | "verify-ca"), Some(_)) => {
                return Err(
                    "with sslrootcert=system goes sslmode=verify-full: anybody has a certificate of them".into()
                );
            }
            (Some(mode), _) => {
                let mode = mode.escape_debug();
                return Err(format!("sslmode={mode}: there is disable, prefer, require, verify-ca, verify-full"));
            }
        };
        Ok(Some(Tls { is_required, config: Arc::new(config(authorities)) }))
    }
}

impl Authorities {
    fn public() -> Self {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self::These { roots, listed: Vec::new(), is_name_checked: true }
    }

    fn of_file(file: &str, is_name_checked: bool) -> Result<Self, String> {
        let unusable = |why: &dyn std::fmt::Display| format!("sslrootcert: {}: {why}", file.escape_debug());
        let listed: Vec<_> =
            CertificateDer::pem_file_iter(file).and_then(Iterator::collect).map_err(|error| unusable(&error))?;
        let mut roots = RootCertStore::empty();
        for certificate in &listed {
            roots.add(certificate.clone()).map_err(|error| unusable(&error))?;
        }
        if listed.is_empty() {
            return Err(unusable(&"no certificate in it"));
        }
        Ok(Self::These { roots, listed, is_name_checked })
    }
}

fn config(authorities: Authorities) -> ClientConfig {
    let provider = ring::default_provider();
    let trust = Trust { authorities, algorithms: provider.signature_verification_algorithms };
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .expect("ring has cipher suites for both versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust))
        .with_no_client_auth();
    // So that what is meant for a server of another protocol cannot be led to this one; older servers don't look.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    config
}

impl Tls {
    /// Asks the server for TLS and does the handshake.
    pub(super) async fn secure(&self, mut stream: TcpStream, host: &str) -> Result<Secured, Fault> {
        let mut request = BytesMut::new();
        frontend::ssl_request(&mut request);
        stream.write_all(&request).await?;
        // One byte and no more: what somebody on the way sends behind it, in plain, is not taken for the server's later.
        match stream.read_u8().await? {
            b'S' => {}
            b'N' if !self.is_required => return Ok(Secured::Plain(stream)),
            b'N' => return Err(unavailable("the server has no TLS, and sslmode asks for it".to_owned())),
            _ => return Err(unavailable("the server does not answer whether it has TLS".to_owned())),
        }
        let failed = |why: &dyn std::fmt::Display| unavailable(format!("TLS with the server failed: {why}"));
        let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let stream = connector.connect(name, stream).await.map_err(|error| failed(&error))?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let end_point = certificate.and_then(|certificate| end_point(certificate));
        Ok(Secured::Encrypted(Box::new(stream), end_point))
    }
}

fn unavailable(text: String) -> Fault {
    Fault::Refused(Error::Unavailable(text))
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Authorities::These { roots, listed, is_name_checked } = &self.authorities else {
            return Ok(ServerCertVerified::assertion());
        };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        // One that is in the file needs nobody to vouch for it. Nobody could: what signs itself, as `openssl req -x509` makes it,
        // calls itself an authority, and an authority's certificate is no server's otherwise.
        if !listed.contains(end_entity) {
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        if *is_name_checked {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// What a login is bound to (`tls-server-end-point`, RFC 5929): the certificate's digest, by the hash with which it is itself signed
/// or SHA-256 in place of an older one. None where the signature names no hash, as Ed25519's.
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    // 1.2.840.113549.1.1 and 1.2.840.10045.4.
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4];
    let (fields, _) = element(certificate)?;
    let (_to_be_signed, fields) = element(fields)?;
    let (algorithm, _) = element(fields)?;
    let (name, _parameters) = element(algorithm)?;
    match (name.strip_prefix(RSA), name.strip_prefix(ECDSA)) {
        (Some([4 | 5 | 11]), _) | (_, Some([1] | [3, 2])) => Some(Sha256::digest(certificate).to_vec()),
        (Some([12]), _) | (_, Some([3, 3])) => Some(Sha384::digest(certificate).to_vec()),
        (Some([13]), _) | (_, Some([3, 4])) => Some(Sha512::digest(certificate).to_vec()),
        _ => None,
    }
}

/// The content of the element of DER at the start, and what is left behind it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[_tag, length], rest) = der.split_first_chunk()?;
    let Some(bytes) = length.checked_sub(0x80) else { return rest.split_at_checked(length.into()) };
    let (length, rest) = rest.split_at_checked(bytes.into())?;
    let length =
        length.iter().try_fold(0_usize, |length, byte| length.checked_mul(256)?.checked_add((*byte).into()))?;
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::{Settings, element};

    fn read(mode: Option<&str>, root: Option<&str>) -> Result<Option<bool>, String> {
        let settings = Settings { mode: mode.map(str::to_owned), root: root.map(str::to_owned) };
        settings.read().map(|tls| tls.map(|tls| tls.is_required))
    }

    #[test]
    fn settings_mean_what_libpq_means() {
        assert_eq!(read(None, None), Ok(Some(false)));
        assert_eq!(read(Some("prefer"), None), Ok(Some(false)));
        assert_eq!(read(Some("disable"), None), Ok(None));
        for (mode, root) in [
            (Some("require"), None),
            (Some("verify-full"), None),
            (Some("verify-full"), Some("system")),
            (None, Some("system")),
        ] {
            assert_eq!(read(mode, root), Ok(Some(true)), "{mode:?} {root:?}");
        }
    }

    #[test]
    fn what_would_promise_more_than_it_holds_is_refused() {
        for (mode, root, word) in [
            (Some("allow"), None, "sslmode=allow"),
            (Some("verify"), None, "sslmode=verify"),
            (Some("verify-ca"), None, "sslrootcert=FILE"),
            (Some("verify-ca"), Some("system"), "verify-full"),
            (Some("require"), Some("system"), "verify-full"),
            (Some("prefer"), Some("/root.pem"), "verify-full"),
            (None, Some("/root.pem"), "verify-full"),
            (Some("verify-full"), Some("/nowhere/root.pem"), "/nowhere/root.pem"),
            (Some("verify-full"), Some("/dev/null"), "no certificate"),
        ] {
            let error = read(mode, root).unwrap_err();
            assert!(error.contains(word), "{mode:?} {root:?}: {error}");
        }
    }

    #[test]
    fn elements_end_where_they_say_and_never_behind_the_end() {
        assert_eq!(element(&[0x30, 2, 1, 2, 3]), Some((&[1, 2][..], &[3][..])));
        assert_eq!(element(&[0x30, 0x82, 0, 1, 7, 8]), Some((&[7][..], &[8][..])));
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 2, 1],
            &[0x30, 0x82, 1],
            &[0x30, 0x89, 255, 255, 255, 255, 255, 255, 255, 255, 255],
        ] {
            assert_eq!(element(bad), None, "{bad:?}");
        }
    }
}
