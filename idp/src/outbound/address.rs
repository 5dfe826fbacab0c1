//! Which addresses are anybody's, and a look-up of names that gives no other.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A name or an address that leads to where requests may not go.
#[derive(Debug, thiserror::Error)]
#[error("{name} resolves to {ip}, which is not public")]
pub struct NotPublic {
    /// As it was asked for.
    pub name: String,
    /// Where it leads.
    pub ip: IpAddr,
}

/// Whether an address is one of the public Internet: not of this machine, a private or local network, one service, or
/// many hosts; not for documentation; not one that stands for another address (IANA's registries of special-purpose
/// addresses, RFC 6890).
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special: [(Ipv4Addr, u32); 15] = [
        (Ipv4Addr::UNSPECIFIED, 8),
        (Ipv4Addr::new(10, 0, 0, 0), 8),
        (Ipv4Addr::new(100, 64, 0, 0), 10),
        (Ipv4Addr::new(127, 0, 0, 0), 8),
        (Ipv4Addr::new(169, 254, 0, 0), 16),
        (Ipv4Addr::new(172, 16, 0, 0), 12),
        (Ipv4Addr::new(192, 0, 0, 0), 24),
        (Ipv4Addr::new(192, 0, 2, 0), 24),
        (Ipv4Addr::new(192, 88, 99, 0), 24),
        (Ipv4Addr::new(192, 168, 0, 0), 16),
        (Ipv4Addr::new(198, 18, 0, 0), 15),
        (Ipv4Addr::new(198, 51, 100, 0), 24),
        (Ipv4Addr::new(203, 0, 113, 0), 24),
        (Ipv4Addr::new(224, 0, 0, 0), 4),
        (Ipv4Addr::new(240, 0, 0, 0), 4),
    ];
    !special.iter().any(|(net, bits)| (ip.to_bits() ^ net.to_bits()) >> (32 - bits) == 0)
}

/// Only 2000::/3 has been given out. Of that, what holds an IPv4 address (Teredo, 6to4) or is no host's is left out.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let within = |net: [u16; 8], bits: u32| (ip.to_bits() ^ Ipv6Addr::from(net).to_bits()) >> (128 - bits) == 0;
    within([0x2000, 0, 0, 0, 0, 0, 0, 0], 3)
        && !within([0x2001, 0, 0, 0, 0, 0, 0, 0], 23)
        && !within([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32)
        && !within([0x2002, 0, 0, 0, 0, 0, 0, 0], 16)
        && !within([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20)
}

/// Looks names up, and refuses one of which any address is not public: it is with these very addresses that the
/// connection is made, so that a second look-up cannot lead elsewhere.
#[derive(Debug)]
pub struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(checked(name.as_str(), found.collect())?.into_iter()) as Addrs)
        })
    }
}

fn checked(name: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NotPublic> {
    match found.iter().find(|address| !is_public(address.ip())) {
        Some(address) => Err(NotPublic { name: name.to_owned(), ip: address.ip() }),
        None => Ok(found),
    }
}

/// The error of this type among the causes of another, as text.
pub fn not_public(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<NotPublic>() {
            return Some(found.to_string());
        }
        cause = error.source();
    }
    None
}

/// The innermost cause of an error: what really went wrong.
pub fn innermost<'e>(error: &'e (dyn std::error::Error + 'static)) -> impl fmt::Display + 'e {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_not_the_public_internet_is_known_for_it() {
        for ip in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn what_is_the_public_internet_is_reached() {
        for ip in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860:4860::8888",
            "2003::1",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn one_address_that_is_not_public_spoils_a_name() {
        let addresses =
            |list: &[&str]| list.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect::<Vec<_>>();
        let public = addresses(&["1.1.1.1", "2606:4700::1111"]);
        assert_eq!(checked("api.example", public.clone()).unwrap(), public);
        let told = checked("api.example", addresses(&["1.1.1.1", "10.0.0.1"])).unwrap_err().to_string();
        assert_eq!(told, "api.example resolves to 10.0.0.1, which is not public");
    }
}
