//! One process writes to a store. Who does, holds the lock on a file beside it.
//!
//! It is the system's own lock: a process that is killed holds none any more, and nothing has to be tidied up. The file stays,
//! as taking it away would let two processes lock two files of one name. It is not the store's own file, since SQLite's locks
//! on that would be lost when we close it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::StoreError;

/// How often and how long a lock is waited for that somebody only looks at, or that a process about to end still holds.
const PAUSE: Duration = Duration::from_millis(50);
const TRIES: u32 = 10;

/// What the holder of a lock says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// What it does: `serve`, `refresh`.
    pub command: String,
    /// How often it has read its settings anew since it started.
    #[serde(default)]
    pub reloads: u64,
    /// What the last of these came to: what is worth knowing of the new settings, or the mistakes for which the old ones stay.
    #[serde(default)]
    pub reloaded: Option<Result<Vec<String>, Vec<String>>>,
}

/// Leave to write to a store, as long as it lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
    holder: Holder,
}

impl Lock {
    /// Takes the lock of the store at `path` for this process, which is about to `command`.
    pub fn take(path: &Path, command: &str) -> Result<Lock, StoreError> {
        let beside = beside(path)?;
        let failed = |source| StoreError::NoLock { path: beside.clone(), source };
        let file = open(&beside).map_err(failed)?;
        for tried in 0.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tried < TRIES => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::InUse { path: path.into(), holder: told(&file).ok() });
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
        let holder = Holder { pid: std::process::id(), command: command.to_owned(), reloads: 0, reloaded: None };
        let mut lock = Lock { file, holder };
        lock.tell().map_err(failed)?;
        Ok(lock)
    }

    /// Who holds the lock of the store at `path`; nobody where it is free.
    pub fn holder(path: &Path) -> Result<Option<Holder>, StoreError> {
        let beside = beside(path)?;
        let failed = |source| StoreError::NoLock { path: beside.clone(), source };
        let file = match File::open(&beside) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => told(&file).map(Some).map_err(failed),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Leaves word of what reading the settings anew came to.
    pub fn reloaded(&mut self, outcome: Result<Vec<String>, Vec<String>>) {
        self.holder.reloads += 1;
        self.holder.reloaded = Some(outcome);
        // Nobody learns of it then, which changes nothing of what it is about.
        if let Err(error) = self.tell() {
            tracing::warn!("nothing can be left beside the store: {error}");
        }
    }

    fn tell(&mut self) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(&self.holder)?;
        line.push(b'\n');
        // Whoever reads in between finds half a line, and looks again.
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(&line)
    }
}

fn open(beside: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(beside)
}

fn told(mut file: &File) -> std::io::Result<Holder> {
    let mut last = None;
    for _ in 0..TRIES {
        let mut text = String::new();
        file.rewind()?;
        file.take(1 << 20).read_to_string(&mut text)?;
        match serde_json::from_str(&text) {
            Ok(holder) => return Ok(holder),
            Err(error) => last = Some(error),
        }
        std::thread::sleep(PAUSE);
    }
    Err(last.map_or_else(|| std::io::ErrorKind::InvalidData.into(), Into::into))
}

/// The file of the lock: beside the store itself, by whatever way it is named.
fn beside(path: &Path) -> Result<PathBuf, StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(StoreError::NoFolder { path: path.into(), folder: folder.into() });
    }
    // A link names the same store. One that is not there yet has no other name.
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut beside = real.into_os_string();
    beside.push(".lock");
    Ok(beside.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_others_learn_who() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("tidings.db");
        assert_eq!(Lock::holder(&store).unwrap(), None);
        let mut lock = Lock::take(&store, "serve").unwrap();
        let holder = Lock::holder(&store).unwrap().unwrap();
        assert_eq!((holder.pid, holder.command.as_str(), holder.reloads), (std::process::id(), "serve", 0));
        let refused = Lock::take(&store, "refresh").unwrap_err().to_string();
        let told = format!("tidings.db is in use: `tidings serve` runs on it as process {}", std::process::id());
        assert!(refused.contains(&told), "{refused}");

        lock.reloaded(Err(vec!["config.toml:1:1: a mistake".to_owned()]));
        let holder = Lock::holder(&store).unwrap().unwrap();
        assert_eq!((holder.reloads, holder.reloaded), (1, Some(Err(vec!["config.toml:1:1: a mistake".to_owned()]))));
        lock.reloaded(Ok(Vec::new()));
        assert_eq!(Lock::holder(&store).unwrap().unwrap().reloaded, Some(Ok(Vec::new())));

        drop(lock);
        assert_eq!(Lock::holder(&store).unwrap(), None, "what is left of it says nothing");
        Lock::take(&store, "refresh").unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn another_name_is_the_same_store() {
        let folder = tempfile::tempdir().unwrap();
        let (store, link) = (folder.path().join("tidings.db"), folder.path().join("link.db"));
        std::fs::write(&store, "").unwrap();
        std::os::unix::fs::symlink(&store, &link).unwrap();
        let _lock = Lock::take(&link, "serve").unwrap();
        assert!(matches!(Lock::take(&store, "serve"), Err(StoreError::InUse { .. })));
        assert!(!folder.path().join("link.db.lock").exists());
    }
}
