//! Whose program is at the other end of a loopback connection?
//!
//! A loopback socket is open to every user of the machine. Linux tells who holds its other end (`/proc/net/tcp`, proc(5)),
//! so other users are turned away before they have said anything. Where the kernel does not tell, the session decides alone.

use std::fs;
use std::net::{IpAddr, SocketAddr};

/// Tables of the kernel, for the two families.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// The administrator may do anything anyway, and relays of virtual machines run as one.
const ROOT: u32 = 0;

/// Whether a connection may be served: its other end belongs to this user, to root, or to nobody that the kernel tells of.
pub(crate) fn is_welcome(peer: SocketAddr, here: SocketAddr) -> bool {
    let own = rustix::process::getuid().as_raw();
    let tables = TABLES.iter().filter_map(|table| fs::read_to_string(table).ok());
    may_come(tables.into_iter().find_map(|table| holder(&table, peer, here)), own)
}

/// Whether a connection of this user may be served by a host of that one; `None` where the kernel does not tell.
fn may_come(user: Option<u32>, own: u32) -> bool {
    user.is_none_or(|user| user == own || user == ROOT)
}

/// The user who holds the socket at `peer` that is connected to `here`. Lines look like
/// `0: 0100007F:1D13 0100007F:C001 01 00000000:00000000 00:00000000 00000000 1000 0 4711`: addresses, state, queues, timers,
/// retransmits, user.
fn holder(table: &str, peer: SocketAddr, here: SocketAddr) -> Option<u32> {
    let (peer, here) = (written(peer), written(here));
    table.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let is_it = words.next()? == peer && words.next()? == here;
        is_it.then(|| words.nth(4)?.parse().ok()).flatten()
    })
}

/// An address as the kernel writes it: groups of four bytes in the machine's order, then the port.
fn written(address: SocketAddr) -> String {
    let octets = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let words = octets.chunks(4).map(|four| {
        let four: [u8; 4] = four.try_into().unwrap_or_default();
        format!("{:08X}", u32::from_ne_bytes(four))
    });
    format!("{}:{:04X}", words.collect::<String>(), address.port())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::net::{SocketAddr, TcpListener};

    use super::{ROOT, TABLES, holder, is_welcome, may_come};

    /// A connected pair, as the kernel sees it now.
    fn connected(address: &str) -> (std::net::TcpStream, SocketAddr, SocketAddr) {
        let listener = TcpListener::bind(address).unwrap();
        let here = listener.local_addr().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test is its own neighbour")]
        let stream = std::net::TcpStream::connect(here).unwrap();
        let (_accepted, peer) = listener.accept().unwrap();
        (stream, peer, here)
    }

    #[test]
    fn the_kernels_table_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1D13 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1\n\
            1: 0100007F:C001 0100007F:1D13 01 00000000:00000000 00:00000000 00000000  1001        0 2\n";
        let here: SocketAddr = "127.0.0.1:7443".parse().unwrap();
        let holds = |peer: &str| holder(table, peer.parse().unwrap(), here);
        if cfg!(target_endian = "little") {
            assert_eq!(holds("127.0.0.1:49153"), Some(1001));
        }
        assert_eq!(holds("127.0.0.1:49154"), None);
    }

    #[test]
    fn other_users_are_turned_away() {
        assert!([Some(1000), Some(ROOT), None].into_iter().all(|user| may_come(user, 1000)));
        assert!(![1001, 65534].into_iter().any(|user| may_come(Some(user), 1000)));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_program_of_this_user_is_found_and_welcome() {
        let own = rustix::process::getuid().as_raw();
        let (_stream, peer, here) = connected("127.0.0.1:0");
        let table = std::fs::read_to_string(TABLES[0]).unwrap();
        assert_eq!(holder(&table, peer, here), Some(own));
        assert!(is_welcome(peer, here));
    }
}
