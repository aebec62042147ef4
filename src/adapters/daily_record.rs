//! The Daily Record, on Reach's engine.

use super::engines::reach::title;
use crate::outlet::Outlet;

pub(super) static OUTLET: Outlet = title("daily-record", "Daily Record", &["dailyrecord.co.uk"], chrono_tz::Europe::London);
