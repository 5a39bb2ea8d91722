//! A connection within this process: what [`socket`](crate::socket) does over TCP, over memory.

use bytes::{Bytes, BytesMut};
use gannet_core::{contract::Input, id::PeerKey, reason::Disconnect};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf},
    sync::mpsc,
};

use crate::socket::MAX_READ_BUFFER_BYTES;

/// Carries bytes until either end has had enough.
pub(crate) async fn carry(
    peer: PeerKey,
    stream: DuplexStream,
    queue: mpsc::Receiver<Bytes>,
    inputs: mpsc::Sender<Input>,
) {
    let (reader, writer) = tokio::io::split(stream);
    let reason = tokio::select! {
        reason = read(peer, reader, &inputs) => reason,
        ended = write(peer, writer, queue, &inputs) => match ended {
            // The core has closed it, and wants to hear no more of it.
            Ok(()) => return,
            Err(reason) => reason,
        },
    };
    // Only a client that has ended doesn't listen.
    let _ = inputs.send(Input::Closed { peer, reason }).await;
}

async fn read(
    peer: PeerKey,
    mut reader: ReadHalf<DuplexStream>,
    inputs: &mpsc::Sender<Input>,
) -> Disconnect {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(MAX_READ_BUFFER_BYTES);
        match reader.read_buf(&mut buffer).await {
            Ok(0) => return Disconnect::Remote,
            Ok(_) => {}
            Err(_) => return Disconnect::Reset,
        }
        let received = Input::Received { peer, bytes: buffer.split().freeze() };
        if inputs.send(received).await.is_err() {
            return Disconnect::Reset;
        }
    }
}

/// Writes what is queued; `Ok` when the queue has ended.
async fn write(
    peer: PeerKey,
    mut writer: WriteHalf<DuplexStream>,
    mut queue: mpsc::Receiver<Bytes>,
    inputs: &mpsc::Sender<Input>,
) -> Result<(), Disconnect> {
    while let Some(bytes) = queue.recv().await {
        writer.write_all(&bytes).await.map_err(|_| Disconnect::Reset)?;
        let sent = Input::Sent { peer, bytes: bytes.len() as u64 };
        inputs.send(sent).await.map_err(|_| Disconnect::Reset)?;
    }
    // What was written is read to its end, the other half being dropped only then.
    let _ = writer.shutdown().await;
    Ok(())
}
