//! What libfido2's programs print (fido2-token(1), fido2-assert(1), fido2-cred(1)). Pure. Whatever is not described there is
//! refused: what is printed is a stranger's until a signature over it verifies.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::SecurityKeyError;

/// How many keys a list may have. Nobody has that many sockets.
const MAX_KEYS: usize = 16;

/// The longest name of a device, in bytes. Linux's have 15, macOS' some 30.
const MAX_DEVICE: usize = 256;

/// The longest blob that anything here is, in bytes: attestation certificates have a thousand or so.
const MAX_BLOB: usize = 8 * 1024;

/// The programs, as errors name them.
pub(crate) const TOKEN: &str = "fido2-token";
pub(crate) const ASSERT: &str = "fido2-assert";
pub(crate) const CRED: &str = "fido2-cred";

/// Where a key is plugged in, as the programs take it: a path, on macOS a name of the I/O registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Socket(String);

impl Socket {
    /// A name that can be no option of a program, and nothing that moves a terminal's cursor.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let is_one = name.starts_with('/') || name.starts_with("ioreg://");
        let is_plain = name.len() <= MAX_DEVICE && name.bytes().all(|byte| byte.is_ascii_graphic());
        (is_one && is_plain).then(|| Self(name.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The keys of `fido2-token -L`: a line each, the device before `: vendor=`.
pub(crate) fn sockets(text: &str) -> Result<Vec<Socket>, SecurityKeyError> {
    let nonsense = SecurityKeyError::Nonsense { program: TOKEN, what: "a line of its list names no device" };
    let named = |line: &str| Socket::of(line.split_once(": vendor=")?.0);
    let found: Option<Vec<Socket>> = text.lines().take(MAX_KEYS).map(named).collect();
    found.ok_or(nonsense)
}

/// How a key verifies its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abilities {
    /// On the key itself, by a finger.
    pub(crate) built_in: bool,
    /// By a PIN that was set.
    pub(crate) pin: bool,
    /// Either, by a token with permissions (CTAP 2.1).
    pub(crate) token: bool,
}

/// The line `options:` of `fido2-token -I`. An option that the key does not have, or has and is off (`no…`), is not there.
pub(crate) fn abilities(text: &str) -> Result<Abilities, SecurityKeyError> {
    let nonsense = SecurityKeyError::Nonsense { program: TOKEN, what: "it does not tell the key's options" };
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("options: "));
    let (Some(options), None) = (lines.next(), lines.next()) else { return Err(nonsense) };
    let has = |name: &str| options.split(", ").any(|option| option == name);
    Ok(Abilities { built_in: has("uv"), pin: has("clientPin"), token: has("pinUvAuthToken") })
}

/// What both `-G` and `-M` print before anything else: the request, repeated.
fn after_request<'a>(
    program: &'static str,
    text: &'a str,
    request: [&str; 2],
) -> Result<impl Iterator<Item = &'a str>, SecurityKeyError> {
    let mut lines = text.lines();
    let repeated = request.iter().all(|line| lines.next() == Some(line));
    if repeated { Ok(lines) } else { Err(SecurityKeyError::Nonsense { program, what: "it answers another request" }) }
}

/// An assertion: authenticator data, without the CBOR around them, and signature.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asserted {
    pub(crate) authenticator_data: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

/// The four lines of `fido2-assert -G`. `request` is what was asked: the client data's hash and the relying party.
pub(crate) fn asserted(text: &str, request: [&str; 2]) -> Result<Asserted, SecurityKeyError> {
    let nonsense = |what| SecurityKeyError::Nonsense { program: ASSERT, what };
    let mut lines = after_request(ASSERT, text, request)?;
    let (Some(data), Some(signature), None) = (lines.next(), lines.next(), lines.next()) else {
        return Err(nonsense("an assertion has four lines"));
    };
    let authenticator_data = blob(data).and_then(|bytes| byte_string(&bytes));
    let authenticator_data = authenticator_data.ok_or(nonsense("its authenticator data are no byte string"))?;
    let signature = blob(signature).ok_or(nonsense("its signature is not base64"))?;
    Ok(Asserted { authenticator_data, signature })
}

/// A credential as it was made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) authenticator_data: Vec<u8>,
    pub(crate) credential_id: Vec<u8>,
}

/// The six or seven lines of `fido2-cred -M`; the attestation is the affair of `fido2-cred -V`.
pub(crate) fn made(text: &str, request: [&str; 2]) -> Result<Made, SecurityKeyError> {
    let nonsense = |what| SecurityKeyError::Nonsense { program: CRED, what };
    let mut lines = after_request(CRED, text, request)?;
    let (Some(_format), Some(data), Some(id)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(nonsense("a credential has six or seven lines"));
    };
    if !(1..=2).contains(&lines.count()) {
        return Err(nonsense("a credential has six or seven lines"));
    }
    let authenticator_data = blob(data).and_then(|bytes| byte_string(&bytes));
    let authenticator_data = authenticator_data.ok_or(nonsense("its authenticator data are no byte string"))?;
    let credential_id = blob(id).ok_or(nonsense("its credential id is not base64"))?;
    Ok(Made { authenticator_data, credential_id })
}

/// What `fido2-cred -V` prints: the credential's id, and its public key as PEM.
pub(crate) fn verified(text: &str) -> Result<(Vec<u8>, &str), SecurityKeyError> {
    let nonsense = SecurityKeyError::Nonsense { program: CRED, what: "it verified something without an id and a key" };
    let (id, pem) = text.split_once('\n').ok_or(nonsense.clone())?;
    Ok((blob(id).ok_or(nonsense)?, pem))
}

/// A blob in base64 (RFC 4648 §4), as the programs take it.
pub(crate) fn to_blob(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn blob(line: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(line).ok()?;
    (1..=MAX_BLOB).contains(&bytes.len()).then_some(bytes)
}

/// The contents of a CBOR byte string (RFC 8949 §3.1), with its length in as few bytes as it needs, and nothing behind it.
fn byte_string(bytes: &[u8]) -> Option<Vec<u8>> {
    let (length, contents) = match bytes {
        [head @ 0x40..=0x57, contents @ ..] => (usize::from(head - 0x40), contents),
        [0x58, length, contents @ ..] if *length >= 24 => (usize::from(*length), contents),
        [0x59, high, low, contents @ ..] if *high > 0 => (usize::from(u16::from_be_bytes([*high, *low])), contents),
        _ => return None,
    };
    (contents.len() == length).then(|| contents.to_vec())
}

#[cfg(test)]
mod tests;
