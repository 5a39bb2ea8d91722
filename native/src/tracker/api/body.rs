//! Bodies of requests: limited in length and in time.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::{ApiError, config::BODY_TIMEOUT};

/// How much is read, to be thrown away, of a body that is refused: whoever hangs up on a client
/// that still sends takes the answer from it.
const MAX_DRAINED_BYTES: usize = 16 * 1024 * 1024;
/// How long that may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The whole body.
pub(super) async fn read(mut body: Body, max_bytes: usize) -> Result<Bytes, ApiError> {
    let too_long = ApiError::BodyTooLong { max_bytes };
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > max_bytes {
        drain(body).await;
        return Err(too_long);
    }
    match timeout(BODY_TIMEOUT, collect(&mut body, announced, max_bytes)).await {
        Err(_) => Err(ApiError::BodyTimeout),
        Ok(Err(error)) => {
            drain(body).await;
            Err(error)
        }
        Ok(Ok(bytes)) => Ok(bytes),
    }
}

async fn collect(body: &mut Body, announced: usize, max_bytes: usize) -> Result<Bytes, ApiError> {
    /// What a length that is only announced may reserve.
    const MAX_RESERVED_BYTES: usize = 64 * 1024;
    let mut bytes = BytesMut::with_capacity(announced.min(MAX_RESERVED_BYTES));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| ApiError::BodyBroken)?.into_data() else { continue };
        if bytes.len() + data.len() > max_bytes {
            return Err(ApiError::BodyTooLong { max_bytes });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// Reads on for a while, so that the client comes to read its answer.
pub(super) async fn drain(mut body: Body) {
    let rest = async {
        let mut left = MAX_DRAINED_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    // What doesn't come in time doesn't come at all.
    let _ = timeout(DRAIN_TIMEOUT, rest).await;
}
