//! The outlets that are read, one file each. Adding one is a file and a line here.

use crate::outlet::Outlet;

mod any;
mod engines;

mod bbc;
mod birmingham_mail;
mod daily_record;
mod independent;
mod irish_mirror;
mod liverpool_echo;
mod manchester_evening_news;
mod mirror;
mod repubblica;
mod sputnik;
mod wales_online;

/// What is tried where none of them is recognised.
pub use any::OUTLET as ANY;

/// Every outlet, sorted by slug.
pub static OUTLETS: &[&Outlet] = &[
    &bbc::OUTLET,
    &birmingham_mail::OUTLET,
    &daily_record::OUTLET,
    &independent::OUTLET,
    &irish_mirror::OUTLET,
    &liverpool_echo::OUTLET,
    &manchester_evening_news::OUTLET,
    &mirror::OUTLET,
    &repubblica::OUTLET,
    &sputnik::OUTLET,
    &wales_online::OUTLET,
];

/// The outlet of this slug.
pub fn by_slug(slug: &str) -> Option<&'static Outlet> {
    OUTLETS.iter().copied().find(|outlet| outlet.slug == slug)
}
