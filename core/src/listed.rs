//! Lists of what an iterator yields, in little code.

/// As `collect` into a [`Vec`], whose first guess at a capacity, and what follows from it, is a
/// quarter of a kilobyte for each kind of iterator: a page would load seventy of them.
pub(crate) trait Listed: Iterator + Sized {
    /// What is left of the iterator, in order.
    fn listed(self) -> Vec<Self::Item> {
        let mut list = Vec::new();
        for item in self {
            list.push(item);
        }
        list
    }
}

impl<I: Iterator> Listed for I {}
