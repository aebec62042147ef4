//! The Irish Mirror, on Reach's engine: its clocks are Dublin's.

use super::engines::reach::title;
use crate::outlet::Outlet;

pub(super) static OUTLET: Outlet = title("irish-mirror", "Irish Mirror", &["irishmirror.ie"], chrono_tz::Europe::Dublin);
