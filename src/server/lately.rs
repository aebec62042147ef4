//! What was read from the store lately, for others who ask for the same.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

/// Values that were loaded lately, each at one version of what it was loaded from. All who ask while one is being loaded wait
/// for it.
#[derive(Debug)]
pub(super) struct Lately<K, V> {
    places: Mutex<VecDeque<Place<K, V>>>,
    most: usize,
    weight: fn(&V) -> usize,
}

#[derive(Debug)]
struct Place<K, V> {
    key: K,
    version: i64,
    value: Arc<OnceCell<V>>,
}

/// Places at most, however little each weighs: they are looked through one by one.
const PLACES: usize = 128;

impl<K: PartialEq, V> Lately<K, V> {
    /// Keeps values that together weigh `most` at most, and in any case what was asked for last.
    pub fn new(most: usize, weight: fn(&V) -> usize) -> Self {
        Lately { places: Mutex::default(), most, weight }
    }

    /// The place of `key` at `version`, empty where nobody has asked lately.
    pub fn place(&self, key: K, version: i64) -> Arc<OnceCell<V>> {
        let places = &mut *self.lock();
        let found = places.iter().position(|place| place.key == key).and_then(|nth| places.remove(nth));
        let place = found.filter(|found| found.version == version);
        let place = place.unwrap_or_else(|| Place { key, version, value: Arc::default() });
        let value = place.value.clone();
        places.push_back(place);
        let mut weight: usize = places.iter().map(|place| self.weigh(place)).sum();
        while places.len() > PLACES || places.len() > 1 && weight > self.most {
            weight -= places.pop_front().map_or(0, |place| self.weigh(&place));
        }
        value
    }

    fn weigh(&self, place: &Place<K, V>) -> usize {
        place.value.get().map_or(0, self.weight)
    }

    /// A panic elsewhere leaves the list as good as it was.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Place<K, V>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shared_until_its_version_moves() {
        let lately = Lately::<_, ()>::new(9, |()| 1);
        let first = lately.place("a", 1);
        assert!(Arc::ptr_eq(&first, &lately.place("a", 1)));
        assert!(!Arc::ptr_eq(&first, &lately.place("b", 1)));
        let second = lately.place("a", 2);
        assert!(!Arc::ptr_eq(&first, &second));
        assert!(Arc::ptr_eq(&second, &lately.place("a", 2)));
        assert_eq!(lately.lock().len(), 2, "nobody asks for what was before");
    }

    #[test]
    fn what_was_asked_for_longest_ago_makes_room() {
        let lately = Lately::new(100, |weight: &usize| *weight);
        let filled = |key: &'static str, weight: usize| {
            lately.place(key, 1).set(weight).unwrap();
        };
        filled("a", 40);
        filled("b", 40);
        lately.place("a", 1);
        filled("c", 40);
        lately.place("d", 1);
        let keys: Vec<_> = lately.lock().iter().map(|place| place.key).collect();
        assert_eq!(keys, ["a", "c", "d"]);
        filled("e", 1000);
        lately.place("e", 1);
        assert_eq!(lately.lock().len(), 1, "one too large for all is kept alone");
    }

    #[test]
    fn there_are_only_so_many_places() {
        let lately = Lately::<_, ()>::new(usize::MAX, |()| 0);
        for nth in 0..1000 {
            lately.place(nth, 1);
        }
        assert_eq!(lately.lock().len(), PLACES);
    }
}
