//! A yes for a secret is none for its successor.

use claviger_grant::Plan;

use super::house::{House, Place, name, show};
use super::upstream::{Reply, Upstream};
use crate::failure::FailureKind;
use crate::reveal::Secret;
use crate::versions::Seen;

const NEXT: &str = "nW4hTz8RkB2vQm6XpJ9cYd3";

fn replace(house: &House) {
    let reference = "op://MSP/Site/key".parse().unwrap();
    house.store.put(&reference, &Secret::new(NEXT.as_bytes().to_vec()), true).unwrap();
}

#[tokio::test]
async fn a_value_that_was_replaced_after_the_approval_is_not_sent() {
    let upstream = Upstream::start(|_| Reply::json(200, "{}")).await;
    let house = House::at(&Place::here(upstream.port));
    let granted = house.versioned(house.check(show("bearer")).unwrap()).await;
    let approved = house.approve(granted).await;
    replace(&house);
    let failure = house.go(approved, &mut house.begin()).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Replaced(ref secret) if secret.as_str() == "key"), "{failure}");
    assert!(!failure.left_host);
    assert_eq!(upstream.connections(), 0);
    // Asked anew, the new value is what is approved.
    assert_eq!(house.show("bearer").await.unwrap().status, 200);
    assert_eq!(upstream.connections(), 1);
}

/// What `op` does: it tells a version only with the value.
#[tokio::test]
async fn without_a_version_beforehand_the_last_one_that_was_read_counts() {
    let house = House::at(&Place::here(1));
    let Plan::Send(outbound) = house.check(show("bearer")).unwrap().into_plan() else { unreachable!("it sends") };
    let plan = outbound.credential.unwrap();
    assert!(plan.versions.is_empty());
    let (seen, key) = (Seen::default(), name("key"));
    let reference = "op://MSP/Site/key".parse().unwrap();
    let check = |version| seen.check(&plan, &key, &reference, version).is_ok();
    assert!(check("1") && check("1"));
    assert!(!check("2"), "replaced since");
    assert!(check("2"), "asked for anew");
}
