//! The addresses of a run: a block 127.A.B.0/24 of its own, and a port for each part in it.
//!
//! Invariant: a block belongs to one run at a time. It is claimed by listening on its `.1`, so the
//! claim ends with the process, however that ends. Which part lives where is not known here.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, UdpSocket},
    ops::RangeInclusive,
};

use crate::error::StackError;

/// The port of the claim; its only use is to be taken.
const CLAIM_PORT: u16 = 4777;
/// Clear of 127.0.0.0/24 and of the addresses that Debian, systemd and others use below.
const BLOCKS: RangeInclusive<u8> = 64..=126;
/// Blocks tried before giving up: with 16,000 of them, so many taken ones mean that the port is.
const TRIES: usize = 64;
/// Ports tried where TCP and UDP must be free on the same one.
const PORT_TRIES: usize = 32;

/// A claimed block; the claim ends when this is dropped.
#[derive(Debug)]
pub(super) struct Block {
    base: Base,
}

#[derive(Debug)]
enum Base {
    /// 127.A.B.0/24, held by a listener on `.1`.
    Own { a: u8, b: u8, _claim: TcpListener },
    /// Everything on 127.0.0.1, told apart by port: where the system has no other loopback addresses.
    Shared,
}

/// What a part needs of its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Tcp,
    TcpAndUdp,
}

/// A port that is kept from others until the part is started.
#[derive(Debug)]
pub(super) struct Reserved {
    address: SocketAddr,
    _tcp: TcpListener,
    _udp: Option<UdpSocket>,
}

impl Reserved {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Block {
    /// Claims a block at random.
    pub(super) fn claim() -> Self {
        for _ in 0..TRIES {
            let (a, b) = (fastrand::u8(BLOCKS), fastrand::u8(..));
            match TcpListener::bind((Ipv4Addr::new(127, a, b, 1), CLAIM_PORT)) {
                Ok(claim) => return Self { base: Base::Own { a, b, _claim: claim } },
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                // macOS has 127.0.0.1 alone.
                Err(_) => break,
            }
        }
        Self { base: Base::Shared }
    }

    /// The address of a host in the block.
    pub(super) fn host(&self, number: u8) -> Ipv4Addr {
        match self.base {
            Base::Own { a, b, .. } => Ipv4Addr::new(127, a, b, number),
            Base::Shared => Ipv4Addr::LOCALHOST,
        }
    }

    /// A port at a host: the documented one if it is free there, else one that is.
    pub(super) fn reserve(&self, host: u8, documented: u16, transport: Transport) -> Result<Reserved, StackError> {
        let ip = self.host(host);
        let first = match self.base {
            Base::Own { .. } => documented,
            // On the shared address the documented port may be wanted by another run a moment later.
            Base::Shared => 0,
        };
        let mut taken = None;
        for port in [first].into_iter().chain([0; PORT_TRIES]) {
            match bind(SocketAddrV4::new(ip, port), transport) {
                Ok(reserved) => return Ok(reserved),
                Err(error) => taken = Some(error),
            }
        }
        let source = taken.unwrap_or_else(|| io::ErrorKind::AddrInUse.into());
        Err(StackError::Address { what: "port".to_owned(), address: SocketAddrV4::new(ip, documented).into(), source })
    }
}

fn bind(address: SocketAddrV4, transport: Transport) -> io::Result<Reserved> {
    let tcp = TcpListener::bind(address)?;
    let address = tcp.local_addr()?;
    let udp = match transport {
        Transport::Tcp => None,
        Transport::TcpAndUdp => Some(UdpSocket::bind(address)?),
    };
    Ok(Reserved { address, _tcp: tcp, _udp: udp })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn two_blocks_never_collide() {
        let blocks = (0..100).map(|_| Block::claim()).collect::<Vec<_>>();
        let hosts = blocks.iter().map(|block| block.host(1)).collect::<BTreeSet<_>>();
        assert_eq!(hosts.len(), blocks.len());
    }

    #[test]
    fn the_documented_port_is_taken_where_it_is_free() {
        let block = Block::claim();
        let reserved = block.reserve(4, 9092, Transport::Tcp).unwrap();
        assert_eq!(reserved.address(), SocketAddrV4::new(block.host(4), 9092).into());
    }

    #[test]
    fn a_taken_port_is_avoided() {
        let block = Block::claim();
        let _tcp = TcpListener::bind((block.host(4), 9092)).unwrap();
        let _udp = UdpSocket::bind((block.host(2), 5353)).unwrap();

        let kafka = block.reserve(4, 9092, Transport::Tcp).unwrap();
        let dns = block.reserve(2, 5353, Transport::TcpAndUdp).unwrap();

        assert_ne!(kafka.address().port(), 9092);
        assert_eq!(kafka.address().ip(), block.host(4));
        assert_ne!(dns.address().port(), 5353);
    }

    #[test]
    fn on_a_shared_address_every_part_has_a_port_of_its_own() {
        let block = Block { base: Base::Shared };
        let reserved = (0..20).map(|host| block.reserve(host, 3001, Transport::TcpAndUdp).unwrap()).collect::<Vec<_>>();
        let addresses = reserved.iter().map(Reserved::address).collect::<BTreeSet<_>>();
        assert_eq!(addresses.len(), 20);
    }
}
