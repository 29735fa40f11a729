//! A response's body, line by line.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::ClientError;

/// Whole lines of a body. A line that the connection cut off is never returned.
#[derive(Debug)]
pub(crate) struct Lines {
    body: Incoming,
    pending: BytesMut,
    /// Bytes of `pending` that are known to hold no line end.
    searched: usize,
    server: String,
}

impl Lines {
    pub(crate) fn new(body: Incoming, server: String) -> Self {
        Self { body, pending: BytesMut::new(), searched: 0, server }
    }

    /// The next line without its end; `None` when the body ended cleanly.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.pending.extend_from_slice(data);
                    }
                }
                Some(Err(error)) => {
                    return Err(ClientError::BrokenOff { server: self.server.clone(), source: error.into() });
                }
                None => return Ok(None),
            }
        }
    }

    fn take_line(&mut self) -> Option<Bytes> {
        let unseen = self.pending.get(self.searched..).unwrap_or_default();
        let Some(end) = unseen.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.pending.len();
            return None;
        };
        let mut line = self.pending.split_to(self.searched + end + 1);
        self.searched = 0;
        line.truncate(line.len() - 1);
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        Some(line.freeze())
    }
}
