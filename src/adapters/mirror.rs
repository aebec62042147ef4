//! The Mirror, on Reach's engine.

use super::engines::reach::title;
use crate::outlet::Outlet;

pub(super) static OUTLET: Outlet = title("mirror", "The Mirror", &["mirror.co.uk"], chrono_tz::Europe::London);
