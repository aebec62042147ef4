//! The outlets that are read, one file each. Adding one is a file and a line here.

use crate::outlet::Outlet;

mod aljazeera;
mod cgtn;
mod dw;
mod guardian;
mod independent;
mod meduza;
mod sputnik;
mod telegraph;
mod wordpress;

/// Every outlet, sorted by slug.
pub static OUTLETS: &[&Outlet] = &[
    &aljazeera::OUTLET,
    &cgtn::OUTLET,
    &dw::OUTLET,
    &guardian::OUTLET,
    &independent::OUTLET,
    &meduza::OUTLET,
    &sputnik::OUTLET,
    &telegraph::OUTLET,
    &wordpress::OUTLET,
];

/// The outlet of this slug.
pub fn by_slug(slug: &str) -> Option<&'static Outlet> {
    OUTLETS.iter().copied().find(|outlet| outlet.slug == slug)
}

/// The built-in outlets and a config's. A config's come first: it may read a host in its own way.
pub fn with(configured: impl IntoIterator<Item = &'static Outlet>) -> Vec<&'static Outlet> {
    configured.into_iter().chain(OUTLETS.iter().copied()).collect()
}
