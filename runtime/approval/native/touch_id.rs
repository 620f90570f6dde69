//! macOS: a context of LocalAuthentication, used for one question.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use block2::RcBlock;
use objc2::runtime::Bool;
use objc2_foundation::{NSError, NSString};
use objc2_local_authentication::{LAContext, LAError, LAPolicy};

use crate::{Service, Unconfirmed};

pub(crate) const SERVICE: Option<Service> = Some(Service::TouchId);

/// How often it is looked whether anybody still waits. Nobody sees it.
const PAUSE: Duration = Duration::from_millis(25);

#[expect(unsafe_code, reason = "the framework is called through its Objective-C bindings")]
pub(crate) fn confirm(reason: &str, withdrawn: &AtomicBool) -> Result<(), Unconfirmed> {
    let (answer, answers) = channel();
    let reply = RcBlock::new(move |recognised: Bool, error: *mut NSError| {
        // SAFETY: the framework passes nil or an error that lives as long as this call.
        let code = unsafe { error.as_ref() }.map(NSError::code);
        // Nobody may listen any more.
        let _unheard = answer.send(meaning(recognised.as_bool(), code));
    });
    // SAFETY: `new` has no conditions, and the context stays on this thread.
    let context = unsafe { LAContext::new() };
    // SAFETY: setters of plain values, before the context is used. Zero seconds: an unlock of the screen a moment ago answers
    // nothing here. No title: the dialog offers no password instead.
    unsafe {
        context.setTouchIDAuthenticationAllowableReuseDuration(0.0);
        context.setLocalizedFallbackTitle(Some(&NSString::from_str("")));
    }
    let policy = LAPolicy::DeviceOwnerAuthenticationWithBiometrics;
    // SAFETY: the text is not empty, as the framework asks; it copies the block, which owns what it needs and is called once,
    // on a queue of the framework's.
    unsafe { context.evaluatePolicy_localizedReason_reply(policy, &NSString::from_str(reason), &reply) };
    loop {
        match answers.recv_timeout(PAUSE) {
            Ok(answer) => return answer,
            Err(RecvTimeoutError::Disconnected) => return Err(Unconfirmed::Failed),
            Err(RecvTimeoutError::Timeout) if withdrawn.load(Ordering::Acquire) => {
                // SAFETY: it has no conditions; the dialog closes, and the block is called with an error.
                unsafe { context.invalidate() };
                return Err(Unconfirmed::Withdrawn);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Only a yes without an error is one.
fn meaning(recognised: bool, code: Option<isize>) -> Result<(), Unconfirmed> {
    match code.map(LAError) {
        None if recognised => Ok(()),
        Some(LAError::AuthenticationFailed) => Err(Unconfirmed::NotRecognised),
        Some(LAError::UserCancel | LAError::UserFallback | LAError::SystemCancel) => Err(Unconfirmed::Closed),
        Some(LAError::BiometryLockout) => Err(Unconfirmed::LockedOut),
        Some(LAError::PasscodeNotSet | LAError::BiometryNotAvailable | LAError::BiometryNotEnrolled) => {
            Err(Unconfirmed::NotSetUp)
        }
        _ => Err(Unconfirmed::Failed),
    }
}
