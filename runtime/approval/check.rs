//! Would this answer count?

use crate::{Ask, Assertion, Enrolled, Receipt, Refused, verify};

/// Verifies an answer to a question, or to the lease that it offers, as the desk will. For approvers that can let a person
/// try again: a wrong answer that reaches the desk is a denial.
///
/// # Errors
/// [`Refused`] with the reason, when the desk would refuse it too.
pub fn check(ask: &Ask, assertion: &Assertion, enrolled: &Enrolled) -> Result<(), Refused> {
    let key = enrolled.find(&assertion.credential_id).ok_or(Refused::NotEnrolled)?;
    let chosen = ask.as_lease().filter(|lease| assertion.names(lease)).unwrap_or(ask);
    Ok(verify(&Receipt::new(chosen, assertion.clone(), key), key).map(|_| ())?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::check;
    use crate::fixtures::{self, moment};
    use crate::{Enrolled, Refused};

    #[test]
    fn it_says_what_the_desk_will_say() {
        let ask = fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, 7)).unwrap();
        let other = fixtures::ask(&fixtures::facts(), &moment(1_700_000_000, 8)).unwrap();
        let enrolled = Enrolled::new([fixtures::webauthn_key().0]).unwrap();
        assert_eq!(check(&ask, &fixtures::assertion(&ask), &enrolled), Ok(()));
        assert_eq!(check(&ask, &fixtures::assertion(ask.as_lease().unwrap()), &enrolled), Ok(()));
        assert!(matches!(check(&ask, &fixtures::assertion(&other), &enrolled), Err(Refused::Receipt(_))));
        assert_eq!(check(&ask, &fixtures::assertion(&ask), &Enrolled::default()), Err(Refused::NotEnrolled));
    }
}
