//! One connection: bytes out, messages in, and the login. Knows the protocol's frames and nothing of statements.
//!
//! What is sent together goes in one write and is answered up to the `ReadyForQuery` that ends it: one round trip.

use std::time::Duration;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::{md5_hash, sasl};
use postgres_protocol::message::backend::{Header, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

use super::address::Address;
use super::fault::{Fault, ServerError};
use super::tls::Secured;
use crate::contract::Error;

/// So that the server finds out within a minute and a half that a host is gone without a trace, and lets go of what it held: the lock
/// of a database that it prepared, above all. Without it that takes two hours.
const KEEPALIVE: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "60"), ("tcp_keepalives_interval", "10"), ("tcp_keepalives_count", "3")];

/// A socket of either kind.
trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// A connection to the server.
pub(super) struct Wire {
    reading: ReadHalf<Box<dyn Socket>>,
    writing: WriteHalf<Box<dyn Socket>>,
    arrived: BytesMut,
    /// A message that is longer than this is not read.
    message_bytes: u64,
}

impl Wire {
    /// Connects and logs in, with settings for the session that `RESET ALL` goes back to.
    pub(super) async fn connect(
        address: &Address,
        settings: &[(&str, &str)],
        message_bytes: u64,
        within: Duration,
    ) -> Result<Self, Fault> {
        let connect = async {
            let (socket, end_point) = socket(address).await?;
            let (reading, writing) = tokio::io::split(socket);
            let mut wire = Self { reading, writing, arrived: BytesMut::new(), message_bytes };
            wire.log_in(address, settings, end_point).await?;
            Ok(wire)
        };
        tokio::time::timeout(within, connect).await.unwrap_or(Err(Fault::Silent))
    }

    /// Sends some messages that end with one `Sync` (or are one `Query`), and hands each message of the answer to `each`, until
    /// the server is ready. Answers whether a transaction is open or failed.
    ///
    /// Reads while it writes: a server whose answers nobody takes would stop taking what is sent.
    pub(super) async fn exchange(
        &mut self,
        sent: &[u8],
        mut each: impl FnMut(Message) -> Result<(), Fault>,
    ) -> Result<u8, Fault> {
        let Self { reading, writing, arrived, message_bytes } = self;
        let write = async {
            writing.write_all(sent).await?;
            writing.flush().await.map_err(Fault::from)
        };
        let read = async {
            loop {
                match next(reading, arrived, *message_bytes).await? {
                    Message::ReadyForQuery(ready) => return Ok(ready.status()),
                    Message::NoticeResponse(_) | Message::ParameterStatus(_) | Message::NotificationResponse(_) => {}
                    message => each(message)?,
                }
            }
        };
        tokio::try_join!(write, read).map(|((), status)| status)
    }

    /// Logs in; `end_point` is what the login can be bound to, if the connection is encrypted.
    async fn log_in(
        &mut self,
        address: &Address,
        settings: &[(&str, &str)],
        end_point: Option<Vec<u8>>,
    ) -> Result<(), Fault> {
        let mut sent = BytesMut::new();
        let login = [("user", address.user.as_str()), ("database", &address.database), ("client_encoding", "UTF8")];
        frontend::startup_message(login.into_iter().chain(KEEPALIVE).chain(settings.iter().copied()), &mut sent)?;
        self.send(&sent).await?;
        let password = address.password.as_deref().unwrap_or_default();
        let mut is_bound = false;
        loop {
            sent.clear();
            let message = self.next().await?;
            let asks_for_less =
                !matches!(message, Message::AuthenticationSasl(_) | Message::ErrorResponse(_)) && !is_bound;
            if address.is_binding_required && asks_for_less {
                return Err(unbound());
            }
            match message {
                Message::AuthenticationOk => break,
                Message::AuthenticationCleartextPassword => {
                    frontend::password_message(password.as_bytes(), &mut sent)?;
                }
                Message::AuthenticationMd5Password(body) => {
                    let hash = md5_hash(address.user.as_bytes(), password.as_bytes(), body.salt());
                    frontend::password_message(hash.as_bytes(), &mut sent)?;
                }
                Message::AuthenticationSasl(body) => {
                    let mechanisms: Vec<_> = body.mechanisms().map(|name| Ok(name.to_owned())).collect()?;
                    is_bound = self.scram(address, &mechanisms, end_point.clone()).await?;
                    continue;
                }
                Message::ErrorResponse(body) => return Err(ServerError::of(&body).into()),
                _ => return Err(Error::Unavailable("the server asks for a login of an unknown kind".into()).into()),
            }
            self.send(&sent).await?;
        }
        loop {
            match self.next().await? {
                Message::ReadyForQuery(_) => return Ok(()),
                Message::ErrorResponse(body) => return Err(ServerError::of(&body).into()),
                _ => {}
            }
        }
    }

