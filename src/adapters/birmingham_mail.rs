//! The Birmingham Mail, on Reach's engine.

use super::engines::reach::title;
use crate::outlet::Outlet;

pub(super) static OUTLET: Outlet =
    title("birmingham-mail", "Birmingham Mail", &["birminghammail.co.uk"], chrono_tz::Europe::London);
