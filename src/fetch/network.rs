//! Names to addresses, and the filter on what is connected to.
//!
//! The addresses that come out here are the ones that the connector dials: nothing is looked up a second time after the
//! check, so a name that answers otherwise the next time (DNS rebinding) gains nothing.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::internet::is_public;

/// The addresses of a host, in the order in which they are to be tried.
pub type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// What a fetcher knows of the network it is in.
#[derive(Clone)]
pub struct Network {
    /// Looks a name up.
    pub lookup: Arc<dyn Fn(&str) -> Looking + Send + Sync>,
    /// Whether an address is public.
    pub public: fn(IpAddr) -> bool,
}

impl Default for Network {
    /// The system's resolver, and [`is_public`].
    fn default() -> Self {
        Network { lookup: Arc::new(system), public: is_public }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

fn system(name: &str) -> Looking {
    let name = name.to_owned();
    Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
}

/// A host of which no address is public: the connector's error for it, found again in the chain of the client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it leads to the address {0}, which is not on the public internet")]
pub(super) struct NotPublic(pub IpAddr);

/// The resolver of a client that may reach public addresses only.
pub(super) struct PublicOnly(pub Network);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let (looking, public) = ((self.0.lookup)(name.as_str()), self.0.public);
        Box::pin(async move {
            let (good, bad): (Vec<IpAddr>, Vec<IpAddr>) = looking.await?.into_iter().partition(|address| public(*address));
            match (good.is_empty(), bad.first()) {
                (true, Some(address)) => Err(NotPublic(*address).into()),
                _ => Ok(ready_to_dial(good)),
            }
        })
    }
}

/// The resolver of a client that may reach anything.
pub(super) struct Anywhere(pub Network);

impl Resolve for Anywhere {
    fn resolve(&self, name: Name) -> Resolving {
        let looking = (self.0.lookup)(name.as_str());
        Box::pin(async move { Ok(ready_to_dial(looking.await?)) })
    }
}

/// The port comes from the address that is fetched.
fn ready_to_dial(addresses: Vec<IpAddr>) -> Addrs {
    Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)))
}
