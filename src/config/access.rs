//! Who may read what is served, and what is believed of whom.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use sha2::{Digest, Sha256};

use super::document::Table;
use super::value;

/// Characters that a secret must have at least: 16 of 64 signs are 96 bits, which nobody guesses over a network.
const SHORTEST: usize = 16;
const LONGEST: usize = 200;

/// The settings about access. By default anybody may read, nobody is believed, and nothing is administered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Who may read. Empty: everybody.
    pub tokens: Vec<Token>,
    /// Proxies whose word on a client's address is taken, for the log.
    pub trusted_proxies: Vec<IpNet>,
    /// Where metrics and the reload are answered, if anywhere.
    pub admin_listen: Option<SocketAddr>,
    /// What has to be shown there.
    pub admin_token: Option<Secret>,
}

/// A secret of a reader's, with the name that logs know it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Whose it is.
    pub name: String,
    /// What the reader has to show.
    pub secret: Secret,
}

/// A secret as its SHA-256: what is not kept can't be told.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

impl Secret {
    /// Of the secret itself.
    pub fn of(text: &str) -> Secret {
        Secret(Sha256::digest(text).into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

pub(super) fn read(top: &mut Table) -> Access {
    let admin_listen = top.text("admin_listen", value::listen_address);
    let admin_token = top.text("admin_token", secret);
    if let Some(listen) = admin_listen.filter(|listen| !listen.ip().is_loopback() && !top.has("admin_token")) {
        top.mistake("admin_listen", format_args!("others reach {listen}: add an `admin_token`, or listen on 127.0.0.1"));
    }
    let trusted_proxies = top.texts("trusted_proxies", network).unwrap_or_default();
    Access { tokens: tokens(top), trusted_proxies, admin_listen, admin_token }
}

fn tokens(top: &mut Table) -> Vec<Token> {
    let mut names = HashMap::new();
    let mut tokens: Vec<Token> = Vec::new();
    for mut table in top.tables("token") {
        let name = table.text("name", value::not_empty);
        let name = table.require("name", name);
        let secret = table.text("secret", secret);
        let secret = table.require("secret", secret);
        if let Some(name) = &name
            && let Some(first) = names.insert(name.clone(), table.line("name"))
        {
            table.mistake("name", format_args!("the token `{}` stands on line {first} already", name.escape_debug()));
        }
        if let Some(other) = tokens.iter().find(|other| Some(&other.secret) == secret.as_ref()) {
            table.mistake("secret", format_args!("is that of `{}` too: give each its own", other.name.escape_debug()));
        }
        table.finish();
        tokens.extend(name.zip(secret).map(|(name, secret)| Token { name, secret }));
    }
    tokens
}

/// The message never repeats it: mistakes are printed, and pasted into questions.
pub(super) fn secret(text: &str) -> Result<Secret, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    if plain && (SHORTEST..=LONGEST).contains(&text.len()) {
        return Ok(Secret::of(text));
    }
    Err(format!(
        "must have {SHORTEST} to {LONGEST} characters of a to z, A to Z, 0 to 9 and `-._~`: `openssl rand -hex 20` makes one"
    ))
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| text.parse()).map_err(|_| {
        format!(
            "`{}` is not an address or a network: write for example \"127.0.0.1\" or \"10.0.0.0/8\"",
            text.escape_debug()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_repeated() {
        for text in ["", "short", "with spaces and more", "passwörter-sind-lang", &"x".repeat(201)] {
            let message = secret(text).unwrap_err();
            assert!(text.is_empty() || !message.contains(text), "{message}");
        }
        let token = Token { name: "kitchen".into(), secret: secret("0123456789abcdef").unwrap() };
        assert_eq!(format!("{token:?}"), "Token { name: \"kitchen\", secret: Secret(…) }");
    }

    #[test]
    fn networks() {
        for (text, holds) in
            [("127.0.0.1", "127.0.0.1"), ("10.0.0.0/8", "10.9.8.7"), ("::1", "::1"), ("fd00::/8", "fd12::1")]
        {
            assert!(network(text).unwrap().contains(&holds.parse::<IpAddr>().unwrap()), "{text}");
        }
        for text in ["", "10.0.0", "10.0.0.0/33", "proxy.example", "10.0.0.0/8/8"] {
            assert!(network(text).unwrap_err().contains("for example"), "{text}");
        }
    }
}
