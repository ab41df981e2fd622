//! One connection: bytes out, messages in, and the login. Knows the protocol's frames and nothing of statements.
//!
//! What is sent together goes in one write and is answered up to the `ReadyForQuery` that ends it: one round trip.

use std::io;
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
use crate::contract::Error;

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
            let (reading, writing) = tokio::io::split(socket(address).await?);
            let mut wire = Self { reading, writing, arrived: BytesMut::new(), message_bytes };
            wire.log_in(address, settings).await?;
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

    async fn log_in(&mut self, address: &Address, settings: &[(&str, &str)]) -> Result<(), Fault> {
        let mut sent = BytesMut::new();
        let login = [("user", address.user.as_str()), ("database", &address.database), ("client_encoding", "UTF8")];
        frontend::startup_message(login.into_iter().chain(settings.iter().copied()), &mut sent)?;
        self.send(&sent).await?;
        let password = address.password.as_deref().unwrap_or_default();
        loop {
            sent.clear();
            match self.next().await? {
                Message::AuthenticationOk => break,
                Message::AuthenticationCleartextPassword => {
                    frontend::password_message(password.as_bytes(), &mut sent)?;
                }
                Message::AuthenticationMd5Password(body) => {
                    let hash = md5_hash(address.user.as_bytes(), password.as_bytes(), body.salt());
                    frontend::password_message(hash.as_bytes(), &mut sent)?;
                }
                Message::AuthenticationSasl(_) => {
                    self.scram(password).await?;
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

    async fn scram(&mut self, password: &str) -> Result<(), Fault> {
        let mut scram = sasl::ScramSha256::new(password.as_bytes(), sasl::ChannelBinding::unsupported());
        let mut sent = BytesMut::new();
        frontend::sasl_initial_response(sasl::SCRAM_SHA_256, scram.message(), &mut sent)?;
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
            Message::AuthenticationSaslFinal(body) => Ok(scram.finish(body.data())?),
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

async fn socket(address: &Address) -> io::Result<Box<dyn Socket>> {
    #[cfg(unix)]
    if address.host.starts_with('/') {
        let path = format!("{}/.s.PGSQL.{}", address.host, address.port);
        return Ok(Box::new(tokio::net::UnixStream::connect(path).await?));
    }
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    // Each write is a whole request: waiting for more to send with it would only delay it.
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
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
