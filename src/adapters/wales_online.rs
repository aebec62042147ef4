//! WalesOnline, on Reach's engine.

use super::engines::reach::title;
use crate::outlet::Outlet;

pub(super) static OUTLET: Outlet = title("wales-online", "WalesOnline", &["walesonline.co.uk"], chrono_tz::Europe::London);
