//! Proxies in front of us, and whom they say that they speak for.
//!
//! Nobody else is believed: whoever connects may write any address into `X-Forwarded-For`. A proxy that is trusted adds, behind
//! whatever it was sent, the address that it was reached from; so the list is read from its end, up to the first address that
//! is no trusted proxy's.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use serde::Deserialize;

const HEADER: &str = "x-forwarded-for";

/// Addresses of proxies that are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Proxies {
    /// Addresses (`127.0.0.1`) and networks (`10.0.0.0/8`, `fd00::/8`).
    pub trusted: Vec<Network>,
}

/// A network of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    /// Bits that count.
    bits: u32,
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("proxy.trusted: {text:?} is no address or network, such as 127.0.0.1 or 10.0.0.0/8");
        let (address, bits) = match text.split_once('/') {
            // `parse` alone would take a sign.
            Some((_, bits)) if !bits.bytes().all(|b| b.is_ascii_digit()) => return Err(wrong()),
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| wrong())?)),
            None => (text.as_str(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        // Such an address is compared as the IPv4 address that it stands for: it would match nothing.
        if address != address.to_canonical() {
            return Err(wrong());
        }
        let all = if address.is_ipv4() { 32 } else { 128 };
        let network = Self { address, bits: bits.unwrap_or(all) };
        if network.bits > all { Err(wrong()) } else { Ok(network) }
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        let differs = match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => (ours.to_bits() ^ theirs.to_bits()).checked_shr(32 - self.bits),
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let differs = (ours.to_bits() ^ theirs.to_bits()).checked_shr(128 - self.bits);
                return differs.unwrap_or(0) == 0;
            }
            _ => return false,
        };
        // Shifted by all bits: any address lies in it.
        differs.unwrap_or(0) == 0
    }
}

impl Proxies {
    fn trust(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// Whose request it is that came over a connection from `peer`.
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        let mut client = peer.ip().to_canonical();
        if !self.trust(client) {
            return peer;
        }
        let values: Vec<_> = headers.get_all(HEADER).iter().collect();
        let hops = values.iter().rev().flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
        for hop in hops {
            // What cannot be read was not written by a proxy of ours: the last that we know spoke for somebody unknown.
            let Some(address) = address_of(hop.trim()) else { break };
            client = address.to_canonical();
            if !self.trust(client) {
                break;
            }
        }
        SocketAddr::new(client, peer.port())
    }
}

/// The address of an entry; some proxies write the port as well.
fn address_of(hop: &str) -> Option<IpAddr> {
    hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|both| both.ip()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn proxies(trusted: &[&str]) -> Proxies {
        Proxies { trusted: trusted.iter().map(|text| Network::try_from((*text).to_owned()).unwrap()).collect() }
    }

    #[test]
    fn only_a_trusted_proxy_speaks_for_others() {
        let (none, one, many) =
            (proxies(&[]), proxies(&["127.0.0.1"]), proxies(&["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"]));
        for (proxies, peer, said, expected) in [
            (&none, "127.0.0.1", &["192.0.2.1"][..], "127.0.0.1"),
            (&one, "127.0.0.2", &["192.0.2.1"], "127.0.0.2"),
            (&one, "127.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            (&one, "::ffff:127.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            (&one, "127.0.0.1", &[], "127.0.0.1"),
            // What stands before the proxy's own word was written by whoever it speaks for.
            (&one, "127.0.0.1", &["203.0.113.9, 192.0.2.1"], "192.0.2.1"),
            (&one, "127.0.0.1", &["203.0.113.9", "192.0.2.1"], "192.0.2.1"),
            (&many, "127.0.0.1", &["203.0.113.9, 192.0.2.1,10.1.2.3"], "192.0.2.1"),
            (&many, "fd00::1", &["2001:db8::1, fd00::2"], "2001:db8::1"),
            // All of them are proxies.
            (&many, "127.0.0.1", &["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
            // What is no address ends it, and speaks for nobody.
            (&one, "127.0.0.1", &["nonsense"], "127.0.0.1"),
            (&one, "127.0.0.1", &[""], "127.0.0.1"),
            (&many, "127.0.0.1", &["192.0.2.1, nonsense, 10.0.0.1"], "10.0.0.1"),
            (&one, "127.0.0.1", &["192.0.2.1:4711"], "192.0.2.1"),
            (&one, "127.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            (&one, "127.0.0.1", &["192.0.2.1:"], "127.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append(HEADER, value.parse().unwrap());
            }
            let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
            let expected = SocketAddr::new(expected.parse().unwrap(), 4711);
            assert_eq!(proxies.client(peer, &headers), expected, "{proxies:?} {peer} {said:?}");
        }
    }

    #[test]
    fn a_network_is_what_it_says() {
        let within = |network: &str, address: &str| proxies(&[network]).trust(address.parse().unwrap());
        for (network, address, is_within) in [
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            assert_eq!(within(network, address), is_within, "{network} {address}");
        }
        for wrong in [
            "",
            "localhost",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0/8",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "::ffff:10.0.0.0/104",
            "::ffff:127.0.0.1",
        ] {
            let told = Network::try_from(wrong.to_owned()).unwrap_err();
            assert!(told.contains("proxy.trusted"), "{told}");
        }
    }
}
