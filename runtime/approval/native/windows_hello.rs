//! Windows: the user consent verifier, through the interface for programs that have a window of the old kind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use windows::Security::Credentials::UI::{UserConsentVerificationResult, UserConsentVerifier};
use windows::Win32::System::Console::GetConsoleWindow;
use windows::Win32::System::WinRT::IUserConsentVerifierInterop;
use windows::Win32::UI::WindowsAndMessaging::{GA_ROOTOWNER, GetAncestor};
use windows::core::{HSTRING, factory};
use windows_future::{AsyncStatus, IAsyncOperation};

use crate::{Service, Unconfirmed};

pub(crate) const SERVICE: Option<Service> = Some(Service::WindowsHello);

/// How often it is looked whether the dialog was answered, and whether anybody still waits. Nobody sees it.
const PAUSE: Duration = Duration::from_millis(25);

pub(crate) fn confirm(reason: &str, withdrawn: &AtomicBool) -> Result<(), Unconfirmed> {
    let dialog = shown(reason).map_err(|_| Unconfirmed::Failed)?;
    loop {
        match dialog.Status().map_err(|_| Unconfirmed::Failed)? {
            AsyncStatus::Started if withdrawn.load(Ordering::Acquire) => {
                // Its answer would change nothing: nobody waits.
                let _closed = dialog.Cancel();
                return Err(Unconfirmed::Withdrawn);
            }
            AsyncStatus::Started => thread::sleep(PAUSE),
            AsyncStatus::Completed => return meaning(dialog.GetResults().map_err(|_| Unconfirmed::Failed)?),
            _ => return Err(Unconfirmed::Failed),
        }
    }
}

/// Shows it before the terminal's window, which is the console's or owns it.
#[expect(unsafe_code, reason = "Win32 functions take what the compiler cannot check")]
fn shown(reason: &str) -> windows::core::Result<IAsyncOperation<UserConsentVerificationResult>> {
    let verifier = factory::<UserConsentVerifier, IUserConsentVerifierInterop>()?;
    // SAFETY: neither has a condition; where there is no console, both give no window.
    let window = unsafe { GetAncestor(GetConsoleWindow(), GA_ROOTOWNER) };
    // SAFETY: the text lives as long as the call, the interface asked for is that of the type returned, and a window that is
    // gone by then is an error.
    unsafe { verifier.RequestVerificationForWindowAsync(window, &HSTRING::from(reason)) }
}

/// Only `Verified` is a yes.
fn meaning(result: UserConsentVerificationResult) -> Result<(), Unconfirmed> {
    match result {
        UserConsentVerificationResult::Verified => Ok(()),
        UserConsentVerificationResult::Canceled => Err(Unconfirmed::Closed),
        UserConsentVerificationResult::RetriesExhausted => Err(Unconfirmed::LockedOut),
        UserConsentVerificationResult::DeviceNotPresent
        | UserConsentVerificationResult::NotConfiguredForUser
        | UserConsentVerificationResult::DisabledByPolicy => Err(Unconfirmed::NotSetUp),
        _ => Err(Unconfirmed::Failed),
    }
}
