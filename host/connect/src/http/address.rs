//! Which addresses may a guest's request reach? Only public ones: everything of the house, of the machine and of the
//! cloud's metadata service is forbidden, in whatever notation it comes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// This machine.
    #[error("a loopback address")]
    Loopback,
    /// A private network.
    #[error("a private address")]
    Private,
    /// The link itself, where clouds keep their metadata service.
    #[error("a link-local address")]
    LinkLocal,
    /// Neither a single host nor public: unspecified, multicast, reserved, for documentation.
    #[error("no public host's address")]
    NoPublicHost,
}

/// Why `address` is forbidden to guests; none if it is a public host's. An IPv6 address that stands for an IPv4 one is
/// judged as that one.
pub fn forbidden(address: IpAddr) -> Option<Forbidden> {
    match address {
        IpAddr::V4(address) => forbidden_v4(address),
        IpAddr::V6(address) => forbidden_v6(address),
    }
}

fn forbidden_v4(address: Ipv4Addr) -> Option<Forbidden> {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127, ..) => Some(Forbidden::Loopback),
        // 100.64/10 is shared by providers' customers; some clouds keep services there.
        (10, ..) | (192, 168, _) | (172, 16..=31, _) | (100, 64..=127, _) => Some(Forbidden::Private),
        (169, 254, _) => Some(Forbidden::LinkLocal),
        // This network, protocol assignments, 6to4 relays, benchmarks, documentation, multicast, reserved, broadcast.
        (0, ..)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113)
        | (224..=255, ..) => Some(Forbidden::NoPublicHost),
        _ => None,
    }
}

fn forbidden_v6(address: Ipv6Addr) -> Option<Forbidden> {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = address.segments();
    let v4 = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        Ipv4Addr::new(a, b, c, d)
    };
    match (s0, s1, s2, s3, s4, s5) {
        (0, 0, 0, 0, 0, 0) if s6 == 0 && s7 == 1 => Some(Forbidden::Loopback),
        (0, 0, 0, 0, 0, 0) if s6 == 0 && s7 == 0 => Some(Forbidden::NoPublicHost),
        // Mapped, compatible and translated IPv4.
        (0, 0, 0, 0, 0, 0xffff | 0) | (0, 0, 0, 0, 0xffff, 0) | (0x64, 0xff9b, 0, 0, 0, 0) => forbidden_v4(v4(s6, s7)),
        // Local use of the translation prefix.
        (0x64, 0xff9b, 1, ..) => Some(Forbidden::Private),
        // 6to4 carries its IPv4 address in front; Teredo hides one, and nobody needs it.
        (0x2002, high, low, ..) => forbidden_v4(v4(high, low)),
        (0x2001, 0, ..) => Some(Forbidden::NoPublicHost),
        (0xfc00..=0xfdff, ..) | (0xfec0..=0xfeff, ..) => Some(Forbidden::Private),
        (0xfe80..=0xfebf, ..) => Some(Forbidden::LinkLocal),
        // Only 2000::/3 is given out to hosts; of it, 2001:db8::/32 and 3fff::/20 are for documentation.
        (0x2001, 0xdb8, ..) | (0x3fff, 0..=0xfff, ..) => Some(Forbidden::NoPublicHost),
        (0x2000..=0x3fff, ..) => None,
        _ => Some(Forbidden::NoPublicHost),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where its preparation fails")]
    use super::*;

    // GAT-5
    #[test]
    fn addresses_of_the_house_are_forbidden_in_every_notation() {
        for (text, why) in [
            ("127.0.0.1", Forbidden::Loopback),
            ("127.255.255.254", Forbidden::Loopback),
            ("::1", Forbidden::Loopback),
            ("::ffff:127.0.0.1", Forbidden::Loopback),
            ("::127.0.0.1", Forbidden::Loopback),
            ("64:ff9b::127.0.0.1", Forbidden::Loopback),
            ("2002:7f00:1::", Forbidden::Loopback),
            ("10.0.0.1", Forbidden::Private),
            ("172.16.0.1", Forbidden::Private),
            ("172.31.255.255", Forbidden::Private),
            ("192.168.1.1", Forbidden::Private),
            ("100.100.100.200", Forbidden::Private),
            ("::ffff:10.1.2.3", Forbidden::Private),
            ("fd00:ec2::254", Forbidden::Private),
            ("fc00::1", Forbidden::Private),
            ("fec0::1", Forbidden::Private),
            ("169.254.169.254", Forbidden::LinkLocal),
            ("::ffff:169.254.169.254", Forbidden::LinkLocal),
            ("64:ff9b::169.254.169.254", Forbidden::LinkLocal),
            ("fe80::1", Forbidden::LinkLocal),
            ("0.0.0.0", Forbidden::NoPublicHost),
            ("0.1.2.3", Forbidden::NoPublicHost),
            ("::", Forbidden::NoPublicHost),
            ("224.0.0.1", Forbidden::NoPublicHost),
            ("255.255.255.255", Forbidden::NoPublicHost),
            ("192.0.2.1", Forbidden::NoPublicHost),
            ("198.18.0.1", Forbidden::NoPublicHost),
            ("2001::1", Forbidden::NoPublicHost),
            ("2001:db8::1", Forbidden::NoPublicHost),
            ("ff02::1", Forbidden::NoPublicHost),
            ("4000::1", Forbidden::NoPublicHost),
        ] {
            assert_eq!(forbidden(text.parse().unwrap()), Some(why), "{text}");
        }
    }

    // GAT-5
    #[test]
    fn public_addresses_are_allowed() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "172.32.0.1",
            "172.15.0.1",
            "100.63.0.1",
            "192.1.0.1",
            "223.255.255.1",
            "2606:4700::1",
            "2a00::1",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(forbidden(text.parse().unwrap()), None, "{text}");
        }
    }
}
