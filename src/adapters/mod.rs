//! The outlets that are read, one file each. Adding one is a file and a line here.

use crate::outlet::Outlet;

mod any;
mod independent;
mod sputnik;

/// What is tried where none of them is recognised.
pub use any::OUTLET as ANY;

/// Every outlet, sorted by slug.
pub static OUTLETS: &[&Outlet] = &[&independent::OUTLET, &sputnik::OUTLET];

/// The outlet of this slug.
pub fn by_slug(slug: &str) -> Option<&'static Outlet> {
    OUTLETS.iter().copied().find(|outlet| outlet.slug == slug)
}
