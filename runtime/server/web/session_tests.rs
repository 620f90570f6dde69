//! Sessions, tickets and tokens over time.

use std::time::{Duration, SystemTime};

use super::{MAX_SESSIONS, Sessions, Tickets};

const KEY: [u8; 32] = [0x5b; 32];

fn sessions(now: SystemTime) -> Sessions {
    Sessions::new(Tickets::new(KEY), now).unwrap()
}

#[test]
fn a_ticket_opens_one_session_once() {
    let now = SystemTime::now();
    let sessions = sessions(now);
    let ticket = Tickets::new(KEY).issue(now).unwrap();
    let cookie = sessions.enter(&ticket, now).unwrap();
    assert!(sessions.recognise(&cookie, now).is_some());
    assert_eq!(sessions.enter(&ticket, now), None, "a ticket opened twice");
}

#[test]
fn old_new_foreign_and_torn_tickets_open_nothing() {
    let now = SystemTime::now();
    let sessions = sessions(now);
    let second = Duration::from_secs(1);
    let made = |at| Tickets::new(KEY).issue(at).unwrap();
    assert_eq!(sessions.enter(&made(now - second), now), None, "from before the host started");
    assert_eq!(sessions.enter(&made(now + second), now), None, "from the future");
    assert_eq!(sessions.enter(&made(now), now + second * 121), None, "too old");
    assert_eq!(sessions.enter(&Tickets::new([1; 32]).issue(now).unwrap(), now), None, "another key");
    let ticket = made(now);
    let cut: String = ticket.chars().take(60).collect();
    for torn in [cut.as_str(), "", "A", &format!("{ticket}AAAA"), &ticket.replace('A', "B")] {
        assert!(torn == ticket || sessions.enter(torn, now).is_none(), "{torn}");
    }
}

#[test]
fn a_session_ends_with_the_day_and_when_there_are_many() {
    let now = SystemTime::now();
    let sessions = sessions(now);
    let at = |index: usize| now + Duration::from_secs(u64::try_from(index).unwrap());
    let opened: Vec<String> = (0..=MAX_SESSIONS)
        .map(|index| sessions.enter(&Tickets::new(KEY).issue(at(index)).unwrap(), at(index)).unwrap())
        .collect();
    let last = opened.last().unwrap();
    assert!(sessions.recognise(opened.first().unwrap(), at(MAX_SESSIONS)).is_none());
    assert!(sessions.recognise(last, at(MAX_SESSIONS)).is_some());
    assert!(sessions.recognise(last, at(MAX_SESSIONS) + Duration::from_secs(8 * 3_600 + 1)).is_none());
    assert!(sessions.recognise("", now).is_none());
}

#[test]
fn a_token_is_one_pages_in_one_session() {
    let now = SystemTime::now();
    let sessions = sessions(now);
    let session = || {
        let cookie = sessions.enter(&Tickets::new(KEY).issue(now).unwrap(), now).unwrap();
        sessions.recognise(&cookie, now).unwrap()
    };
    let (one, other) = (session(), session());
    let token = sessions.token(one, "a");
    assert!(sessions.holds(one, "a", &token));
    assert!(!sessions.holds(one, "b", &token));
    assert!(!sessions.holds(other, "a", &token));
    assert!(!sessions.holds(one, "a", ""));
}

fn signed_in(sessions: &Sessions, name: &str, now: SystemTime) -> super::Session {
    let cookie = sessions.lock().admit(Some(name.to_owned()), super::milliseconds(now)).unwrap();
    sessions.recognise(&cookie, now).unwrap()
}

#[test]
fn an_enrolment_has_tickets_of_its_own_that_wait_longer() {
    let now = SystemTime::now();
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let enrolment = || Tickets::new(KEY).for_enrolment();
    let page = Sessions::new(enrolment(), now).unwrap();
    assert_eq!(page.enter(&Tickets::new(KEY).issue(now).unwrap(), now), None, "a console's ticket enrols nobody");
    assert_eq!(
        sessions(now).enter(&enrolment().issue(now).unwrap(), now),
        None,
        "an enrolment's ticket shows no console"
    );
    let ticket = enrolment().issue(now).unwrap();
    assert!(page.enter(&ticket, now + minutes(14)).is_some());
    assert_eq!(page.enter(&ticket, now + minutes(14)), None, "a link was used twice");
    assert_eq!(page.enter(&enrolment().issue(now).unwrap(), now + minutes(16)), None);
}

