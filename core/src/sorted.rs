//! Maps and sets in the order of their keys: the standard library's, or small ones in WebAssembly.
//!
//! Each type of key and value brings its own copy of a B-tree's code, which a page has to download:
//! 40 % of the whole module. There a sorted vector does the same with a tenth of the code, and what
//! it holds is boxed, so that one copy serves all maps whose keys are alike. All that is kept in one
//! is bounded by some limit of connections, requests or addresses, so moving the rest of the vector
//! for an insertion is cheap.

#[cfg(not(target_family = "wasm"))]
pub(crate) use std::collections::{BTreeMap as Map, BTreeSet as Set};

#[cfg(target_family = "wasm")]
pub(crate) use self::vector::{Map, Set};

#[cfg(any(target_family = "wasm", test))]
#[cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "the tests use a part of it"))]
mod vector {
    use std::{borrow::Borrow, ops::Index, slice, vec};

    /// Pairs in the order of their keys.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Map<K, V>(Vec<(K, Box<V>)>);

    impl<K, V> Default for Map<K, V> {
        fn default() -> Self {
            Self::new()
        }
    }

    impl<K, V> Map<K, V> {
        pub(crate) const fn new() -> Self {
            Self(Vec::new())
        }

        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.0.is_empty()
        }

        pub(crate) fn clear(&mut self) {
            self.0.clear();
        }

