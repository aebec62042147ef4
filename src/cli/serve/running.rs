//! The running server, and what of it changes when the settings are read anew.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::interval;

use super::signals::Hangups;
use super::{Arguments, outgoing, overruled, reading, settings_of, splitter, stories};
use crate::config::{Config, Mistake};
use crate::fetch::Fetcher;
use crate::follow::{Follower, load_seeds};
use crate::log::Log;
use crate::push::Outgoing;
use crate::server::ServerState;
use crate::store::{Lock, Store};

/// What reading the settings anew came to: what is worth knowing of the new ones, or the mistakes for which the old ones stay.
type Outcome = Result<Vec<String>, Vec<String>>;

/// How often a store that could not be written to is tried again.
const RECOVERY: Duration = Duration::from_secs(5);

pub(super) struct Running {
    pub arguments: Arguments,
    /// What is gone by now.
    pub config: Config,
    pub store: Store,
    pub state: ServerState,
    pub fetcher: Fetcher,
    pub follower: Follower,
    pub outgoing: watch::Sender<Outgoing>,
    pub log: Log,
    pub lock: Lock,
}

impl Running {
    /// Reads the settings anew whenever that is asked for, until `stop` turns true.
    pub async fn heed(
        &mut self,
        mut stop: watch::Receiver<bool>,
        mut hangups: Hangups,
        mut asked: mpsc::Receiver<oneshot::Sender<Outcome>>,
    ) {
        let mut looks = interval(RECOVERY);
        loop {
            let answer = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = looks.tick() => {
                    self.look_after_store().await;
                    continue;
                }
                () = hangups.next() => None,
                Some(answer) = asked.recv() => Some(answer),
            };
            let outcome = self.reload().await;
            tell(&outcome, self.config.live_blogs.len());
            self.lock.reloaded(outcome.clone());
            if let Some(answer) = answer {
                // Whoever asked may be gone.
                let _ = answer.send(outcome);
            }
        }
    }

    /// A disk that was full may have room again, and nobody else would try before the next refresh.
    async fn look_after_store(&self) {
        if self.store.trouble().is_some() && self.store.recovered().await.is_ok() {
            tracing::info!("the store can be written to again");
        }
    }

    /// All of the new settings, or none.
    async fn reload(&mut self) -> Outcome {
        let spelled = |mistakes: Vec<Mistake>| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut config = overruled(self.arguments.settings.read().map_err(spelled)?, &self.arguments);
        let notes = keep(&mut config, &self.config);
        let (stories, split) = (stories(&config).map_err(spelled)?, splitter(&config));
        // One that goes on unchanged remembers whom it has visited when.
        let fetcher = match config.fetch == self.config.fetch {
            true => self.fetcher.clone(),
            false => Fetcher::new(&config.fetch).map_err(|error| vec![error.to_string()])?,
        };
        load_seeds(&self.store, &stories, &split).await.map_err(|error| vec![error.to_string()])?;
        let reading = reading(&config);
        self.follower.follow(&config.live_blogs, true).await.map_err(|error| vec![error.to_string()])?;
        // From here on nothing fails.
        let otherwise = self.follower.read_with(fetcher.clone(), split, &reading);
        if otherwise && let Err(error) = self.follower.hasten().await {
            tracing::warn!("what is followed is read anew only when it is due: {error}");
        }
        self.state.set(settings_of(&config, &stories));
        // Sinks that stay as they are go on undisturbed.
        if config.sinks != self.config.sinks || config.fetch != self.config.fetch {
            self.outgoing.send_replace(outgoing(&config, &fetcher));
        }
        self.log.write_as(config.log_format);
        (self.fetcher, self.config) = (fetcher, config);
        Ok(notes)
    }
}

/// Leaves what only a restart changes as it is, and says so.
fn keep(new: &mut Config, now: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    let mut stays = |key: &str, same: bool| {
        if !same {
            notes.push(format!("`{key}` stays as it is until a restart"));
        }
    };
    stays("listen", new.listen == now.listen);
    stays("store", new.store == now.store);
    stays("base_url", new.base_url == now.base_url);
    stays("hub", new.hub == now.hub);
    stays("admin_listen", new.access.admin_listen == now.access.admin_listen);
    stays("admin_token", new.access.admin_token.is_some() == now.access.admin_token.is_some());
    new.listen = now.listen;
    new.store.clone_from(&now.store);
    new.base_url.clone_from(&now.base_url);
    new.hub.clone_from(&now.hub);
    new.access.admin_listen = now.access.admin_listen;
    if new.access.admin_token.is_some() != now.access.admin_token.is_some() {
        new.access.admin_token.clone_from(&now.access.admin_token);
    }
    notes
}

fn tell(outcome: &Outcome, live_blogs: usize) {
    match outcome {
        Ok(notes) => {
            tracing::info!(live_blogs, "the settings were read anew");
            notes.iter().for_each(|note| tracing::warn!("{note}"));
        }
        Err(mistakes) => {
            mistakes.iter().for_each(|mistake| tracing::error!("{mistake}"));
            tracing::error!("the settings stay as they were, for the mistakes in the new ones");
        }
    }
}