    /// Each side proves to the other that it knows the password. Answers whether they did so over this connection, and not over two
    /// with somebody in between.
    async fn scram(
        &mut self,
        address: &Address,
        mechanisms: &[String],
        end_point: Option<Vec<u8>>,
    ) -> Result<bool, Fault> {
        let can_server = mechanisms.iter().any(|name| name == sasl::SCRAM_SHA_256_PLUS);
        let (mechanism, binding) = match end_point {
            Some(end_point) if can_server => {
                (sasl::SCRAM_SHA_256_PLUS, sasl::ChannelBinding::tls_server_end_point(end_point))
            }
            // Says that we could: a server that can too then knows that somebody took its offer away.
            Some(_) => (sasl::SCRAM_SHA_256, sasl::ChannelBinding::unrequested()),
            None => (sasl::SCRAM_SHA_256, sasl::ChannelBinding::unsupported()),
        };
        let is_bound = mechanism == sasl::SCRAM_SHA_256_PLUS;
        if address.is_binding_required && !is_bound {
            return Err(unbound());
        }
        let password = address.password.as_deref().unwrap_or_default();
        let mut scram = sasl::ScramSha256::new(password.as_bytes(), binding);
        let mut sent = BytesMut::new();
        frontend::sasl_initial_response(mechanism, scram.message(), &mut sent)?;
        self.send(&sent).await?;
        match self.next().await? {
            Message::AuthenticationSaslContinue(body) => scram.update(body.data())?,
            Message::ErrorResponse(body) => return Err(ServerError::of(&body).into()),
            _ => return Err(unexpected()),
        }
        sent.clear();
        frontend::sasl_response(scram.message(), &mut sent)?;
        self.send(&sent).await?;
        match self.next().await? {
            // Proves that the server knows the password too.
            Message::AuthenticationSaslFinal(body) => Ok(scram.finish(body.data()).map(|()| is_bound)?),
            Message::ErrorResponse(body) => Err(ServerError::of(&body).into()),
            _ => Err(unexpected()),
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.writing.write_all(bytes).await?;
        Ok(self.writing.flush().await?)
    }

    async fn next(&mut self) -> Result<Message, Fault> {
        next(&mut self.reading, &mut self.arrived, self.message_bytes).await
    }
}

/// What each message of an answer says that does not belong to rows; for exchanges of the host.
pub(super) fn unexpected() -> Fault {
    Fault::Broken("the server answered out of turn".into())
}

fn unbound() -> Fault {
    Error::Unavailable("the server does not bind the login to the connection, and channel_binding asks for it".into())
        .into()
}

/// A connection to the server, encrypted as its address says, and what a login can be bound to then.
async fn socket(address: &Address) -> Result<(Box<dyn Socket>, Option<Vec<u8>>), Fault> {
    #[cfg(unix)]
    if address.host.starts_with('/') {
        let path = format!("{}/.s.PGSQL.{}", address.host, address.port);
        return Ok((Box::new(tokio::net::UnixStream::connect(path).await?), None));
    }
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    // Each write is a whole request: waiting for more to send with it would only delay it.
    stream.set_nodelay(true)?;
    let secured = match &address.tls {
        Some(tls) => tls.secure(stream, &address.host).await?,
        None => Secured::Plain(stream),
    };
    Ok(match secured {
        Secured::Encrypted(stream, end_point) => (stream, end_point),
        Secured::Plain(stream) => (Box::new(stream), None),
    })
}

/// The next message. Its length is looked at before the message itself is read.
async fn next(
    reading: &mut ReadHalf<Box<dyn Socket>>,
    arrived: &mut BytesMut,
    message_bytes: u64,
) -> Result<Message, Fault> {
    loop {
        if let Some(header) = Header::parse(arrived)?
            && u64::try_from(header.len()).is_ok_and(|length| length > message_bytes)
        {
            return Err(Fault::Overlong);
        }
        if let Some(message) = Message::parse(arrived)? {
            return Ok(message);
        }
        if reading.read_buf(arrived).await? == 0 {
            return Err(Fault::Broken("the server closed the connection".into()));
        }
    }
}

/// The object ids of the parameters of a `ParameterDescription`, or the columns of a `RowDescription`.
pub(super) fn oids(message: &Message) -> Result<Vec<u32>, Fault> {
    match message {
        Message::ParameterDescription(body) => Ok(body.parameters().collect()?),
        Message::RowDescription(body) => Ok(body.fields().map(|field| Ok(field.type_oid())).collect()?),
        _ => Err(unexpected()),
    }
}
