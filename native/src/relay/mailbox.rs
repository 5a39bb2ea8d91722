//! What is to be said to a page, in order.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{limits::MAX_CONTROL_QUEUED, protocol::Reply};

/// Where things are said to a page. It never blocks: a page that lets too much wait is given up.
#[derive(Debug, Clone)]
pub(super) struct Mailbox {
    replies: mpsc::Sender<Reply>,
    overflow: CancellationToken,
}

/// The page's end of it.
#[derive(Debug)]
pub(super) struct Mail {
    pub(super) replies: mpsc::Receiver<Reply>,
    /// Something was lost: the page can't know any more what is so.
    pub(super) overflow: CancellationToken,
}

/// A mailbox and what comes out of it.
pub(super) fn mailbox() -> (Mailbox, Mail) {
    let (sender, replies) = mpsc::channel(MAX_CONTROL_QUEUED);
    let overflow = CancellationToken::new();
    (Mailbox { replies: sender, overflow: overflow.clone() }, Mail { replies, overflow })
}

impl Mailbox {
    pub(super) fn say(&self, reply: Reply) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.replies.try_send(reply) {
            self.overflow.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_that_takes_its_messages_gets_all_and_one_that_does_not_is_given_up() {
        let (mailbox, mut mail) = mailbox();
        let reply = Reply::Reachable { addr: None };
        for _ in 0..3 {
            (0..MAX_CONTROL_QUEUED).for_each(|_| mailbox.say(reply.clone()));
            for _ in 0..MAX_CONTROL_QUEUED {
                assert_eq!(mail.replies.recv().await, Some(reply.clone()));
            }
        }
        (0..MAX_CONTROL_QUEUED).for_each(|_| mailbox.say(reply.clone()));
        assert!(!mail.overflow.is_cancelled());
        mailbox.say(reply);
        assert!(mail.overflow.is_cancelled());
    }
}
