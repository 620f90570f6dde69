//! Which addresses may be dialled. One check for names, literals and operator-set addresses alike.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Why an address is not dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressDenied {
    /// A cloud metadata service. No grant can allow it.
    #[error("the host is a cloud metadata address, which is never dialled")]
    Metadata,
    /// A range that is not on the public Internet and that the grant does not name.
    #[error(
        "the host resolves to a {0} address that the grant does not name; to allow it, the connection's [grant] networks must list the range as CIDR"
    )]
    Private(&'static str),
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(first: u16, second: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), length)
}

/// Not globally reachable: the IANA IPv4 Special-Purpose Address Registry (RFC 6890 and its updates).
const SPECIAL_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "this-network"),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "carrier-grade NAT"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(169, 254, 0, 0, 16), "link-local"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "protocol-assignment"),
    (v4(192, 0, 2, 0, 24), "documentation"),
    (v4(192, 88, 99, 0, 24), "6to4 relay"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(198, 18, 0, 0, 15), "benchmark"),
    (v4(198, 51, 100, 0, 24), "documentation"),
    (v4(203, 0, 113, 0, 24), "documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
];

/// Not globally reachable: the IANA IPv6 Special-Purpose Address Registry.
const SPECIAL_V6: &[(Ipv6Net, &str)] = &[
    (v6(0x0064, 0xff9b, 32), "NAT64"),
    // The rest of ::/8 is reserved (RFC 4291 §2.4): unspecified and IPv4-compatible addresses among it.
    (v6(0, 0, 8), "reserved"),
    (v6(0x0100, 0, 32), "discard"),
    (v6(0x2001, 0, 23), "protocol-assignment"),
    (v6(0x2001, 0x0db8, 32), "documentation"),
    (v6(0x2002, 0, 16), "6to4"),
    (v6(0x3fff, 0, 20), "documentation"),
    (v6(0x5f00, 0, 16), "segment-routing"),
    (v6(0xfc00, 0, 7), "unique-local"),
    (v6(0xfe80, 0, 10), "link-local"),
    (v6(0xfec0, 0, 10), "site-local"),
    (v6(0xff00, 0, 8), "multicast"),
];

/// Metadata services of the large clouds, which hand out the machine's own credentials. AWS's time and DNS services share
/// the link-local /16 and stay ordinary link-local.
const METADATA: &[IpAddr] = &[
    // AWS, Azure, GCP, OpenStack and others.
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    // AWS: credentials of ECS tasks and of EKS pods.
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    // Tencent Cloud, and Scaleway.
    IpAddr::V4(Ipv4Addr::new(169, 254, 0, 23)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 42, 42)),
    // Azure's WireServer: a public address, answered inside the machine's own network.
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    // Alibaba Cloud, and Oracle Cloud's older one.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    // Over IPv6: AWS, EKS pods, GCP, OpenStack, Oracle Cloud, Scaleway.
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0023)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x00c1, 0, 0, 0, 0, 0xa9fe, 0xa9fe)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x0042)),
];

/// Holds one address against the public ranges and the grant's networks.
///
/// An address that carries an IPv4 address inside (mapped, compatible, NAT64, 6to4, Teredo, ISATAP) is also held to the
/// rules of that inner address, so that no spelling of a metadata or private address gets through.
pub(crate) fn check(address: IpAddr, allowed: &[IpNet]) -> Result<(), AddressDenied> {
    let address = address.to_canonical();
    check_one(address, allowed)?;
    inner_v4(address).map_or(Ok(()), |inner| check_one(IpAddr::V4(inner), allowed))
}

fn check_one(address: IpAddr, allowed: &[IpNet]) -> Result<(), AddressDenied> {
    if METADATA.contains(&address) {
        return Err(AddressDenied::Metadata);
    }
    if allowed.iter().any(|network| network.contains(&address)) {
        return Ok(());
    }
    match special(address) {
        Some(kind) => Err(AddressDenied::Private(kind)),
        None => Ok(()),
    }
}

fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => SPECIAL_V4.iter().find(|(network, _)| network.contains(&v4)).map(|(_, kind)| *kind),
        IpAddr::V6(v6) if v6.is_loopback() => Some("loopback"),
        IpAddr::V6(v6) => SPECIAL_V6.iter().find(|(network, _)| network.contains(&v6)).map(|(_, kind)| *kind),
    }
}

/// The IPv4 address that an IPv6 address stands for: RFC 4291 §2.5.5 (compatible, mapped), RFC 6052 and RFC 8215 (NAT64),
/// RFC 3056 (6to4), RFC 4380 (Teredo), RFC 5214 (ISATAP).
fn inner_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    let [first, second, third, fourth, fifth, sixth, seventh, eighth] = v6.segments();
    let join = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match (first, second) {
        // The node's own addresses, which stand for nothing.
        (0, 0) if v6.is_loopback() || v6.is_unspecified() => None,
        (0x2002, _) => Some(join(second, third)),
        // Teredo turns every bit of the client's address over.
        (0x2001, 0) => Some(join(!seventh, !eighth)),
        // The /48 for local use has the address around eight bits of zero.
        (0x0064, 0xff9b) if third == 1 && fourth != 0 => {
            let [_, high] = fifth.to_be_bytes();
            let [low, _] = sixth.to_be_bytes();
            Some(join(fourth, u16::from_be_bytes([high, low])))
        }
        (0x0064, 0xff9b) | (0, 0) => Some(join(seventh, eighth)),
        _ if sixth == 0x5efe && matches!(fifth, 0 | 0x0200) => Some(join(seventh, eighth)),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{AddressDenied, check};

    fn denied(address: &str, allowed: &[&str]) -> Option<AddressDenied> {
        let allowed: Vec<_> = allowed.iter().map(|net| net.parse().unwrap()).collect();
        check(address.parse().unwrap(), &allowed).err()
    }

    #[test]
    fn public_addresses_pass() {
        for address in ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "172.32.0.1", "100.128.0.1"] {
            assert_eq!(denied(address, &[]), None, "{address}");
        }
    }

    #[test]
    fn special_ranges_need_the_grant() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.1.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "64:ff9b:1::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "5f00::1",
            "3fff::1",
            "192.88.99.1",
            "198.51.100.1",
            "203.0.113.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "fc00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "100::1",
        ] {
            assert!(matches!(denied(address, &[]), Some(AddressDenied::Private(_))), "{address}");
        }
    }

    #[test]
    fn a_grant_opens_its_range_and_no_other() {
        assert_eq!(denied("10.1.2.3", &["10.1.0.0/16"]), None);
        assert_eq!(denied("::ffff:10.1.2.3", &["10.1.0.0/16"]), None);
        assert!(denied("10.2.2.3", &["10.1.0.0/16"]).is_some());
        assert_eq!(denied("127.0.0.1", &["127.0.0.0/8"]), None);
        assert_eq!(denied("::1", &["::1/128"]), None);
        // A range of IPv6 does not open what is private behind a translator; naming both does.
        for address in ["64:ff9b::a00:1", "2002:a00:1::", "::a00:1", "2001:0:4136:e378:8000:63bf:f5ff:fffe"] {
            assert!(denied(address, &["::/0"]).is_some(), "{address}");
            assert_eq!(denied(address, &["::/0", "10.0.0.0/8"]), None, "{address}");
        }
    }

    #[test]
    fn metadata_is_denied_in_every_spelling_and_under_every_grant() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
            "::a9fe:a9fe",
            "::ffff:0:a9fe:a9fe",
            "64:ff9b:1:a9fe:a9:fe00::",
            "64:ff9b:1::a9fe:a9fe",
            "2001:0:4136:e378:8000:63bf:5601:5601",
            "fe80::5efe:a9fe:a9fe",
            "2001:db8::200:5efe:a9fe:a9fe",
            "169.254.0.23",
            "169.254.42.42",
            "fe80::a9fe:a9fe",
            "fd00:c1::a9fe:a9fe",
            "fd00:42::42",
        ] {
            assert_eq!(denied(address, &["0.0.0.0/0", "::/0"]), Some(AddressDenied::Metadata), "{address}");
        }
    }
}
