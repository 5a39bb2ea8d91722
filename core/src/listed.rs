//! Lists of what an iterator yields, in little code where a page has to load it.

/// As `collect` into a [`Vec`], whose first guess at a capacity, and what follows from it, is a
/// quarter of a kilobyte for each kind of iterator: a page would load seventy of them.
pub(crate) trait Listed: Iterator + Sized {
    /// What is left of the iterator, in order.
    #[cfg(not(target_family = "wasm"))]
    fn listed(self) -> Vec<Self::Item> {
        self.collect()
    }

    /// What is left of the iterator, in order.
    #[cfg(target_family = "wasm")]
    fn listed(self) -> Vec<Self::Item> {
        let mut list = Vec::new();
        for item in self {
            list.push(item);
        }
        list
    }
}

impl<I: Iterator> Listed for I {}
