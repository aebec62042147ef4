//! How whoever is sent something knows that it is from us: an HMAC over the body (RFC 2104), with a secret that both know.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// `sha256=` and the HMAC of `body` in hexadecimal, as WebSub (section 8) and most webhooks write it.
pub(super) fn signature(secret: &str, body: &[u8]) -> String {
    // A key of any length is one.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    digest.iter().fold("sha256=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2, and the one that everybody knows.
    #[test]
    fn known_answers() {
        assert_eq!(
            signature("Jefe", b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(signature("", b""), "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    }
}
