//! Where no processor has tiles.

use std::convert::Infallible;

/// There are none.
pub(crate) struct Tiles(Infallible);

impl Tiles {
    /// # Panics
    /// There are none.
    pub(crate) fn with<T>(_: [usize; 3], _: impl FnOnce(&Self) -> T) -> T {
        unreachable!("tiles where there are none")
    }
}

pub(crate) fn has_tiles() -> bool {
    false
}
