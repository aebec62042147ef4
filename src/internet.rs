//! Which addresses are on the public internet: what may be connected to without being told, and what a picture in a feed may
//! be asked from.
//!
//! A page is chosen by a config, but where its name, its redirects and its pictures lead is chosen by others. What they must
//! not reach is what only the machine that follows them can: its own services, its network, the metadata service of its cloud.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Networks that are not the public internet, by the registries of special-purpose addresses (RFC 6890 and its updates).
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // "this network": connects to this machine
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // carriers' NAT; metadata services of some clouds
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // this machine
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local; metadata services of most clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments; metadata service of one cloud
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // relays of 6to4
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // measuring
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(233, 252, 0, 0), 24),  // documentation of multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, broadcast
];

/// The one block that public addresses are given out of; loopback, mapped and translated (NAT64) addresses, unique local,
/// link-local and multicast ones all lie outside.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What is not public inside it.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments: Teredo, measuring, ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4, which carries any IPv4 address
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether everybody on the internet would reach the same machine under `address`.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !NOT_PUBLIC_V4.iter().any(|(net, bits)| (v4.to_bits() ^ net.to_bits()) >> (32 - bits) == 0),
        IpAddr::V6(v6) => {
            let within = |(net, bits): (Ipv6Addr, u32)| (v6.to_bits() ^ net.to_bits()) >> (128 - bits) == 0;
            within(GLOBAL_V6) && !NOT_PUBLIC_V6.into_iter().any(within)
        }
    }
}

/// The address in `url`, where it names one itself. The connector reads it the same way, and asks no resolver then.
pub fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Endings of names that are given out inside a network, or stand for this machine.
const NOT_PUBLIC_NAMES: [&str; 8] = ["localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp"];

/// Whether `url` can lead to the public internet, as far as it says itself: what a name resolves to is asked by whoever connects.
pub fn looks_public(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            // A name without a dot is looked up in the network's own domain first.
            name.rsplit_once('.').is_some_and(|(_, last)| !NOT_PUBLIC_NAMES.contains(&last)) && !name.ends_with(".home.arpa")
        }
        Some(Host::Ipv4(address)) => is_public(address.into()),
        Some(Host::Ipv6(address)) => is_public(address.into()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_ends_where_it_should() {
        for (inside, outside) in [
            (["0.0.0.0", "0.255.255.255"], ["1.0.0.0", "1.0.0.0"]),
            (["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
            (["100.64.0.0", "100.127.255.255"], ["100.63.255.255", "100.128.0.0"]),
            (["127.0.0.0", "127.255.255.255"], ["126.255.255.255", "128.0.0.0"]),
            (["169.254.0.0", "169.254.255.255"], ["169.253.255.255", "169.255.0.0"]),
            (["172.16.0.0", "172.31.255.255"], ["172.15.255.255", "172.32.0.0"]),
            (["192.0.0.0", "192.0.0.255"], ["191.255.255.255", "192.0.1.0"]),
            (["192.0.2.0", "192.0.2.255"], ["192.0.1.255", "192.0.3.0"]),
            (["192.88.99.0", "192.88.99.255"], ["192.88.98.255", "192.88.100.0"]),
            (["192.168.0.0", "192.168.255.255"], ["192.167.255.255", "192.169.0.0"]),
            (["198.18.0.0", "198.19.255.255"], ["198.17.255.255", "198.20.0.0"]),
            (["198.51.100.0", "198.51.100.255"], ["198.51.99.255", "198.51.101.0"]),
            (["203.0.113.0", "203.0.113.255"], ["203.0.112.255", "203.0.114.0"]),
            (["224.0.0.0", "255.255.255.255"], ["223.255.255.255", "223.0.0.0"]),
            (["2001::", "2001:1ff:ffff::1"], ["2001:200::", "2600::1"]),
            (["2001:db8::", "2001:db8:ffff::1"], ["2001:db7:ffff::1", "2001:db9::"]),
            (["2002::", "2002:ffff:ffff::1"], ["2003::", "2001:ffff::1"]),
            (["3fff::", "3fff:fff:ffff::1"], ["3ffe:ffff::1", "3fff:1000::"]),
        ] {
            for address in inside {
                assert!(!is_public(address.parse().unwrap()), "{address}");
            }
            for address in outside {
                assert!(is_public(address.parse().unwrap()), "{address}");
            }
        }
    }

    #[test]
    fn addresses_that_carry_others_are_not_public() {
        for address in [
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:8.8.8.8",
            "64:ff9b::127.0.0.1",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::10.0.0.1",
            "100::1",
            "2001:0:53aa:64c::1",
            "2002:7f00:1::",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["8.8.8.8", "1.1.1.1", "2a00:1450:4001::1", "2606:4700::1111", "2001:4860:4860::8888"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_literal_is_found_however_it_is_written() {
        for (url, address) in [
            ("http://127.0.0.1/", Some("127.0.0.1")),
            ("http://0x7f.1/", Some("127.0.0.1")),
            ("http://2130706433:8080/", Some("127.0.0.1")),
            ("http://[::ffff:7f00:1]/", Some("::ffff:127.0.0.1")),
            ("http://①②⑦.⓪.⓪.①/", Some("127.0.0.1")),
            ("http://localhost/", None),
            ("http://127.0.0.1.nip.example/", None),
        ] {
            let found = literal(&Url::parse(url).unwrap());
            assert_eq!(found, address.map(|address| address.parse().unwrap()), "{url}");
        }
    }

    #[test]
    fn names_that_are_given_out_inside_are_not_public() {
        for (url, public) in [
            ("https://www.example.org/a.jpg", true),
            ("https://example.org./a.jpg", true),
            ("https://93.184.216.34/a.jpg", true),
            ("https://local.example.org/", true),
            ("http://localhost/", false),
            ("http://a.localhost./", false),
            ("http://router/", false),
            ("http://printer.LOCAL/", false),
            ("http://metadata.google.internal/", false),
            ("http://nas.home.arpa/", false),
            ("http://169.254.169.254/latest", false),
            ("http://0x7f.1/", false),
            ("http://[::1]/", false),
            ("http://[::ffff:10.0.0.1]/", false),
            ("data:image/gif;base64,x", false),
        ] {
            assert_eq!(looks_public(&Url::parse(url).unwrap()), public, "{url}");
        }
    }
}
