//! A few numbered things.

/// Things by numbers that only grow: so the newest is always the last, and the list is sorted.
pub(crate) struct Table<K, V>(Vec<(K, V)>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord + Copy, V> Table<K, V> {
    pub(crate) fn insert(&mut self, key: K, value: V) {
        match self.find(key) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (key, value)),
        }
    }

    pub(crate) fn get(&self, key: K) -> Option<&V> {
        Some(&self.0[self.find(key).ok()?].1)
    }

    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        let at = self.find(key).ok()?;
        Some(self.0.remove(at).1)
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(K) -> bool) {
        self.0.retain(|&(key, _)| keep(key));
    }

    fn find(&self, key: K) -> Result<usize, usize> {
        self.0.binary_search_by_key(&key, |&(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_found_until_it_is_taken_out() {
        let mut table = Table::default();
        [3, 9, 5].into_iter().for_each(|key| table.insert(key, key * 2));
        assert_eq!(table.get(5), Some(&10));
        assert_eq!(table.remove(5), Some(10));
        assert_eq!(table.remove(5), None);
        table.retain(|key| key > 3);
        assert_eq!((table.get(3), table.get(9)), (None, Some(&18)));
    }
}
