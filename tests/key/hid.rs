//! CTAPHID: packets in, messages out (CTAP 2.1 §11.2). The framing is `passkey-transports`', which is written for the
//! client; both ends frame alike.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::thread;
use std::time::Duration;

use passkey_transports::hid::{ChannelHandler, Command, Message};
use rustix::termios::{QueueSelector, tcflush};

/// What a host writes for each packet: the number of the report, zero, and 64 bytes.
const REPORT: usize = 65;

/// Whoever has no channel yet.
const BROADCAST: u32 = u32::MAX;

/// It speaks CBOR, and has no messages of the older protocol.
const CAPABILITIES: u8 = 0x04 | 0x08;

/// How often the wire is looked at.
const PAUSE: Duration = Duration::from_millis(2);

/// A wire with a host at its other end.
pub(crate) struct Wire {
    file: File,
    /// The host's end, which stays open when no program has it.
    socket: File,
    partial: Vec<u8>,
    packets: ChannelHandler,
    channels: u32,
}

/// What the host wants.
pub(crate) enum Wanted {
    /// A command of CTAP 2.
    Cbor { channel: u32, request: Vec<u8> },
    /// An end to what is under way.
    Cancel,
    /// A channel: somebody else begins, or the same host anew.
    Channel,
    /// Nothing that a person is needed for.
    Nothing,
}

/// The wire was pulled.
pub(crate) struct Gone;

impl Wire {
    /// A wire whose reads do not block.
    pub(crate) fn new(file: File, socket: File) -> Self {
        Self { file, socket, partial: Vec::new(), packets: ChannelHandler::default(), channels: 0 }
    }

    /// Waits this long for something.
    pub(crate) fn next(&mut self, patience: Duration) -> Result<Option<Wanted>, Gone> {
        let mut looks = patience.as_millis() / PAUSE.as_millis();
        loop {
            if let Some(message) = self.message()? {
                return self.handle(&message).map(Some);
            }
            if looks == 0 {
                return Ok(None);
            }
            looks -= 1;
            thread::sleep(PAUSE);
        }
    }

    fn message(&mut self) -> Result<Option<Message>, Gone> {
        let mut buffer = [0; REPORT];
        while self.partial.len() < REPORT {
            match self.file.read(&mut buffer) {
                Ok(0) => return Err(Gone),
                Ok(length) => self.partial.extend(buffer.iter().take(length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(_) => return Err(Gone),
            }
        }
        let rest = self.partial.split_off(REPORT);
        let report = std::mem::replace(&mut self.partial, rest);
        Ok(self.packets.handle_packet(report.get(1..).unwrap_or_default()))
    }

    fn handle(&mut self, message: &Message) -> Result<Wanted, Gone> {
        match message.command {
            Command::Init => {
                self.greet(message)?;
                return Ok(Wanted::Channel);
            }
            Command::Ping => self.send(message.channel, Command::Ping, &message.payload)?,
            Command::Cbor => {
                return Ok(Wanted::Cbor { channel: message.channel, request: message.payload.clone() });
            }
            Command::Cancel => return Ok(Wanted::Cancel),
            // Invalid command.
            _ => self.send(message.channel, Command::Err, &[1])?,
        }
        Ok(Wanted::Nothing)
    }

    /// Gives a channel: the nonce, its number, the protocol's version, the device's, what it can.
    fn greet(&mut self, message: &Message) -> Result<(), Gone> {
        let channel = match message.channel {
            BROADCAST => {
                // What the last program did not read is not the next one's: a HID device has a queue for each.
                let _flushed = tcflush(&self.socket, QueueSelector::IFlush);
                self.channels += 1;
                self.channels
            }
            known => known,
        };
        let mut answer = message.payload.clone();
        answer.truncate(8);
        answer.extend(channel.to_ne_bytes());
        answer.extend([2, 1, 0, 0, CAPABILITIES]);
        self.send(message.channel, Command::Init, &answer)
    }

    /// Says that a person is waited for.
    pub(crate) fn keep_alive(&mut self, channel: u32) -> Result<(), Gone> {
        self.send(channel, Command::KeepAlive, &[2])
    }

    /// Answers a command.
    pub(crate) fn answer(&mut self, channel: u32, bytes: &[u8]) -> Result<(), Gone> {
        self.send(channel, Command::Cbor, bytes)
    }

    fn send(&mut self, channel: u32, command: Command, bytes: &[u8]) -> Result<(), Gone> {
        let message = Message::new(channel, command, bytes).map_err(|_| Gone)?;
        message.send(&mut self.file).map_err(|_| Gone)
    }
}
