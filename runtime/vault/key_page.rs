//! Memory for a key that outlives a call: a page of its own, locked into RAM and left out of dumps.

use std::fmt;

use memmap2::MmapMut;
use zeroize::Zeroize as _;

use crate::machine::MachineWarning;
use crate::seal::KEY_BYTES;

/// One mapping for one key. The kernel maps whole pages, so nothing else lies on it, and unlocking it unlocks nothing
/// else. Wiped, then unmapped, when dropped.
pub(crate) struct KeyPage {
    page: MmapMut,
    warning: Option<MachineWarning>,
}

impl KeyPage {
    /// A page of zeros; none when there is no memory left. One that cannot be locked is used, and says so.
    pub(crate) fn new() -> Option<Self> {
        let page = MmapMut::map_anon(KEY_BYTES).ok()?;
        let warning = protect(&page).err();
        Some(Self { page, warning })
    }

    /// What the machine did not do for this page.
    pub(crate) fn warning(&self) -> Option<MachineWarning> {
        self.warning
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.page
    }

    pub(crate) fn fill(&mut self) -> &mut [u8] {
        &mut self.page
    }
}

/// Locks first: of the two, swap is what outlives the machine.
fn protect(page: &MmapMut) -> Result<(), MachineWarning> {
    page.lock().map_err(|error| MachineWarning::Swappable(error.kind()))?;
    leave_out_of_dumps(page)
}

#[cfg(target_os = "linux")]
fn leave_out_of_dumps(page: &MmapMut) -> Result<(), MachineWarning> {
    page.advise(memmap2::Advice::DontDump).map_err(|error| MachineWarning::Dumpable(error.kind()))
}

/// Only Linux has the advice; elsewhere the limit on core dumps has to do.
#[cfg(not(target_os = "linux"))]
fn leave_out_of_dumps(_: &MmapMut) -> Result<(), MachineWarning> {
    Ok(())
}

impl Drop for KeyPage {
    fn drop(&mut self) {
        self.page.zeroize();
    }
}

impl fmt::Debug for KeyPage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyPage(…)")
    }
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::io::{Read as _, Seek as _};

    use memmap2::MmapMut;

    use super::KeyPage;
    use crate::seal::KEY_BYTES;

    /// A page that a file shares shows what is left when the page is gone.
    #[test]
    #[expect(unsafe_code, reason = "a mapped file can be changed by others; nobody else has this one")]
    fn what_lay_on_a_page_is_wiped_when_it_is_dropped() {
        let mut file = tempfile::tempfile().unwrap();
        file.set_len(KEY_BYTES.try_into().unwrap()).unwrap();
        let mapped = unsafe { MmapMut::map_mut(&file) }.unwrap();
        let mut seen = move || {
            let mut bytes = Vec::new();
            file.rewind().and_then(|()| file.read_to_end(&mut bytes)).unwrap();
            bytes
        };
        let mut key = KeyPage { page: mapped, warning: None };
        key.fill().fill(0x5a);
        assert_eq!(seen(), [0x5a; KEY_BYTES]);
        drop(key);
        assert_eq!(seen(), [0; KEY_BYTES]);
    }

    /// The kernel's own count of what this process keeps out of the swap space.
    #[test]
    fn a_page_is_locked_or_somebody_is_told() {
        let page = KeyPage::new().unwrap();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        let none = locked.trim() == "0 kB";
        assert!(page.warning().is_some() || !none, "nothing is locked, and nobody is told");
    }
}
