//! The outlets that are read, one file each. Adding one is a file and a line here.

use crate::outlet::Outlet;

mod any;
mod engines;

mod aljazeera;
mod bbc;
mod birmingham_mail;
mod cgtn;
mod daily_record;
mod dw;
mod guardian;
mod independent;
mod irish_mirror;
mod liverpool_echo;
mod manchester_evening_news;
mod meduza;
mod mirror;
mod repubblica;
mod sputnik;
mod telegraph;
mod wales_online;
mod wordpress;

/// What is tried where none of them is recognised.
pub use any::OUTLET as ANY;

/// Every outlet, sorted by slug.
pub static OUTLETS: &[&Outlet] = &[
    &aljazeera::OUTLET,
    &bbc::OUTLET,
    &birmingham_mail::OUTLET,
    &cgtn::OUTLET,
    &daily_record::OUTLET,
    &dw::OUTLET,
    &guardian::OUTLET,
    &independent::OUTLET,
    &irish_mirror::OUTLET,
    &liverpool_echo::OUTLET,
    &manchester_evening_news::OUTLET,
    &meduza::OUTLET,
    &mirror::OUTLET,
    &repubblica::OUTLET,
    &sputnik::OUTLET,
    &telegraph::OUTLET,
    &wales_online::OUTLET,
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
