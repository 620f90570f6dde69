//! An age identity in a file that only its owner reads: what opens a vault where nobody can type a passphrase.

use std::path::Path;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use zeroize::Zeroizing;

use crate::key_slots::{NewSlot, Unlock, UnlockError};
use crate::private_file;
use crate::reveal::Secret;

/// The longest identity file, bytes. One identity is 75.
const LENGTH_MAX: u64 = 16 * 1024;

/// Room for a comment, a recipient (62) and an identity (74), so that the buffer never grows and leaves a copy behind.
const TEXT_CAPACITY: usize = 256;

/// An age identity file, as `age-keygen` writes it.
#[derive(Debug)]
pub struct IdentityFile;

impl IdentityFile {
    /// Generates an identity into a new file of mode 0600 and returns the slot that lets it open a vault. Refuses to
    /// overwrite: a lost identity is a lost vault.
    pub fn create(path: &Path) -> Result<NewSlot, UnlockError> {
        let identity = Identity::generate();
        let recipient = identity.to_public().to_string();
        let text = identity.to_string();
        // EXPOSE: the only copy outside the wiped ones is the file that this function exists to write.
        let mut file = Zeroizing::new(String::with_capacity(TEXT_CAPACITY));
        for part in ["# public key: ", &recipient, "\n", text.expose_secret(), "\n"] {
            file.push_str(part);
        }
        private_file::create(path, file.as_bytes())?;
        Ok(NewSlot::AgeRecipient(recipient))
    }

    /// Reads an identity file. One that others can read is refused.
    pub fn read(path: &Path) -> Result<Unlock, UnlockError> {
        let (bytes, _) = private_file::read(path, LENGTH_MAX)?;
        Ok(Unlock::AgeIdentity(Secret::new(bytes)))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::IdentityFile;
    use crate::key_slots::{KeySlot, UnlockError, unwrap};
    use crate::seal::Key;

    #[test]
    fn a_created_identity_opens_its_slot() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("identity");
        let master = Key::random().unwrap();
        let slot = KeySlot::wrap(&IdentityFile::create(&path).unwrap(), "vault", &master).unwrap();
        let unlock = IdentityFile::read(&path).unwrap();
        assert_eq!(unwrap(&[slot], "vault", &unlock).unwrap().bytes(), master.bytes());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_identity_is_never_overwritten_and_never_shared() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("identity");
        IdentityFile::create(&path).unwrap();
        assert_eq!(IdentityFile::create(&path).unwrap_err(), UnlockError::File("it exists already"));
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(IdentityFile::read(&path).unwrap_err(), UnlockError::File(_)));
    }
}
