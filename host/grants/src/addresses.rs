//! Addresses that no name may lead to unless a grant names them.
//!
//! A public name can resolve to anything; whoever controls it could reach the host's own network
//! through a plugin. Sources: the IANA IPv4 and IPv6 special-purpose address registries (RFC 6890
//! and successors), and the fixed addresses of cloud metadata services.
//!
//! Not here: which name was asked for. [`crate::Authority::decide`] joins the two.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why `ip` may not be reached by name, or `None` where it is a public unicast address.
///
/// An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is judged by the address inside. Other
/// embeddings (NAT64, 6to4, Teredo) are refused whole: where they lead depends on somebody's router.
pub fn forbidden_range(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(v4) => forbidden_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(inner) => forbidden_v4(inner),
            None => forbidden_v6(v6),
        },
    }
}

fn forbidden_v4(ip: Ipv4Addr) -> Option<&'static str> {
    let label = match ip.octets() {
        [169, 254, 169, 254]
        | [169, 254, 170, 2]
        | [100, 100, 100, 200]
        | [192, 0, 0, 192]
        | [168, 63, 129, 16] => "metadata",
        [0, 0, 0, 0] => "unspecified",
        [0, ..] => "this-network",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "private",
        [100, 64..=127, ..] => "shared",
        [127, ..] => "loopback",
        [169, 254, ..] => "link-local",
        [192, 0, 0, _] => "protocol-assignment",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "documentation",
        [192, 88, 99, _] => "6to4-relay",
        [198, 18..=19, ..] => "benchmarking",
        [224..=239, ..] => "multicast",
        [255, 255, 255, 255] => "broadcast",
        [240..=255, ..] => "reserved",
        _ => return None,
    };
    Some(label)
}

fn forbidden_v6(ip: Ipv6Addr) -> Option<&'static str> {
    let label = match ip.segments() {
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => "metadata",
        [0, 0, 0, 0, 0, 0, 0, 0] => "unspecified",
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback",
        [0x64, 0xff9b, ..] => "nat64",
        [0x100, 0, 0, 0, ..] => "discard-only",
        [0x2001, 0, ..] => "teredo",
        [0x2001, 2, 0, ..] => "benchmarking",
        [0x2001, 0x10..=0x2f, ..] => "orchid",
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => "documentation",
        // The rest of 2001::/23 is for protocols, not for hosts.
        [0x2001, 0..=0x01ff, ..] => "protocol-assignment",
        [0x2002, ..] => "6to4",
        [0xfc00..=0xfdff, ..] => "unique-local",
        [0xfe80..=0xfebf, ..] => "link-local",
        [0xfec0..=0xfeff, ..] => "site-local",
        [0xff00..=0xffff, ..] => "multicast",
        // Only 2000::/3 is global unicast (RFC 4291 section 2.4).
        [0x2000..=0x3fff, ..] => return None,
        _ => "reserved",
    };
    Some(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn special_addresses_are_named() {
        for (ip, label) in [
            ("127.0.0.1", "loopback"),
            ("0.0.0.0", "unspecified"),
            ("10.1.2.3", "private"),
            ("172.31.255.255", "private"),
            ("192.168.0.1", "private"),
            ("100.64.0.1", "shared"),
            ("169.254.169.254", "metadata"),
            ("169.254.1.1", "link-local"),
            ("198.19.0.1", "benchmarking"),
            ("203.0.113.9", "documentation"),
            ("224.0.0.251", "multicast"),
            ("255.255.255.255", "broadcast"),
            ("250.0.0.1", "reserved"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:169.254.169.254", "metadata"),
            ("::127.0.0.1", "reserved"),
            ("64:ff9b::7f00:1", "nat64"),
            ("64:ff9b:1::1", "nat64"),
            ("fd00:ec2::254", "metadata"),
            ("fd12::1", "unique-local"),
            ("fe80::1", "link-local"),
            ("ff02::1", "multicast"),
            ("2002:7f00:1::", "6to4"),
            ("2001::1", "teredo"),
            ("2001:db8::1", "documentation"),
        ] {
            assert_eq!(forbidden_range(ip.parse().unwrap()), Some(label), "{ip}");
        }
    }

    #[test]
    fn public_addresses_are_not() {
        for ip in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2001:4860::8888",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(forbidden_range(ip.parse().unwrap()), None, "{ip}");
        }
    }

    proptest! {
        #[test]
        fn a_mapped_address_is_judged_by_the_one_inside(bits in any::<u32>()) {
            let v4 = Ipv4Addr::from(bits);
            prop_assert_eq!(forbidden_range(v4.into()), forbidden_range(v4.to_ipv6_mapped().into()));
        }

        /// The standard library's own classes as an oracle: none of them may be reachable.
        #[test]
        fn nothing_special_to_std_is_public(bits in any::<u32>()) {
            let ip = Ipv4Addr::from(bits);
            let special = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast()
                || ip.is_broadcast() || ip.is_documentation() || ip.is_unspecified();
            prop_assert!(!special || forbidden_range(ip.into()).is_some());
        }
    }
}
