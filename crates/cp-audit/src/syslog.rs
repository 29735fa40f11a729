//! Syslog (RFC 5424): over UDP (RFC 5426), or over TCP with octet counting (RFC 6587, section 3.4.1).

use std::time::Duration;

use cp_store::ChainedEvent;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket};

use crate::SendError;

/// Facility 13, log audit, and severity 5, notice: 13 · 8 + 5.
const PRIORITY: u8 = 109;
/// `MSGID` has so many characters at most.
const MAX_MESSAGE_ID: usize = 32;
/// What one batch may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How messages travel. Neither way says whether they arrived; over TCP a receiver that is away is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A datagram each.
    Udp,
    /// A connection for each batch.
    Tcp,
}

/// A receiver of syslog messages: the event's time and action, and the event itself with its hash as JSON.
#[derive(Clone, Debug)]
pub struct Syslog {
    /// How to reach it.
    pub transport: Transport,
    /// Host and port.
    pub address: String,
}

impl Syslog {
    pub(crate) async fn send(&self, events: &[ChainedEvent]) -> Result<(), SendError> {
        let messages = events.iter().map(message).collect::<Result<Vec<_>, _>>();
        let messages = messages.map_err(|error| SendError::new(&error))?;
        let sending = async {
            match self.transport {
                Transport::Udp => self.send_datagrams(&messages).await,
                Transport::Tcp => self.send_stream(&messages).await,
            }
        };
        let sent = tokio::time::timeout(TIMEOUT, sending).await;
        let sent = sent.map_err(|_| SendError(format!("not sent within {} s", TIMEOUT.as_secs())))?;
        sent.map_err(|error| SendError::new(&error))
    }

    async fn send_datagrams(&self, messages: &[String]) -> std::io::Result<()> {
        let local = if self.address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
        let socket = UdpSocket::bind(local).await?;
        socket.connect(&self.address).await?;
        for message in messages {
            socket.send(message.as_bytes()).await?;
        }
        Ok(())
    }

    async fn send_stream(&self, messages: &[String]) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(&self.address).await?;
        for message in messages {
            stream.write_all(format!("{} {message}", message.len()).as_bytes()).await?;
        }
        stream.flush().await?;
        stream.shutdown().await
    }
}

/// `<109>1 TIME - codepromptu - ACTION - JSON`.
fn message(event: &ChainedEvent) -> serde_json::Result<String> {
    let json = serde_json::to_string(event)?;
    let action: String =
        event.event.action.chars().filter(char::is_ascii_graphic).take(MAX_MESSAGE_ID).collect();
    Ok(format!("<{PRIORITY}>1 {} - codepromptu - {action} - {json}", event.event.at))
}
