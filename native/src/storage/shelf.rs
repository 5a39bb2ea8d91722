//! One torrent's data: opened by the first order, closed by the last.

use std::sync::{Arc, Mutex};

use gannet_core::{
    metainfo::Info,
    storage::{Opened, Order, Outcome, StorageError, perform},
};

use super::{Place, folder::Folder, handles::Handles, lock, memory::Memory};

/// Where a torrent's data goes, and the data itself once it is open.
pub(super) struct Shelf {
    /// A number of its own, for the open files.
    torrent: u64,
    place: Place,
    handles: Arc<Handles>,
    open: Mutex<Option<Arc<Open>>>,
}

enum Open {
    Folder(Folder),
    Memory(Arc<Info>, Memory),
}

impl Shelf {
    pub(super) fn new(torrent: u64, place: Place, handles: Arc<Handles>) -> Self {
        Self { torrent, place, handles, open: Mutex::new(None) }
    }

    /// Carries out one order, and waits for the disk.
    pub(super) fn perform(&self, order: Order) -> Outcome {
        if let Order::Open { info, wanted } = order {
            return Outcome::Opened(self.open(info, &wanted));
        }
        let open = lock(&self.open).clone();
        match (open, order) {
            (open, Order::Close) => {
                lock(&self.open).take();
                if let Some(Open::Folder(folder)) = open.as_deref() {
                    folder.close();
                }
                Outcome::Closed
            }
            (None, order) => refusal(&order, StorageError::Closed),
            (Some(open), order) => open.perform(order),
        }
    }

    fn open(&self, info: Arc<Info>, wanted: &[bool]) -> Result<Opened, StorageError> {
        let (open, opened) = match &self.place {
            Place::Folder { dir, rename, overwrite } => {
                let handles = self.handles.of(self.torrent);
                let (folder, opened) =
                    Folder::open(dir, rename.as_deref(), *overwrite, info, wanted, handles)?;
                (Open::Folder(folder), opened)
            }
            Place::Memory { limit_bytes } => {
                let present = vec![false; info.files().len()];
                let memory = Memory::new(info.layout(), *limit_bytes);
                (Open::Memory(info, memory), Opened { trusted: None, present })
            }
        };
        *lock(&self.open) = Some(Arc::new(open));
        Ok(opened)
    }
}

impl Open {
    fn perform(&self, order: Order) -> Outcome {
        match (order, self) {
            (Order::Select { wanted }, Self::Folder(folder)) => {
                Outcome::Selected(folder.select(&wanted))
            }
            (Order::Select { .. }, Self::Memory(..)) => Outcome::Selected(Ok(())),
            (Order::Checkpoint { have, complete }, Self::Folder(folder)) => {
                Outcome::Checkpointed(folder.checkpoint(&have, complete))
            }
            (Order::Checkpoint { .. }, Self::Memory(..)) => Outcome::Checkpointed(Ok(())),
            (order, Self::Folder(folder)) => about_pieces(folder, folder.info(), order),
            (order, Self::Memory(info, memory)) => about_pieces(memory, info, order),
        }
    }
}

fn about_pieces(
    storage: &impl gannet_core::storage::Storage,
    info: &Info,
    order: Order,
) -> Outcome {
    // The orders that the core leaves to the host have been dealt with.
    perform(storage, info, order).unwrap_or(Outcome::Closed)
}

/// What answers an order that can't be carried out.
pub(super) fn refusal(order: &Order, error: StorageError) -> Outcome {
    match *order {
        Order::Open { .. } => Outcome::Opened(Err(error)),
        Order::Select { .. } => Outcome::Selected(Err(error)),
        Order::Store { piece, .. } => Outcome::Stored { piece, result: Err(error) },
        Order::Spill { piece, ref buffers, .. } => {
            // A piece is at most 64 MiB.
            let length = buffers.iter().map(|bytes| bytes.len() as u32).sum();
            Outcome::Spilled { piece, length, result: Err(error) }
        }
        Order::Check { piece, .. } => Outcome::Checked { piece, result: Err(error) },
        Order::Read { piece, begin, length } => {
            Outcome::Read { piece, begin, length, result: Err(error) }
        }
        Order::Checkpoint { .. } => Outcome::Checkpointed(Err(error)),
        Order::Close => Outcome::Closed,
    }
}
