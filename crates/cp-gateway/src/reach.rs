//! Where connections may lead.
//!
//! An upstream's address is checked where the connection is made, after its name was looked up: a name that leads to
//! another address at the second look-up leads nowhere else than at the first. What a tenant writes reaches public
//! addresses only; what the operator writes in the configuration may be on this machine or in this network.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

/// Which addresses a client connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Public ones: for what somebody else than the operator wrote.
    Public,
    /// Also this machine's and those of private networks, but never where a cloud tells a machine its secrets.
    Private,
    /// All.
    Any,
}

/// What an address is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// Somewhere on the internet.
    Public,
    /// This machine.
    Loopback,
    /// A private network.
    Private,
    /// This link, or a cloud's service for its machines.
    LinkLocal,
    /// No machine in particular: unspecified, multicast, reserved, for documentation.
    Special,
}

/// An address that the client may not connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its address is {0}")]
pub struct Forbidden(pub AddressKind);

/// Services for a cloud's own machines at addresses that look like others': of Amazon and Google over IPv6 (both in the
/// unique local range), of Alibaba (in the shared range), of Azure (in the public range).
const METADATA: [IpAddr; 4] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
];

impl Reach {
    /// The reach of a name: `public`, `private` or `any`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "public" => Some(Self::Public),
            "private" => Some(Self::Private),
            "any" => Some(Self::Any),
            _ => None,
        }
    }

    /// Whether an address is within reach.
    pub fn check(self, address: IpAddr) -> Result<(), Forbidden> {
        let kind = AddressKind::of(address);
        let within = match self {
            Self::Public => kind == AddressKind::Public,
            Self::Private => {
                matches!(kind, AddressKind::Public | AddressKind::Loopback | AddressKind::Private)
            }
            Self::Any => true,
        };
        if within { Ok(()) } else { Err(Forbidden(kind)) }
    }

    /// Checks the host of a URI where it is an address, which is connected to without a look-up.
    pub(crate) fn check_written(self, uri: &Uri) -> Result<(), Forbidden> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        host.parse().map_or(Ok(()), |address| self.check(address))
    }
}

impl AddressKind {
    /// By the registries of special-purpose addresses (RFC 6890 and its successors).
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if METADATA.contains(&address) {
            return Self::LinkLocal;
        }
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [127, ..] => Self::Loopback,
            [10, ..] | [192, 168, ..] => Self::Private,
            [172, 16..=31, ..] | [100, 64..=127, ..] => Self::Private,
            [169, 254, ..] => Self::LinkLocal,
            [0, ..] | [192, 0, 0, _] | [192, 0, 2, _] | [192, 88, 99, _] => Self::Special,
            [198, 18..=19, ..] | [198, 51, 100, _] | [203, 0, 113, _] | [224..=255, ..] => Self::Special,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let embedded = |high: u16, low: u16| {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Self::of(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        };
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Special,
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            // Mapped, compatible, translated (RFC 6052) and 6to4: the address within is where it leads.
            [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                embedded(high, low)
            }
            [0x2002, high, low, ..] => embedded(high, low),
            [0x64, 0xff9b, 1, ..] | [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Self::Private,
            [0xfe80..=0xfebf, ..] => Self::LinkLocal,
            [0x100, 0, 0, 0, ..] | [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] => Self::Special,
            [0x3fff, 0..=0xfff, ..] | [0xff00..=0xffff, ..] => Self::Special,
            _ => Self::Public,
        }
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Loopback => "this machine's own",
            Self::Private => "of a private network",
            Self::LinkLocal => "of this link or a cloud's metadata service",
            Self::Special => "no machine's",
        })
    }
}

/// Looks names up, and leaves out what is out of reach.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    system: GaiResolver,
    reach: Reach,
}

impl Resolver {
    pub(crate) fn new(reach: Reach) -> Self {
        Self { system: GaiResolver::new(), reach }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.system.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (looking_up, reach) = (self.system.call(name), self.reach);
        Box::pin(async move { within(reach, looking_up.await?) })
    }
}

/// The addresses within reach; an error where there were only others.
fn within(
    reach: Reach,
    addresses: impl Iterator<Item = SocketAddr>,
) -> io::Result<std::vec::IntoIter<SocketAddr>> {
    let (mut kept, mut forbidden) = (Vec::new(), None);
    for address in addresses {
        match reach.check(address.ip()) {
            Ok(()) => kept.push(address),
            Err(refused) => forbidden = Some(refused),
        }
    }
    match forbidden {
        Some(refused) if kept.is_empty() => Err(io::Error::new(io::ErrorKind::PermissionDenied, refused)),
        _ => Ok(kept.into_iter()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(addresses: &[&str]) -> Vec<AddressKind> {
        addresses.iter().map(|text| AddressKind::of(text.parse().unwrap())).collect()
    }

    #[test]
    fn every_way_to_write_an_inner_address_is_known() {
        let loopback =
            ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"];
        assert_eq!(kinds(&loopback), [AddressKind::Loopback; 6]);
        let private =
            ["10.1.2.3", "172.16.0.1", "172.31.9.9", "192.168.1.1", "100.64.0.1", "fd12::1", "fec0::1"];
        assert_eq!(kinds(&private), [AddressKind::Private; 7]);
        let link_local = [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "100.100.100.200",
            "168.63.129.16",
            "::ffff:168.63.129.16",
        ];
        assert_eq!(kinds(&link_local), [AddressKind::LinkLocal; 8]);
        let special = [
            "0.0.0.0",
            "0.1.2.3",
            "192.0.2.1",
            "198.18.0.1",
            "203.0.113.7",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "ff02::1",
            "2001:db8::1",
            "100::1",
            "2001::1",
        ];
        assert_eq!(kinds(&special), [AddressKind::Special; 12]);
        let public = ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"];
        assert_eq!(kinds(&public), [AddressKind::Public; 5]);
    }

    #[test]
    fn reaches_are_nested() {
        let within = |reach: Reach, address: &str| reach.check(address.parse().unwrap()).is_ok();
        for (address, reaches) in [
            ("8.8.8.8", [true, true, true]),
            ("127.0.0.1", [false, true, true]),
            ("10.0.0.1", [false, true, true]),
            ("169.254.169.254", [false, false, true]),
            ("0.0.0.0", [false, false, true]),
        ] {
            assert_eq!(
                [Reach::Public, Reach::Private, Reach::Any].map(|reach| within(reach, address)),
                reaches
            );
        }
    }

    #[test]
    fn a_name_is_as_good_as_what_it_leads_to_now() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 443)).collect()
        };
        let first = addresses(&["8.8.8.8"]);
        assert_eq!(within(Reach::Public, first.clone().into_iter()).unwrap().collect::<Vec<_>>(), first);
        // The same name a second later.
        let error = within(Reach::Public, addresses(&["169.254.169.254"]).into_iter()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        // A name that leads to both is used as far as it is in order.
        let mixed = addresses(&["127.0.0.1", "8.8.8.8"]);
        assert_eq!(within(Reach::Public, mixed.into_iter()).unwrap().collect::<Vec<_>>(), first);
        assert_eq!(within(Reach::Public, [].into_iter()).unwrap().count(), 0);
    }
}
