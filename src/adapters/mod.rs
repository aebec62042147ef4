//! The outlets that are read, one file each. Adding one is a file and a line here.

use crate::outlet::Outlet;

mod cgtn;
mod dw;
mod independent;
mod meduza;
mod sputnik;

/// Every outlet, sorted by slug.
pub static OUTLETS: &[&Outlet] = &[&cgtn::OUTLET, &dw::OUTLET, &independent::OUTLET, &meduza::OUTLET, &sputnik::OUTLET];

/// The outlet of this slug.
pub fn by_slug(slug: &str) -> Option<&'static Outlet> {
    OUTLETS.iter().copied().find(|outlet| outlet.slug == slug)
}
