//! One polite, bounded GET.

mod settings;

pub use settings::FetchSettings;