        pub(crate) fn iter(&self) -> Iter<'_, K, V> {
            Iter(self.0.iter())
        }

        pub(crate) fn keys(&self) -> Keys<'_, K, V> {
            Keys(self.0.iter())
        }

        pub(crate) fn values(&self) -> Values<'_, K, V> {
            Values(self.0.iter())
        }

        pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
            self.0.iter_mut().map(|(_, value)| &mut **value)
        }

        pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
            self.0.iter_mut().map(|(key, value)| (&*key, &mut **value))
        }

        pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
            self.0.retain_mut(|(key, value)| keep(key, value));
        }

        pub(crate) fn first_key_value(&self) -> Option<(&K, &V)> {
            self.0.first().map(|(key, value)| (key, &**value))
        }
    }

    impl<K: Ord, V> Map<K, V> {
        fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
        where
            K: Borrow<Q>,
        {
            self.0.binary_search_by(|(other, _)| other.borrow().cmp(key))
        }

        pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
        where
            K: Borrow<Q>,
        {
            Some(&self.0[self.find(key).ok()?].1)
        }

        pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
        where
            K: Borrow<Q>,
        {
            let at = self.find(key).ok()?;
            Some(&mut self.0[at].1)
        }

        pub(crate) fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
        where
            K: Borrow<Q>,
        {
            self.find(key).is_ok()
        }

        pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
            self.put(key, Box::new(value)).map(|before| *before)
        }

        fn put(&mut self, key: K, value: Box<V>) -> Option<Box<V>> {
            match self.find(&key) {
                Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
                Err(at) => {
                    self.0.insert(at, (key, value));
                    None
                }
            }
        }

        pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
        where
            K: Borrow<Q>,
        {
            self.take(key).map(|value| *value)
        }

        fn take<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<Box<V>>
        where
            K: Borrow<Q>,
        {
            let at = self.find(key).ok()?;
            Some(self.0.remove(at).1)
        }

        pub(crate) fn pop_first(&mut self) -> Option<(K, V)> {
            if self.0.is_empty() {
                return None;
            }
            let (key, value) = self.0.remove(0);
            Some((key, *value))
        }

        pub(crate) fn entry(&mut self, key: K) -> Entry<'_, K, V> {
            Entry { map: self, key }
        }
    }

    impl<K: Ord, V> Index<&K> for Map<K, V> {
        type Output = V;

        fn index(&self, key: &K) -> &V {
            self.get(key).expect("only what is there is indexed")
        }
    }

    impl<K, V> IntoIterator for Map<K, V> {
        type Item = (K, V);
        type IntoIter = std::iter::Map<vec::IntoIter<(K, Box<V>)>, fn((K, Box<V>)) -> (K, V)>;

        fn into_iter(self) -> Self::IntoIter {
            self.0.into_iter().map(|(key, value)| (key, *value))
        }
    }

    impl<K: Ord, V> Extend<(K, V)> for Map<K, V> {
        fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
            for (key, value) in pairs {
                self.insert(key, value);
            }
        }
    }

    impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
        fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
            let mut map = Self::new();
            map.extend(pairs);
            map
        }
    }

    // Adapters of the standard library's would do, and loop in closures: those are larger.
    macro_rules! iterators {
        ($($name:ident: $item:ty, $of:expr;)*) => {$(
            #[derive(Debug, Clone)]
            pub(crate) struct $name<'a, K, V>(slice::Iter<'a, (K, Box<V>)>);

            impl<'a, K, V> Iterator for $name<'a, K, V> {
                type Item = $item;

                fn next(&mut self) -> Option<Self::Item> {
                    self.0.next().map($of)
                }

                fn size_hint(&self) -> (usize, Option<usize>) {
                    self.0.size_hint()
                }
            }

            impl<K, V> DoubleEndedIterator for $name<'_, K, V> {
                fn next_back(&mut self) -> Option<Self::Item> {
                    self.0.next_back().map($of)
                }
            }

            impl<K, V> ExactSizeIterator for $name<'_, K, V> {}
        )*};
    }

    iterators! {
        Iter: (&'a K, &'a V), |(key, value)| (key, &**value);
        Keys: &'a K, |(key, _)| key;
        Values: &'a V, |(_, value)| &**value;
    }

    /// The place of a key, taken or not.
    pub(crate) struct Entry<'a, K, V> {
        map: &'a mut Map<K, V>,
        key: K,
    }

    impl<'a, K: Ord, V> Entry<'a, K, V> {
        pub(crate) fn or_insert_with(self, value: impl FnOnce() -> V) -> &'a mut V {
            let at = match self.map.find(&self.key) {
                Ok(at) => at,
                Err(at) => {
                    self.map.0.insert(at, (self.key, Box::new(value())));
                    at
                }
            };
            &mut self.map.0[at].1
        }

        pub(crate) fn or_insert(self, value: V) -> &'a mut V {
            self.or_insert_with(|| value)
        }

        pub(crate) fn or_default(self) -> &'a mut V
        where
            V: Default,
        {
            self.or_insert_with(V::default)
        }
    }

    /// Keys in order.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Set<K>(Map<K, ()>);

    impl<K> Default for Set<K> {
        fn default() -> Self {
            Self::new()
        }
    }

    impl<K> Set<K> {
        pub(crate) const fn new() -> Self {
            Self(Map::new())
        }

        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.0.is_empty()
        }

        pub(crate) fn clear(&mut self) {
            self.0.clear();
        }

        pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator {
            self.0.keys()
        }

        pub(crate) fn first(&self) -> Option<&K> {
            self.0.first_key_value().map(|(key, ())| key)
        }

        pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
            self.0.retain(|key, ()| keep(key));
        }
    }

    impl<K: Ord> Set<K> {
        pub(crate) fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
        where
            K: Borrow<Q>,
        {
            self.0.contains_key(key)
        }

        pub(crate) fn insert(&mut self, key: K) -> bool {
            self.0.insert(key, ()).is_none()
        }

        pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> bool
        where
            K: Borrow<Q>,
        {
            self.0.remove(key).is_some()
        }

        pub(crate) fn pop_first(&mut self) -> Option<K> {
            self.0.pop_first().map(|(key, ())| key)
        }
    }

    impl<K> IntoIterator for Set<K> {
        type Item = K;
        type IntoIter = std::iter::Map<vec::IntoIter<(K, Box<()>)>, fn((K, Box<()>)) -> K>;

        fn into_iter(self) -> Self::IntoIter {
            self.0.0.into_iter().map(|(key, _)| key)
        }
    }

    impl<K: Ord> Extend<K> for Set<K> {
        fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
            for key in keys {
                self.insert(key);
            }
        }
    }

    impl<'a, K: Ord + Copy + 'a> Extend<&'a K> for Set<K> {
        fn extend<I: IntoIterator<Item = &'a K>>(&mut self, keys: I) {
            self.extend(keys.into_iter().copied());
        }
    }

    impl<K: Ord> FromIterator<K> for Set<K> {
        fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
            let mut set = Self::new();
            set.extend(keys);
            set
        }
    }

    impl<K: Ord, const N: usize> From<[K; N]> for Set<K> {
        fn from(keys: [K; N]) -> Self {
            keys.into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{collection::vec, prelude::*};

    use super::vector;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_sorted_vector_does_what_the_standard_map_does(
            steps in vec((0..5u8, 0..20u8), 0..100),
        ) {
            let mut ours = vector::Map::new();
            let mut model = BTreeMap::new();
            for (at, (step, key)) in steps.into_iter().enumerate() {
                match step {
                    0 => prop_assert_eq!(ours.insert(key, at), model.insert(key, at)),
                    1 => prop_assert_eq!(ours.remove(&key), model.remove(&key)),
                    2 => *ours.entry(key).or_insert(at) += {
                        *model.entry(key).or_insert(at) += 1;
                        1
                    },
                    3 => prop_assert_eq!(ours.pop_first(), model.pop_first()),
                    _ => prop_assert_eq!(ours.get(&key), model.get(&key)),
                }
            }
            prop_assert_eq!(ours.first_key_value(), model.first_key_value());
            prop_assert!(ours.iter().eq(&model));
            prop_assert!(ours.into_iter().eq(model));
        }

        #[test]
        fn a_sorted_set_has_each_key_once_in_order(keys in vec(0..50u8, 0..100)) {
            let ours: vector::Set<u8> = keys.iter().copied().collect();
            let model: std::collections::BTreeSet<u8> = keys.into_iter().collect();
            prop_assert_eq!((ours.len(), ours.first()), (model.len(), model.first()));
            prop_assert!(ours.iter().eq(&model));
        }
    }
}
