//! Orders that are out to the host's storage, and what its answers mean to the core.

use std::sync::Arc;

use bytes::Bytes;
use gannet_core::{
    Session,
    bitfield::Bitfield,
    contract::Input,
    id::{PieceIndex, TorrentKey},
    layout::Layout,
    metainfo::Info,
    resume::{FileStamp, Record},
    storage::{Command, Completion, Order, Outcome, StorageError, Verdict},
};

use crate::{
    convert,
    host::{self, Order as Wanted},
    table::Table,
};

/// The orders that are out, by number.
#[derive(Default)]
pub(crate) struct Orders {
    out: Table<u32, Pending>,
    last: u32,
}

struct Pending {
    torrent: TorrentKey,
    what: What,
}

/// What is kept of an order to answer it.
enum What {
    Open(Arc<Info>),
    Select,
    Store(PieceIndex),
    Spill { piece: PieceIndex, length: u32 },
    Check(PieceIndex),
    Read { piece: PieceIndex, begin: u32, length: u32 },
    Checkpoint(Bitfield),
    Close,
}

impl Orders {
    /// Hands an order to the host. A piece leaves the wasm heap here: its bytes are the host's.
    pub(crate) fn carry_out(&mut self, session: &Session, command: Command) {
        let Command { torrent, order } = command;
        let number = self.last.wrapping_add(1);
        self.last = number;
        let info = match &order {
            Order::Open { info, .. } => Some(Arc::clone(info)),
            _ => session.info(torrent).cloned(),
        };
        let Some(info) = info else { return };
        let what = tell(number, torrent.as_u64() as f64, &info, order);
        self.out.insert(number, Pending { torrent, what });
    }

    /// The files of a torrent were opened, with what was kept of it and what is there.
    pub(crate) fn opened(&mut self, order: u32, found: &[u8]) -> Option<Input> {
        self.answer(order, |what| match what {
            What::Open(info) => Some(Outcome::Opened(Ok(convert::opened(found, &info)))),
            _ => None,
        })
    }

    /// What is to be kept for an order to checkpoint.
    pub(crate) fn record(
        &self,
        order: u32,
        files: Vec<FileStamp>,
        session: &Session,
    ) -> Option<Record> {
        let Pending { torrent, what: What::Checkpoint(have) } = self.out.get(order)? else {
            return None;
        };
        let info_hash = *session.info(*torrent)?.info_hash();
        Some(Record { info_hash, have: have.clone(), files, uploaded: 0, downloaded: 0 })
    }

    pub(crate) fn done(&mut self, order: u32) -> Option<Input> {
        self.answer(order, |what| match what {
            What::Select => Some(Outcome::Selected(Ok(()))),
            What::Spill { piece, length } => {
                Some(Outcome::Spilled { piece, length, result: Ok(()) })
            }
            What::Checkpoint(_) => Some(Outcome::Checkpointed(Ok(()))),
            What::Close => Some(Outcome::Closed),
            _ => None,
        })
    }

    pub(crate) fn hashed(&mut self, order: u32, good: bool, digests: &[u8]) -> Option<Input> {
        let digests = digests.as_chunks().0.to_vec();
        let result = Ok(Verdict { good, digests });
        self.answer(order, |what| match what {
            What::Store(piece) => Some(Outcome::Stored { piece, result }),
            What::Check(piece) => Some(Outcome::Checked { piece, result }),
            _ => None,
        })
    }

    pub(crate) fn read(&mut self, order: u32, bytes: Vec<u8>) -> Option<Input> {
        self.answer(order, |what| match what {
            What::Read { piece, begin, length } => {
                Some(Outcome::Read { piece, begin, length, result: Ok(Bytes::from(bytes)) })
            }
            _ => None,
        })
    }

    pub(crate) fn failed(&mut self, order: u32, error: StorageError) -> Option<Input> {
        self.answer(order, |what| {
            Some(match what {
                What::Open(_) => Outcome::Opened(Err(error)),
                What::Select => Outcome::Selected(Err(error)),
                What::Store(piece) => Outcome::Stored { piece, result: Err(error) },
                What::Spill { piece, length } => {
                    Outcome::Spilled { piece, length, result: Err(error) }
                }
                What::Check(piece) => Outcome::Checked { piece, result: Err(error) },
                What::Read { piece, begin, length } => {
                    Outcome::Read { piece, begin, length, result: Err(error) }
                }
                What::Checkpoint(_) => Outcome::Checkpointed(Err(error)),
                What::Close => Outcome::Closed,
            })
        })
    }

    fn answer(
        &mut self,
        order: u32,
        outcome: impl FnOnce(What) -> Option<Outcome>,
    ) -> Option<Input> {
        let Pending { torrent, what } = self.out.remove(order)?;
        let outcome = outcome(what)?;
        Some(Input::Storage(Completion { torrent, outcome }))
    }
}

/// Says an order in the host's words; what is kept of it.
fn tell(number: u32, torrent: f64, info: &Arc<Info>, order: Order) -> What {
    let layout = info.layout();
    let number = f64::from(number);
    match order {
        Order::Open { info, wanted } => {
            host::give(&convert::info_json(&info));
            host::give(&convert::bytes(&wanted));
            host::order(Wanted::Open, &[number, torrent]);
            What::Open(info)
        }
        Order::Select { wanted } => {
            host::give(&convert::bytes(&wanted));
            host::order(Wanted::Select, &[number, torrent]);
            What::Select
        }
        Order::Store { piece, buffers, digest_blocks } => {
            host::give_joined(&buffers);
            host::give(info.piece_hash(piece).as_slice());
            let at = offset(layout, piece, 0);
            host::order(Wanted::Store, &[number, torrent, at, digest_blocks.into()]);
            What::Store(piece)
        }
        Order::Spill { piece, begin, buffers } => {
            let length = host::give_joined(&buffers) as u32;
            host::order(Wanted::Spill, &[number, torrent, offset(layout, piece, begin)]);
            What::Spill { piece, length }
        }
        Order::Check { piece, digest_blocks } => {
            host::give(info.piece_hash(piece).as_slice());
            let (at, length) = (offset(layout, piece, 0), layout.piece_bytes(piece));
            let numbers = [number, torrent, at, digest_blocks.into(), length.into()];
            host::order(Wanted::Check, &numbers);
            What::Check(piece)
        }
        Order::Read { piece, begin, length } => {
            let at = offset(layout, piece, begin);
            host::order(Wanted::Read, &[number, torrent, at, length.into()]);
            What::Read { piece, begin, length }
        }
        Order::Checkpoint { have, complete } => {
            host::order(Wanted::Checkpoint, &[number, torrent, complete.into()]);
            What::Checkpoint(have)
        }
        Order::Close => {
            host::order(Wanted::CloseFiles, &[number, torrent]);
            What::Close
        }
    }
}

/// Offsets of a torrent's bytes are exact: a 53-bit number holds eight petabytes.
fn offset(layout: &Layout, piece: PieceIndex, begin: u32) -> f64 {
    (layout.piece_offset(piece) + u64::from(begin)) as f64
}
