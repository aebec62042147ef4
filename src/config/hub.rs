//! `[hub]`: whether there is a WebSub hub, and what it takes.

use super::document::Table;

/// Subscriptions in all, and of one host, where the settings do not say.
const SUBSCRIPTIONS: u32 = 1000;
const PER_HOST: u32 = 100;
const MOST: u32 = 100_000;

/// The settings of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubSettings {
    /// Whether there is one.
    pub enabled: bool,
    /// Whether subscribers may be on a network that is not the public internet.
    pub allow_private: bool,
    /// How many subscriptions there may be.
    pub subscriptions: u32,
    /// How many of them may be of one host.
    pub per_host: u32,
}

impl Default for HubSettings {
    fn default() -> Self {
        HubSettings { enabled: false, allow_private: false, subscriptions: SUBSCRIPTIONS, per_host: PER_HOST }
    }
}

pub(super) fn read(top: &mut Table) -> HubSettings {
    let reached = top.has("base_url");
    let mut table = top.table("hub");
    let default = HubSettings::default();
    let hub = HubSettings {
        enabled: table.flag("enabled").unwrap_or(default.enabled),
        allow_private: table.flag("allow_private").unwrap_or(default.allow_private),
        subscriptions: table.number("subscriptions", 1, MOST).unwrap_or(default.subscriptions),
        per_host: table.number("per_host", 1, MOST).unwrap_or(default.per_host),
    };
    if hub.enabled && !reached {
        table.mistake("enabled", "a hub is named in feeds by the address that others reach it under: add a `base_url`");
    }
    table.finish();
    hub
}
