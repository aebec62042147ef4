//! The Liverpool Echo, on Reach's engine.

use super::engines::reach::title;
use crate::outlet::Outlet;

pub(super) static OUTLET: Outlet =
    title("liverpool-echo", "Liverpool Echo", &["liverpoolecho.co.uk"], chrono_tz::Europe::London);
