//! The Manchester Evening News, on Reach's engine.

use super::engines::reach::title;
use crate::outlet::Outlet;

pub(super) static OUTLET: Outlet =
    title("manchester-evening-news", "Manchester Evening News", &["manchestereveningnews.co.uk"], chrono_tz::Europe::London);