#[test]
fn a_persons_session_ends_when_they_do_nothing_and_with_the_day() {
    let now = SystemTime::now();
    let sessions = sessions(now);
    let minutes = |count: u64| now + Duration::from_secs(count * 60);
    let annas = signed_in(&sessions, "anna", now);
    assert_eq!(sessions.person(annas).as_deref(), Some("anna"));
    assert!(sessions.is_live(annas, minutes(29)) && !sessions.is_live(annas, minutes(31)));
    for tick in (20..480).step_by(20) {
        assert!(sessions.is_live(annas, minutes(tick)), "{tick}");
        sessions.active(annas, minutes(tick));
    }
    assert!(!sessions.is_live(annas, minutes(481)), "a session without end");
    // One that a ticket opened has no person, and rests as long as the day.
    let cookie = sessions.enter(&Tickets::new(KEY).issue(now).unwrap(), now).unwrap();
    let own = sessions.recognise(&cookie, minutes(100)).unwrap();
    assert_eq!(sessions.person(own), None);
    sessions.end(own);
    assert!(sessions.recognise(&cookie, now).is_none());
}

#[test]
fn one_persons_many_browsers_end_nobody_elses_session() {
    let now = SystemTime::now();
    let sessions = sessions(now);
    let bens = signed_in(&sessions, "ben", now);
    let later = now + Duration::from_secs(1);
    let annas: Vec<_> = (0..=MAX_SESSIONS).map(|_| signed_in(&sessions, "anna", later)).collect();
    assert!(sessions.is_live(bens, later));
    assert_eq!(annas.iter().filter(|session| sessions.is_live(**session, later)).count(), MAX_SESSIONS);
}

#[test]
fn an_invitation_is_answered_once_and_soon() {
    let now = SystemTime::now();
    let sessions = sessions(now);
    let invitation = sessions.invitation(now).unwrap();
    assert_eq!(sessions.enter(&invitation, now), None, "an invitation is no ticket");
    let spend =
        |word: &str, at| sessions.spend(&mut sessions.lock(), &sessions.invitations, word, super::milliseconds(at));
    assert!(spend(&invitation, now).is_some() && spend(&invitation, now).is_none());
    let other = sessions.invitation(now).unwrap();
    assert!(spend(&other, now + Duration::from_secs(121)).is_none());
    assert!(spend(&Tickets::new(KEY).issue(now).unwrap(), now).is_none(), "a ticket is no invitation");
}

#[test]
fn a_teams_cookie_is_its_hosts_alone() {
    let origin = crate::web::Origin::team("https://approve.acme.example", None).unwrap();
    let cookie = super::cookie(&origin, &super::cookie_name(&origin), "v");
    assert_eq!(cookie, "__Host-claviger-session-443=v; Path=/; HttpOnly; SameSite=Strict; Max-Age=28800; Secure");
    let here = crate::web::Origin::new("claviger.localhost", 7443).unwrap();
    assert!(!super::cookie(&here, &super::cookie_name(&here), "v").contains("Secure"));
}

#[tokio::test]
async fn whoever_listens_hears_that_a_session_was_ended() {
    let now = SystemTime::now();
    let sessions = sessions(now);
    let (annas, bens) = (signed_in(&sessions, "anna", now), signed_in(&sessions, "ben", now));
    let mut ends = sessions.ends();
    sessions.end(annas);
    tokio::time::timeout(Duration::from_secs(5), ends.changed()).await.unwrap().unwrap();
    assert!(!sessions.is_live(annas, now) && sessions.is_live(bens, now));
    assert_eq!(sessions.person(annas), None);
}
