//! Compiled plugins on disk, believed only when this host's key says so.
//!
//! A file is `magic ‖ tag ‖ engine ‖ code`. The tag is HMAC-SHA-256 (RFC 2104) with the host's key over a domain and, each
//! with its length before it: engine, host version, digest of the component, digest of the manifest, and the code. So a
//! file that was changed, that belongs to another plugin or another manifest, or that another version or another host
//! made, does not verify, and the component is compiled again.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use claviger_manifest::Digest;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::InstallError;

const MAGIC: &[u8; 8] = b"CLVCODE1";
const TAG: usize = 32;
const ENGINE: usize = 16;
const DOMAIN: &[u8] = b"claviger/compiled/v1\0";
/// A larger file was not written by this host: the compiler's result is capped below it.
const MAX_FILE: u64 = 257 << 20;

/// The key that authenticates compiled code: 32 bytes of the host's own, never shared with anything.
pub struct HostKey([u8; 32]);

impl HostKey {
    /// The key with these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Compiled code that this host made and nobody changed. Only [`Cache::open`] makes one.
pub(crate) struct Authentic {
    file: Vec<u8>,
}

impl Authentic {
    pub(crate) fn code(&self) -> &[u8] {
        self.file.get(MAGIC.len() + TAG + ENGINE..).unwrap_or_default()
    }
}

/// What compiled code belongs to.
pub(crate) struct Origin<'a> {
    pub(crate) component: &'a Digest,
    pub(crate) manifest: &'a Digest,
}

/// The directory of compiled plugins.
pub(crate) struct Cache {
    directory: PathBuf,
    key: HostKey,
}

impl Cache {
    pub(crate) fn new(directory: PathBuf, key: HostKey) -> Self {
        Self { directory, key }
    }

    /// Reads a file once, whole, and verifies what it read. `None` when there is none or it does not verify: then it is
    /// compiled again.
    pub(crate) fn open(&self, origin: &Origin<'_>) -> Option<Authentic> {
        let mut file = Vec::new();
        let source = File::open(self.path(origin)).ok()?;
        source.take(MAX_FILE).read_to_end(&mut file).ok()?;
        let rest = file.strip_prefix(MAGIC)?;
        let (tag, rest) = rest.split_at_checked(TAG)?;
        let (engine, code) = rest.split_at_checked(ENGINE)?;
        self.mac(origin, engine, code)?.verify_slice(tag).ok()?;
        Some(Authentic { file })
    }

    /// Writes what the compiler process made, atomically.
    pub(crate) fn write(&self, origin: &Origin<'_>, engine: &str, code: &[u8]) -> Result<(), InstallError> {
        let mut identity = [0; ENGINE];
        let broken = || InstallError::Compiler("its report names no engine".to_owned());
        identity.copy_from_slice(engine.as_bytes().get(..ENGINE).ok_or_else(broken)?);
        let tag = self.mac(origin, &identity, code).ok_or_else(broken)?.finalize().into_bytes();
        let write = || {
            std::fs::create_dir_all(&self.directory)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
            for part in [MAGIC.as_slice(), &tag, &identity, code] {
                file.write_all(part)?;
            }
            file.persist(self.path(origin)).map_err(|error| error.error)
        };
        write().map(|_| ()).map_err(InstallError::Cache)
    }

    fn path(&self, origin: &Origin<'_>) -> PathBuf {
        let hex = |digest: &Digest, length| {
            digest.to_string().trim_start_matches("sha256:").chars().take(length).collect::<String>()
        };
        self.directory.join(format!("{}-{}.compiled", hex(origin.component, 64), hex(origin.manifest, 16)))
    }

    fn mac(&self, origin: &Origin<'_>, engine: &[u8], code: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key.0).ok()?;
        let (component, manifest) = (origin.component.to_string(), origin.manifest.to_string());
        mac.update(DOMAIN);
        for part in [engine, env!("CARGO_PKG_VERSION").as_bytes(), component.as_bytes(), manifest.as_bytes(), code] {
            mac.update(&u64::try_from(part.len()).ok()?.to_be_bytes());
            mac.update(part);
        }
        Some(mac)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use claviger_manifest::Digest;

    use super::{Cache, HostKey, Origin};

    #[test]
    fn only_what_this_host_wrote_for_this_plugin_is_opened() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path().to_owned(), HostKey::new([7; 32]));
        let (component, manifest) = (Digest::of(b"component"), Digest::of(b"manifest"));
        let origin = Origin { component: &component, manifest: &manifest };
        assert!(cache.open(&origin).is_none());
        cache.write(&origin, "0123456789abcdef", b"some code").unwrap();
        assert_eq!(cache.open(&origin).unwrap().code(), b"some code");

        let path = cache.path(&origin);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert!(cache.open(&origin).is_none(), "byte {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(cache.open(&origin).is_none(), "cut at {at}");
        }
        std::fs::write(&path, [whole.as_slice(), b"x"].concat()).unwrap();
        assert!(cache.open(&origin).is_none());

        std::fs::write(&path, &whole).unwrap();
        let other = Cache::new(directory.path().to_owned(), HostKey::new([8; 32]));
        assert!(other.open(&origin).is_none());
        let edited = Digest::of(b"another manifest");
        let foreign = Origin { component: &component, manifest: &edited };
        std::fs::copy(&path, cache.path(&foreign)).unwrap();
        assert!(cache.open(&foreign).is_none());
    }
}
