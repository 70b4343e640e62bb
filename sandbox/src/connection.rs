//! One TCP connection: bodies that may end too early, and ends that may be resets.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// A connection that is to be reset, or that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("a fault drops this connection")]
    Reset,
    #[error("could not read the request")]
    Read(#[from] hyper::Error),
}

/// A body that may end in the middle although its length was announced.
#[derive(Debug)]
pub(crate) struct Answer {
    rest: Bytes,
    truncate: bool,
    /// The time between two bytes, and the wait for the next.
    pace: Option<(Duration, Pin<Box<Sleep>>)>,
}

impl Answer {
    /// A body; with `truncate` only the first half of it, under the length of the whole; with a pace so many bytes a second.
    pub(crate) fn new(body: Bytes, truncate: bool, bytes_per_second: Option<u64>) -> Self {
        let pace = bytes_per_second.map(|bytes| {
            let pause = Duration::from_secs(1).div_f64(bytes.max(1) as f64);
            (pause, Box::pin(sleep(pause)))
        });
        Self {
            rest: body,
            truncate,
            pace,
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if self.truncate {
            let half = self.rest.len() / 2;
            let sent = self.rest.split_to(half);
            if sent.is_empty() {
                return Poll::Ready(Some(Err(Broken::Reset)));
            }
            // The other half stays where it is: the next poll ends the connection.
            self.rest.truncate(1);
            return Poll::Ready(Some(Ok(Frame::data(sent))));
        }
        if let Some((pause, wait)) = &mut self.pace {
            std::task::ready!(wait.as_mut().poll(cx));
            let next = wait.deadline() + *pause;
            wait.as_mut().reset(next);
            return Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(1)))));
        }
        let rest = std::mem::take(&mut self.rest);
        Poll::Ready(Some(Ok(Frame::data(rest))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// A connection that ends with a TCP reset instead of an orderly close once `reset` is set.
pub(crate) struct Wire {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, reset: Arc<AtomicBool>) -> Self {
        Self { stream, reset }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
